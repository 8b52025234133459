"""Writes files that take their place whole or not at all: the one way to write a file here.

A file is written beside its place under a temporary name, and locked. The kernel drops the lock
when the writer dies, so the next writer in that folder can tell a dead writer's file from one
that is being written, and removes it.
"""

from __future__ import annotations

import contextlib
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
        self._handle, self._path = _create(place)
        try:
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


def _create(place: Path) -> tuple[int, Path]:
    """Create a temporary file beside ``place`` and lock it; return its descriptor and path.

    Another process may sweep the folder after the file is created and before it is locked. The
    file's name is gone then, which is seen once the lock is held: nothing can sweep it from there
    on, so a file that still has its name now keeps it.
    """
    while True:
        handle, name = tempfile.mkstemp(dir=place.parent, prefix=f"{MARK}{place.name[:40]}-")
        try:
            fcntl.flock(handle, fcntl.LOCK_EX)
            if _is_at(handle, name):
                return handle, Path(name)
        except BaseException:
            os.close(handle)
            Path(name).unlink(missing_ok=True)
            raise
        os.close(handle)


def _sweep(folder: Path) -> None:
    """Remove temporary files in ``folder`` whose writers are dead."""
    for path in folder.glob(f"{MARK}*"):
        try:
            handle = os.open(path, os.O_RDWR | os.O_NOFOLLOW)
        except OSError:
            continue  # it has taken its place in the meantime, or belongs to another user
        try:
            # A lock that is held means that its writer is at work.
            with contextlib.suppress(OSError):
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
                if _is_at(handle, path):
                    path.unlink(missing_ok=True)
        finally:
            os.close(handle)


def _is_at(handle: int, path: Path | str) -> bool:
    """Whether the open file ``handle`` is the one that ``path`` names."""
    try:
        named = os.lstat(path)
    except FileNotFoundError:
        return False
    return os.path.samestat(named, os.fstat(handle))
