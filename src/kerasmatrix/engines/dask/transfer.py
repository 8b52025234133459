"""Transfers folders between machines, as one ZIP file each, named by the digest of its content.

They lie where fsspec can reach them: in a folder that all machines share, S3, GCS. The content that
arrives is compared with its digest, so a file that was cut off or damaged is never used.
"""

from __future__ import annotations

import contextlib
import tempfile
import uuid
import zipfile
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import fsspec
from fsspec.implementations.local import LocalFileSystem

from kerasmatrix.errors import InfrastructureError, UsageError
from kerasmatrix.filesystem.atomic import write_atomic
from kerasmatrix.filesystem.digests import digest_tree
from kerasmatrix.filesystem.plain_files import NotPlain
from kerasmatrix.harness import trees
from kerasmatrix.store.artifacts import copy_artifact, make_readable
from kerasmatrix.text.redaction import mask_secrets_of

__all__ = ["ArtifactMissing", "ArtifactTransfer"]

# Most artifacts are small, so several are transferred at once.
TRANSFERS = 8
CHUNK = 1 << 20  # bytes


class ArtifactMissing(Exception):
    """A folder is not at the remote place, or damaged. The coordinator can send it again."""

    def __init__(self, digest: str, reason: str) -> None:
        super().__init__(digest, reason)
        self.digest = digest

    def __str__(self) -> str:
        return "artifact {} {}".format(*self.args)


class ArtifactTransfer:
    """The folders at one remote place. Used by several threads at once."""

    def __init__(self, url: str) -> None:
        """Find the file system of ``url``; credentials are in fsspec's configuration.

        Raises:
            UsageError: the kind of URL is unknown, or its package is not installed.
        """
        self.url = url
        self._sent: set[str] = set()
        try:
            self._files, self._root = fsspec.core.url_to_fs(url)
        except (ImportError, ValueError) as error:
            hint = "name a folder that all machines share, or a URL like s3://bucket/folder"
            if isinstance(error, ImportError):
                package = "s3fs" if url.startswith("s3") else error.name or "the missing package"
                hint = f"pip install {package}, here and on every Dask worker"
            message = mask_secrets_of(url, f"--artifacts {url}: {error}")
            raise UsageError(message, hint=hint) from error

    def send(self, folders: Mapping[str, Path]) -> None:
        """Send the folders of these digests, unless they were sent before.

        Raises:
            InfrastructureError: the remote place cannot be written.
        """
        unsent = {digest: path for digest, path in folders.items() if digest not in self._sent}
        with ThreadPoolExecutor(TRANSFERS) as pool:
            list(pool.map(self._send, unsent, unsent.values()))
        self._sent.update(unsent)

    def send_again(self, digest: str) -> None:
        """Have the next `send` replace a folder that did not arrive."""
        with self._explaining("written"), contextlib.suppress(FileNotFoundError):
            self._files.rm_file(self._remote(digest))
        self._sent.discard(digest)

    def fetch(self, folders: Mapping[Path, str]) -> None:
        """Fetch folders, given as the digest of each by its target, unless they are there.

        Raises:
            ArtifactMissing: one is not at the remote place, or damaged.
            InfrastructureError: the place cannot be read, or a target cannot be written.
        """
        absent = {target: digest for target, digest in folders.items() if not target.is_dir()}
        with ThreadPoolExecutor(TRANSFERS) as pool:
            list(pool.map(self._fetch, absent, absent.values()))

    def keep(self, folder: Path, cache: Path) -> str:
        """Send the artifact in ``folder`` and move it into ``cache``; return its digest.

        Raises:
            NoArtifact: it contains something else than files and folders.
            OSError: it cannot be read.
            InfrastructureError: it cannot be sent.
        """
        copy = cache.parent / f"artifact-{uuid.uuid4().hex}"
        try:
            digest = copy_artifact(folder, copy)
            self.send({digest: copy})
            with contextlib.suppress(OSError):  # it is here already, and may be in use
                copy.rename(cache / digest)
        finally:
            trees.remove(str(copy))
        trees.remove(str(folder))
        return digest

    def _remote(self, digest: str) -> str:
        return f"{self._root}/{digest}.zip"

    def _send(self, digest: str, folder: Path) -> None:
        """Send a folder, unless a file of its length is there."""
        remote = self._remote(digest)
        with tempfile.TemporaryDirectory(prefix="kerasmatrix-transfer-") as scratch:
            packed = Path(scratch, "folder.zip")
            _pack(folder, packed)
            with self._explaining("written"):
                with contextlib.suppress(FileNotFoundError):
                    if self._files.info(remote)["size"] == packed.stat().st_size:
                        return
                if isinstance(self._files, LocalFileSystem):
                    Path(remote).parent.mkdir(parents=True, exist_ok=True)
                    with packed.open("rb") as file:
                        write_atomic(Path(remote), iter(lambda: file.read(CHUNK), b""))
                else:
                    self._files.put_file(str(packed), remote)  # object stores write whole objects

    def _fetch(self, target: Path, digest: str) -> None:
        target.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix="transfer-", dir=target.parent) as scratch:
            packed, folder = Path(scratch, "folder.zip"), Path(scratch, "folder")
            with self._explaining("read"):
                try:
                    self._files.get_file(self._remote(digest), str(packed))
                except FileNotFoundError:
                    raise ArtifactMissing(digest, "is not there") from None
                _unpack(packed, folder, digest)
            # Another thread may have fetched the same folder, and be using it.
            with contextlib.suppress(OSError):
                folder.rename(target)
        if not target.is_dir():
            raise InfrastructureError(f"{target}: cannot be written")

    @contextlib.contextmanager
    def _explaining(self, action: str) -> Iterator[None]:
        try:
            yield
        except ArtifactMissing:
            raise
        except Exception as error:  # every file system has its own exceptions
            message = f"--artifacts {self.url}: cannot be {action}: {type(error).__name__}: {error}"
            raise InfrastructureError(
                mask_secrets_of(self.url, message),
                hint="make it readable and writable, here and for every Dask worker; its address "
                "and credentials can be set in fsspec's configuration",
            ) from error


def _pack(folder: Path, packed: Path) -> None:
    """Write the files and folders below a folder: a SavedModel has empty folders."""
    # A ZIP file cannot hold a time before 1980, which a checkout may have.
    with zipfile.ZipFile(packed, "w", strict_timestamps=False) as archive:
        for path in sorted(folder.rglob("*")):
            archive.write(path, path.relative_to(folder))


def _unpack(packed: Path, folder: Path, digest: str) -> None:
    folder.mkdir()
    try:
        with zipfile.ZipFile(packed) as archive:
            archive.extractall(folder)
        is_damaged = digest_tree(folder) != digest
    except (zipfile.BadZipFile, EOFError, NotPlain) as error:
        raise ArtifactMissing(digest, f"is damaged: {error}") from error
    if is_damaged:
        raise ArtifactMissing(digest, "is damaged: its content has another digest")
    make_readable(folder)
