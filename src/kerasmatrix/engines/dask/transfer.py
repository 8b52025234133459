"""Transfers folders between machines, as one ZIP file each, named by the digest of its content.

They lie where fsspec can reach them: in a folder that all machines share, S3, GCS. The content that
arrives is compared with its digest, so a file that was cut off or damaged is never used.
"""

from __future__ import annotations

import contextlib
import hashlib
import shutil
import tempfile
import threading
import uuid
import zipfile
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import fsspec
from fsspec.implementations.local import LocalFileSystem

from kerasmatrix.engines.base import Task, WorkDirs
from kerasmatrix.errors import InfrastructureError, UsageError
from kerasmatrix.filesystem.atomic import write_atomic
from kerasmatrix.filesystem.digests import digest_tree
from kerasmatrix.filesystem.plain_files import NotPlain
from kerasmatrix.harness import trees
from kerasmatrix.store.artifacts import copy_artifact, make_readable
from kerasmatrix.text.redaction import mask_secrets_of

__all__ = ["ArtifactCache", "ArtifactMissing", "ArtifactTransfer", "Uploads"]

# Most artifacts are small, so several are transferred at once.
TRANSFERS = 8
CHUNK = 1 << 20  # bytes
# The earliest time that a ZIP file can hold: equal content gives equal files.
EPOCH = (1980, 1, 1, 0, 0, 0)


class ArtifactMissing(Exception):
    """A folder is not at the remote place, or damaged. The coordinator can send it again."""

    def __init__(self, digest: str, reason: str) -> None:
        super().__init__(digest, reason)
        self.digest = digest
        self.reason = reason


class ArtifactTransfer:
    """The folders at one remote place. Used by several threads at once."""

    def __init__(self, url: str) -> None:
        """Find the file system of ``url``; credentials are in fsspec's configuration.

        Raises:
            UsageError: the kind of URL is unknown, or its package is not installed.
        """
        self.url = url
        try:
            self._files, self._root = fsspec.core.url_to_fs(url)
        except ImportError as error:
            package = "s3fs" if url.startswith("s3") else str(error.name or "the missing package")
            raise UsageError(
                mask_secrets_of(url, f"--artifacts {url}: its file system cannot be used: {error}"),
                hint=f"pip install {package}, here and on every Dask worker",
            ) from error
        except ValueError as error:
            raise UsageError(
                mask_secrets_of(url, f"--artifacts {url}: {error}"),
                hint="name a folder that all machines share, or a URL like s3://bucket/folder",
            ) from error

    def send(self, folder: Path, digest: str, *, again: bool = False) -> None:
        """Send a folder, unless a file of its size is there.

        Args:
            folder: the folder.
            digest: of its content.
            again: whether to replace the file that is there.

        Raises:
            InfrastructureError: the remote place cannot be written.
        """
        with tempfile.TemporaryDirectory(prefix="kerasmatrix-transfer-") as scratch:
            packed, target = Path(scratch, "folder.zip"), f"{self._root}/{digest}.zip"
            _pack(folder, packed)
            with self._explaining("written"):
                if again or self._size(target) != packed.stat().st_size:
                    self._put(packed, target)

    def fetch(self, digest: str, target: Path) -> None:
        """Fetch a folder into ``target``, which is not there yet.

        Raises:
            ArtifactMissing: it is not at the remote place, or damaged.
            InfrastructureError: the place cannot be read, or ``target`` cannot be written.
        """
        target.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix="transfer-", dir=target.parent) as scratch:
            packed, folder = Path(scratch, "folder.zip"), Path(scratch, "folder")
            with self._explaining("read"):
                try:
                    self._files.get_file(f"{self._root}/{digest}.zip", str(packed))
                except FileNotFoundError:
                    raise ArtifactMissing(digest, "is not there") from None
                _unpack(packed, folder, digest)
                # Another thread may have fetched the same folder, and be using it.
                with contextlib.suppress(OSError):
                    folder.rename(target)
            if not target.is_dir():
                raise InfrastructureError(f"{target}: cannot be written")

    def fetch_all(self, folders: dict[Path, str]) -> None:
        """Fetch the folders that are absent, given as the digest of each by its target.

        Raises: see `fetch`.
        """
        absent = {target: digest for target, digest in folders.items() if not target.is_dir()}
        with ThreadPoolExecutor(TRANSFERS) as pool:
            for _ in pool.map(self.fetch, absent.values(), absent):
                pass

    def _put(self, packed: Path, target: str) -> None:
        if not isinstance(self._files, LocalFileSystem):
            self._files.put_file(str(packed), target)  # object stores write whole objects
            return
        Path(target).parent.mkdir(parents=True, exist_ok=True)
        with packed.open("rb") as file:
            write_atomic(Path(target), iter(lambda: file.read(CHUNK), b""))

    def _size(self, path: str) -> int | None:
        try:
            return int(self._files.info(path)["size"])
        except FileNotFoundError:
            return None

    @contextlib.contextmanager
    def _explaining(self, action: str) -> Iterator[None]:
        try:
            yield
        except (ArtifactMissing, InfrastructureError):
            raise
        except Exception as error:  # every file system has its own exceptions
            message = f"--artifacts {self.url}: cannot be {action}: {type(error).__name__}: {error}"
            raise InfrastructureError(
                mask_secrets_of(self.url, message),
                hint="make it readable and writable, here and for every Dask worker; its address "
                "and credentials can be set in fsspec's configuration",
            ) from error


