"""Who uses what was made of environments: locks for now, and a record for later.

Virtual environments and images are shared by all projects of a user. Two empty files beside each
are locked: one while it is made or removed, one while a process uses it. A folder beside them
holds a file for each matrix that has used it, changed at each use. So whoever removes what is old
can tell what another project still needs.

Lock files are never removed: a process that waits for one would lock a file that no other process
sees.
"""

from __future__ import annotations

import contextlib
import datetime
import fcntl
import hashlib
import os
import shutil
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from kerasmatrix.filesystem.atomic import put

__all__ = ["InUse", "Use", "forget_uses", "making", "removing", "uses_of"]

MAKING, USING, USERS = ".lock", ".in-use", ".users"
UNNAMED = "unnamed"


class Use(NamedTuple):
    """That a project used something. ``matrix`` is None where no project was named."""

    matrix: Path | None
    last: datetime.datetime


class InUse:
    """What this process uses, which nobody removes until it is closed.

    Things are named by their mark: the path of a virtual environment, or a path for an image.
    """

    def __init__(self, matrix: Path | None = None) -> None:
        """Record uses as those of the project of ``matrix``, if one is named."""
        self._matrix = matrix.resolve() if matrix else None
        self._held: dict[Path, int] = {}  # descriptors
        self._mutex = threading.Lock()

    def take(self, mark: Path) -> None:
        """Hold what ``mark`` names, and record the use. Waits while it is being removed.

        Raises:
            OSError: the folder of ``mark`` cannot be written.
        """
        with self._mutex:
            if mark in self._held:
                return
            mark.parent.mkdir(parents=True, exist_ok=True)
            handle = os.open(_beside(mark, USING), os.O_RDWR | os.O_CREAT, 0o644)
            try:
                fcntl.flock(handle, fcntl.LOCK_SH)
                _record(mark, self._matrix)
            except BaseException:
                os.close(handle)
                raise
            self._held[mark] = handle

    def close(self) -> None:
        """Let go of everything."""
        with self._mutex:
            while self._held:
                os.close(self._held.popitem()[1])


@contextlib.contextmanager
def making(mark: Path) -> Iterator[None]:
    """Hold the lock of what is being made, so that no other process makes or removes it.

    Raises:
        OSError: the folder of ``mark`` cannot be written.
    """
    mark.parent.mkdir(parents=True, exist_ok=True)
    with _beside(mark, MAKING).open("ab") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield


@contextlib.contextmanager
def removing(mark: Path) -> Iterator[str | None]:
    """Hold both locks if they are free; yield None then, else the reason why it must stay.

    Raises:
        OSError: the locks cannot be opened.
    """
    mark.parent.mkdir(parents=True, exist_ok=True)
    with contextlib.ExitStack() as stack:
        for suffix, reason in ((MAKING, "a process is making it"), (USING, "a process uses it")):
            handle = stack.enter_context(_beside(mark, suffix).open("ab"))
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                yield reason
                return
        yield None


def uses_of(mark: Path) -> list[Use]:
    """Return the recorded uses of what ``mark`` names, the latest first.

    Raises:
        PermissionError: they cannot be read.
    """
    found = []
    with contextlib.suppress(FileNotFoundError):
        for path in _beside(mark, USERS).iterdir():
            if path.name.startswith("."):  # being written
                continue
            text = path.read_text(encoding="utf-8", errors="surrogateescape")
            last = datetime.datetime.fromtimestamp(path.stat().st_mtime, datetime.UTC)
            found.append(Use(Path(text) if text else None, last))
    return sorted(found, key=lambda use: use.last, reverse=True)


def forget_uses(mark: Path) -> None:
    """Remove the record of what was removed."""
    shutil.rmtree(_beside(mark, USERS), ignore_errors=True)


def _record(mark: Path, matrix: Path | None) -> None:
    """Note that the project of ``matrix`` uses what ``mark`` names, now."""
    text = os.fsencode(matrix) if matrix else b""
    name = hashlib.sha256(text).hexdigest()[:16] if matrix else UNNAMED
    place = _beside(mark, USERS) / name
    place.parent.mkdir(exist_ok=True)
    try:
        os.utime(place)
    except FileNotFoundError:
        put(place, [text])


def _beside(mark: Path, suffix: str) -> Path:
    return mark.with_name(mark.name + suffix)
