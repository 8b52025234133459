"""Keeps artifacts on a Dask worker: fetched when a job needs them, removed when room is short."""

from __future__ import annotations

import contextlib
import shutil
import threading
import uuid
from collections import Counter, OrderedDict
from collections.abc import Iterable, Iterator
from pathlib import Path

from kerasmatrix.engines.dask.transfer import ArtifactTransfer
from kerasmatrix.harness import trees
from kerasmatrix.store.artifacts import copy_artifact

__all__ = ["ArtifactCache"]

ROOM = 20 << 30  # bytes


class ArtifactCache:
    """Artifacts by digest in one folder, which workers see. Used by several threads at once."""

    def __init__(self, folder: Path, transfer: ArtifactTransfer, room: int = ROOM) -> None:
        """Start empty.

        Args:
            folder: is written by this object only.
            transfer: fetches and sends artifacts.
            room: the most bytes of all artifacts, unless more are in use.
        """
        self.folder = folder
        self.transfer = transfer
        self._room = room
        self._lock = threading.Lock()
        self._used: Counter[str] = Counter()
        self._sizes: OrderedDict[str, int] = OrderedDict()  # the least recently used first
        folder.mkdir(parents=True, exist_ok=True)

    @contextlib.contextmanager
    def holding(self, digests: Iterable[str]) -> Iterator[None]:
        """Keep these artifacts in the folder during the context.

        Raises:
            ArtifactMissing: one is not at the remote place, or damaged there.
            InfrastructureError: they cannot be fetched for another reason.
        """
        wanted = set(digests)
        with self._lock:
            self._used.update(wanted)
        try:
            self.transfer.fetch_all({self.folder / digest: digest for digest in wanted})
            with self._lock:
                for digest in wanted:
                    self._touch(digest)
            yield
        finally:
            with self._lock:
                self._used.subtract(wanted)
                self._evict()

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
        with self._lock:
            self._touch(digest)
            self._evict()
        return digest

    def _touch(self, digest: str) -> None:
        if digest not in self._sizes:
            files = (self.folder / digest).rglob("*")
            self._sizes[digest] = sum(path.stat().st_size for path in files if path.is_file())
        self._sizes.move_to_end(digest)

    def _evict(self) -> None:
        total = sum(self._sizes.values())
        for digest in [digest for digest in self._sizes if self._used[digest] <= 0]:
            if total <= self._room:
                return
            total -= self._sizes.pop(digest)
            shutil.rmtree(self.folder / digest, ignore_errors=True)