class ArtifactCache:
    """The artifacts on a Dask worker, by digest, in one folder. Used by several threads at once."""

    def __init__(self, folder: Path, transfer: ArtifactTransfer) -> None:
        """Start empty; only this object writes ``folder``, which the workers see."""
        self.folder = folder
        self.transfer = transfer
        folder.mkdir(parents=True, exist_ok=True)

    def fetch(self, digests: Iterable[str]) -> None:
        """Fetch the artifacts that are not in the folder.

        Raises: see `ArtifactTransfer.fetch`.
        """
        self.transfer.fetch_all({self.folder / digest: digest for digest in digests})

    def add(self, folder: Path) -> str:
        """Send the artifact in ``folder`` and move it into the cache; return its digest.

        Raises:
            NoArtifact: it contains something else than files and folders.
            OSError: it cannot be read.
            InfrastructureError: it cannot be sent.
        """
        copy = self.folder.parent / f"artifact-{uuid.uuid4().hex}"
        try:
            digest = copy_artifact(folder, copy)
            self.transfer.send(copy, digest)
            with contextlib.suppress(OSError):  # it is here already, and may be in use
                copy.rename(self.folder / digest)
        finally:
            trees.remove(str(copy))
        trees.remove(str(folder))
        return digest


class Uploads:
    """The scenarios and artifacts that the coordinator sends. Used by several threads at once."""

    def __init__(self, transfer: ArtifactTransfer) -> None:
        self._transfer = transfer
        self._lock = threading.Lock()
        self._sent: set[str] = set()
        self._scenarios: dict[Path, dict[str, str]] = {}

    def send(self, dirs: WorkDirs, tasks: Sequence[Task]) -> dict[str, str]:
        """Send all that ``tasks`` need; return the digests of their scenarios by name.

        Raises:
            InfrastructureError: the remote place cannot be written.
        """
        digests = self._digests(dirs.scenarios)
        scenarios = {task.scenario: digests[task.scenario] for task in tasks}
        folders = {digest: dirs.scenarios / name for name, digest in scenarios.items()}
        artifacts = {task.artifact for task in tasks if task.artifact}
        folders |= {digest: dirs.artifacts / digest for digest in artifacts}
        unsent = {digest: folder for digest, folder in folders.items() if digest not in self._sent}
        with ThreadPoolExecutor(TRANSFERS) as pool:
            for _ in pool.map(self._transfer.send, unsent.values(), unsent):
                pass
        with self._lock:
            self._sent.update(unsent)
        return scenarios

    def resend(self, digest: str, dirs: WorkDirs) -> None:
        """Replace a scenario or artifact at the remote place.

        Raises:
            InfrastructureError: the remote place cannot be written.
        """
        names = {known: name for name, known in self._digests(dirs.scenarios).items()}
        folder = dirs.scenarios / names[digest] if digest in names else dirs.artifacts / digest
        self._transfer.send(folder, digest, again=True)

    def fetch(self, digest: str, target: Path, dirs: WorkDirs) -> None:
        """Fetch an artifact that a Dask worker sent, unless there is a copy here.

        Raises: see `ArtifactTransfer.fetch`.
        """
        with self._lock:
            self._sent.add(digest)
        copy = dirs.artifacts / digest
        with contextlib.suppress(OSError, NotPlain):
            if digest_tree(copy) == digest:
                shutil.copytree(copy, target)
                return
        self._transfer.fetch(digest, target)

    def digest_of_all(self, scenarios: Path) -> str:
        """Return one digest of all scenarios in a folder."""
        content = repr(sorted(self._digests(scenarios).items()))
        return hashlib.sha256(content.encode()).hexdigest()[:16]

    def _digests(self, scenarios: Path) -> dict[str, str]:
        with self._lock:
            if scenarios not in self._scenarios:
                folders = [folder for folder in scenarios.iterdir() if folder.is_dir()]
                self._scenarios[scenarios] = {
                    folder.name: digest_tree(folder) for folder in folders
                }
            return self._scenarios[scenarios]


def _pack(folder: Path, packed: Path) -> None:
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_STORED) as archive:
        for path in sorted(folder.rglob("*")):
            name = path.relative_to(folder).as_posix()
            if path.is_dir():  # a SavedModel has empty folders
                archive.writestr(zipfile.ZipInfo(f"{name}/", EPOCH), b"")
            elif path.is_file():
                with (
                    path.open("rb") as source,
                    archive.open(zipfile.ZipInfo(name, EPOCH), "w", force_zip64=True) as entry,
                ):
                    shutil.copyfileobj(source, entry, CHUNK)


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
