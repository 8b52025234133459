"""The artifacts that a machine has at hand: fetched when they are needed, kept while there is room.

Workers see the folder, so what is in use is never taken away, and what is there is whole.
"""

from __future__ import annotations

import contextlib
import shutil
import threading
import uuid
from collections import Counter, OrderedDict
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from kerasmatrix.engines.dask.transfer import Parcels
from kerasmatrix.harness import trees
from kerasmatrix.store.store import copy_artifact

__all__ = ["Shelf", "fetch_all"]

# How many parcels are under way at a time: most are small, and wait more than they travel.
FETCHERS = 8
ROOM = 20 << 30  # bytes


class Shelf:
    """Artifacts by digest below one folder. Used by several threads at once."""

    def __init__(self, folder: Path, parcels: Parcels, room: int = ROOM) -> None:
        """Begin with nothing.

        Args:
            folder: where they lie; nobody else writes there.
            parcels: where they come from and go to.
            room: how many bytes may lie here that nobody uses.
        """
        self.folder = folder
        self.parcels = parcels
        self._room = room
        self._lock = threading.Lock()
        self._used: Counter[str] = Counter()
        self._sizes: OrderedDict[str, int] = OrderedDict()  # the longest unused first
        folder.mkdir(parents=True, exist_ok=True)

    @contextlib.contextmanager
    def holding(self, digests: Iterable[str]) -> Iterator[None]:
        """Have these artifacts here as long as the context lasts.

        Raises:
            ParcelMissing: one of them cannot be fetched, since it is not there or damaged.
            InfrastructureError: they cannot be fetched for another reason.
        """
        wanted = sorted(set(digests))
        with self._lock:
            self._used.update(wanted)
        try:
            fetch_all(self.parcels, {self.folder / digest: digest for digest in wanted})
            with self._lock:
                for digest in wanted:
                    self._note(digest)
            yield
        finally:
            with self._lock:
                self._used.subtract(wanted)
                self._used += Counter()  # forgets those that nobody uses
                self._tidy()

    def take_in(self, folder: Path) -> str:
        """Send what a task left in ``folder`` on its way, and keep it here; return its digest.

        Raises:
            NoArtifact: it is not made of files and folders alone.
            OSError: it cannot be read.
            InfrastructureError: it cannot be sent.
        """
        copy = self.folder.parent / f"artifact-{uuid.uuid4().hex}"
        try:
            digest = copy_artifact(folder, copy)
            self.parcels.put(copy, digest)
            with contextlib.suppress(OSError):  # it is here already, and perhaps in use
                copy.rename(self.folder / digest)
        finally:
            trees.remove(str(copy))
        trees.remove(str(folder))
        with self._lock:
            self._note(digest)
            self._tidy()
        return digest

    def _note(self, digest: str) -> None:
        if digest not in self._sizes:
            files = (self.folder / digest).rglob("*")
            self._sizes[digest] = sum(path.stat().st_size for path in files if path.is_file())
        self._sizes.move_to_end(digest)

    def _tidy(self) -> None:
        """Take away what nobody uses, the longest unused first, until the rest has room."""
        total = sum(self._sizes.values())
        for digest in [each for each in self._sizes if not self._used[each]]:
            if total <= self._room:
                return
            total -= self._sizes.pop(digest)
            shutil.rmtree(self.folder / digest, ignore_errors=True)


def fetch_all(parcels: Parcels, wanted: dict[Path, str]) -> None:
    """Fetch parcels, by the folder each goes to; those that are there are left as they are.

    Raises:
        ParcelMissing: one of them is not there or damaged.
        InfrastructureError: they cannot be fetched for another reason.
    """
    absent = {target: digest for target, digest in wanted.items() if not target.is_dir()}
    if not absent:
        return
    with ThreadPoolExecutor(min(FETCHERS, len(absent))) as pool:
        for done in [pool.submit(parcels.get, each, target) for target, each in absent.items()]:
            done.result()
