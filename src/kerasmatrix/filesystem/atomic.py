"""Writes files atomically: a reader sees the old content or the new one, never a part of it.

The content is written to a temporary file in the same folder, which is locked. The kernel releases
the lock when the writer dies, so the next writer in that folder can remove what a dead one left.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import tempfile
from collections.abc import Iterable
from pathlib import Path

__all__ = ["AtomicFile", "write_atomic"]

PREFIX = ".staged-"


class AtomicFile:
    """A file that is completely written, and is not at its path before `commit`."""

    def __init__(self, path: Path, parts: Iterable[bytes]) -> None:
        """Write ``parts`` to a temporary file and flush it to the disk.

        Raises:
            OSError: it cannot be written.
        """
        self._target = path
        _remove_orphans(path.parent)
        self._handle, self._temporary = _create(path)
        try:
            with os.fdopen(self._handle, "wb", closefd=False) as file:
                file.writelines(parts)
                file.flush()
                # Before the rename: after a power failure, some file systems keep the rename
                # without the content.
                os.fsync(file.fileno())
            self._temporary.chmod(0o644)  # mkstemp makes it private
        except BaseException:
            self.discard()
            raise

    def commit(self) -> None:
        """Move the file to its path, replacing the file there."""
        self._temporary.replace(self._target)

    def discard(self) -> None:
        """Remove the temporary file, if it was not committed. May be called twice."""
        self._temporary.unlink(missing_ok=True)
        if self._handle >= 0:
            os.close(self._handle)
            self._handle = -1


def write_atomic(path: Path, parts: Iterable[bytes]) -> None:
    """Write a file atomically.

    Raises:
        OSError: it cannot be written.
    """
    file = AtomicFile(path, parts)
    try:
        file.commit()
    finally:
        file.discard()


def _create(path: Path) -> tuple[int, Path]:
    """Create and lock a temporary file in the folder of ``path``; return descriptor and path.

    Another process may remove the file before it is locked, as that of a dead writer. So it is
    looked for once the lock is held, and created again if it is gone.
    """
    while True:
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=f"{PREFIX}{path.name[:40]}-")
        try:
            fcntl.flock(handle, fcntl.LOCK_EX)
            if _is_at(handle, name):
                return handle, Path(name)
        except BaseException:
            os.close(handle)
            Path(name).unlink(missing_ok=True)
            raise
        os.close(handle)


def _remove_orphans(folder: Path) -> None:
    """Remove temporary files in ``folder`` whose writers are dead."""
    for path in folder.glob(f"{PREFIX}*"):
        try:
            handle = os.open(path, os.O_RDWR | os.O_NOFOLLOW)
        except OSError:
            continue  # it was committed meanwhile, or belongs to another user
        try:
            # BlockingIOError: its writer is alive.
            with contextlib.suppress(OSError):
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
                if _is_at(handle, path):
                    path.unlink(missing_ok=True)
        finally:
            os.close(handle)


def _is_at(handle: int, path: Path | str) -> bool:
    """Return whether the open file ``handle`` is the one that ``path`` names."""
    try:
        named = os.lstat(path)
    except FileNotFoundError:
        return False
    return os.path.samestat(named, os.fstat(handle))
