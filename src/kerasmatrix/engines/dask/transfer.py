"""Folders on their way between machines: one object each, named by the digest of its content.

A parcel is a ZIP file without compression whose bytes follow from the folder's content alone, in
whatever place fsspec can reach: a folder that all machines share, S3, GCS. What comes out is
checked against its name, so a parcel that was cut off or damaged is never taken for whole.
"""

from __future__ import annotations

import contextlib
import shutil
import tempfile
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import fsspec
from fsspec.implementations.local import LocalFileSystem

from kerasmatrix.errors import InfrastructureError, UsageError
from kerasmatrix.filesystem.atomic import put
from kerasmatrix.filesystem.plain_files import NotPlain, digest_tree
from kerasmatrix.store.store import make_readable
from kerasmatrix.text.redaction import mask_secrets_of

__all__ = ["ParcelMissing", "Parcels"]

# The earliest time that a ZIP file can name: the content alone decides its bytes.
CHUNK = 1 << 20  # bytes
EPOCH = (1980, 1, 1, 0, 0, 0)
INSTALL = "pip install {package}, here and on every Dask worker"


class ParcelMissing(Exception):
    """There is no such parcel, or it is damaged; who has the folder can send it again."""

    def __init__(self, digest: str, reason: str) -> None:
        super().__init__(digest, reason)
        self.digest = digest
        self.reason = reason


class Parcels:
    """The parcels at one place. Used by several threads at once."""

    def __init__(self, url: str) -> None:
        """Find the file system that ``url`` names; how to log in is fsspec's configuration.

        Raises:
            UsageError: there is no such kind of place, or its package is not installed.
        """
        self.url = url
        try:
            self._files, self._root = fsspec.core.url_to_fs(url)
        except ImportError as error:
            package = "s3fs" if url.startswith("s3") else str(error.name or "what it asks for")
            raise UsageError(
                mask_secrets_of(url, f"--artifacts {url}: its file system cannot be used: {error}"),
                hint=INSTALL.format(package=package),
            ) from error
        except ValueError as error:
            raise UsageError(
                mask_secrets_of(url, f"--artifacts {url}: {error}"),
                hint="name a folder that all machines share, or a URL like s3://bucket/folder",
            ) from error
        self._local = isinstance(self._files, LocalFileSystem)

    def put(self, folder: Path, digest: str, *, again: bool = False) -> int:
        """Send ``folder``, unless a parcel of its size is there; return how many bytes it takes.

        Args:
            folder: what to send.
            digest: of its content.
            again: send it whatever is there.

        Raises:
            InfrastructureError: the place cannot be written.
        """
        with tempfile.TemporaryDirectory(prefix="kerasmatrix-parcel-") as scratch:
            packed = Path(scratch, "parcel.zip")
            size = _pack(folder, packed)
            with self._trouble("written"):
                target = self._path(digest)
                if again or self._size(target) != size:
                    self._send(packed, target)
        return size

    def get(self, digest: str, target: Path) -> None:
        """Fetch a parcel into the folder ``target``, which is not there yet.

        Raises:
            ParcelMissing: it is not there, or not what its name says.
            InfrastructureError: the place cannot be read, or ``target`` not be written.
        """
        target.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix="parcel-", dir=target.parent) as scratch:
            packed, folder = Path(scratch, "parcel.zip"), Path(scratch, "folder")
            with self._trouble("read"):
                try:
                    self._files.get_file(self._path(digest), str(packed))
                except FileNotFoundError:
                    raise ParcelMissing(digest, "is not there") from None
                folder.mkdir()
                try:
                    with zipfile.ZipFile(packed) as archive:
                        archive.extractall(folder)
                except (zipfile.BadZipFile, EOFError) as error:
                    raise ParcelMissing(digest, f"is damaged: {error}") from error
                try:
                    is_damaged = digest_tree(folder) != digest
                except NotPlain:
                    is_damaged = True
                if is_damaged:
                    raise ParcelMissing(digest, "is damaged: its content has another digest")
                make_readable(folder)
                # Somebody else may have fetched the same in the meantime, and is using it.
                with contextlib.suppress(OSError):
                    folder.rename(target)
            if not target.is_dir():
                raise InfrastructureError(f"{target}: cannot be written")

    def _send(self, packed: Path, target: str) -> None:
        if not self._local:  # objects are there as a whole or not at all
            self._files.put_file(str(packed), target)
            return
        Path(target).parent.mkdir(parents=True, exist_ok=True)
        with packed.open("rb") as file:
            put(Path(target), iter(lambda: file.read(CHUNK), b""))

    def _size(self, path: str) -> int | None:
        try:
            told: dict[str, Any] = self._files.info(path)
        except FileNotFoundError:
            return None
        return int(told["size"])

    def _path(self, digest: str) -> str:
        return f"{self._root}/{digest}.zip"

    @contextlib.contextmanager
    def _trouble(self, what: str) -> Iterator[None]:
        try:
            yield
        except (ParcelMissing, InfrastructureError):
            raise
        except Exception as error:  # every file system has errors of its own
            raise InfrastructureError(
                mask_secrets_of(
                    self.url,
                    f"--artifacts {self.url}: cannot be {what}: {type(error).__name__}: {error}",
                ),
                hint="see that it can be reached, and written, from here and from every Dask "
                "worker; where that is, and how to log in, can be told in fsspec's configuration",
            ) from error


def _pack(folder: Path, packed: Path) -> int:
    """Write ``folder`` into a ZIP file; return its size in bytes."""
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_STORED) as archive:
        for path in sorted(folder.rglob("*")):
            name = path.relative_to(folder).as_posix()
            if path.is_dir():  # a SavedModel has folders with nothing in them
                archive.writestr(zipfile.ZipInfo(f"{name}/", EPOCH), b"")
            elif path.is_file():
                with (
                    path.open("rb") as source,
                    archive.open(zipfile.ZipInfo(name, EPOCH), "w", force_zip64=True) as entry,
                ):
                    shutil.copyfileobj(source, entry, CHUNK)
    return packed.stat().st_size
