"""Files that take their place whole or not at all, and leave nothing of a writer that was killed.

What is written is staged beside its place under a name of its own, and locked: the kernel lets go
of it when the writer dies, and whoever stages the next file in that folder takes it away.
"""

from __future__ import annotations

import fcntl
import os
import tempfile
from collections.abc import Iterable
from pathlib import Path

__all__ = ["Staged", "put"]

MARK = ".staged-"


class Staged:
    """A file that is written in full and has not taken its place yet."""

    def __init__(self, place: Path, parts: Iterable[bytes]) -> None:
        """Write ``parts`` beside ``place`` and make sure that they are on the disk.

        Raises:
            OSError: it cannot be written.
        """
        self._place = place
        _sweep(place.parent)
        self._handle, name = tempfile.mkstemp(dir=place.parent, prefix=f"{MARK}{place.name}-")
        self._path = Path(name)
        try:
            fcntl.flock(self._handle, fcntl.LOCK_EX)
            with os.fdopen(self._handle, "wb", closefd=False) as file:
                file.writelines(parts)
                file.flush()
                os.fsync(file.fileno())
            # Temporary files are their owner's alone; a report is for everyone.
            self._path.chmod(0o644)
        except BaseException:
            self.discard()
            raise

    def take_place(self) -> None:
        """Stand where it belongs, in place of what is there."""
        self._path.replace(self._place)

    def discard(self) -> None:
        """Remove it, unless it has taken its place. May be called twice."""
        self._path.unlink(missing_ok=True)
        if self._handle >= 0:
            os.close(self._handle)
            self._handle = -1


def put(place: Path, parts: Iterable[bytes]) -> None:
    """Write a file that takes its place whole or not at all.

    Raises:
        OSError: it cannot be written.
    """
    staged = Staged(place, parts)
    try:
        staged.take_place()
    finally:
        staged.discard()


def _sweep(folder: Path) -> None:
    """Remove what writers that are dead have staged in ``folder``."""
    for path in folder.glob(f"{MARK}*"):
        try:
            handle = os.open(path, os.O_RDWR)
        except OSError:
            continue  # it has taken its place in the meantime, or is somebody else's
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            path.unlink(missing_ok=True)
        except OSError:
            pass  # its writer is at work
        finally:
            os.close(handle)
