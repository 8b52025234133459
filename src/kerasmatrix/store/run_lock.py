"""Lets one run at a time use a store: a lock that the kernel releases however the process ends."""

from __future__ import annotations

import contextlib
import fcntl
import os
from collections.abc import Callable
from pathlib import Path
from typing import IO

from kerasmatrix.errors import InfrastructureError

__all__ = ["RunLock", "StoreBusy"]


class StoreBusy(InfrastructureError):
    """Another run holds the store. The message names its process."""


class RunLock:
    """The lock on a store, held from construction until `release`."""

    def __init__(self, path: Path, wait: Callable[[str], None] | None = None) -> None:
        """Take the lock.

        Args:
            path: the file that is locked; the process id of the holder is its content.
            wait: called with a message if another process holds the lock, which is then waited
                for; without it, that is an error.

        Raises:
            StoreBusy: another process holds it.
            OSError: the file cannot be opened.
        """
        self._handle = _lock(path, wait)

    def release(self) -> None:
        """Let another run have the store."""
        self._handle.close()


def _lock(path: Path, wait: Callable[[str], None] | None) -> IO[str]:
    handle = path.open("a+")
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            handle.seek(0)
            message = f"another run (process {handle.read().strip() or '?'}) holds {path.parent}"
            if wait is None:
                raise StoreBusy(message, hint="wait for it to end") from None
            wait(message)
            fcntl.flock(handle, fcntl.LOCK_EX)
        if not _is_same_file(handle, path):
            # The file was removed meanwhile: the next process would lock another one.
            handle.close()
            return _lock(path, wait)
        handle.truncate(0)
        handle.write(str(os.getpid()))
        handle.flush()
    except BaseException:
        handle.close()
        raise
    return handle


def _is_same_file(handle: IO[str], path: Path) -> bool:
    with contextlib.suppress(FileNotFoundError):
        return os.path.samestat(os.fstat(handle.fileno()), path.stat())
    return False
