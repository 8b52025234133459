"""Records which projects use a virtual environment or an image, and locks it while it is in use.

All projects of a user share them. Next to each are two lock files: one is locked while it is
created or removed, the other while a process uses it. A folder next to them has a file for each
matrix that used it, with the time of the last use. So pruning keeps those of other projects.

Lock files are never removed: a process that waits for a removed one would lock a file that no other
process sees.
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

from kerasmatrix.filesystem.atomic import write_atomic

__all__ = ["InUse", "Use", "forget_uses", "making", "removing", "uses_of"]

MAKING, USING, USERS = ".lock", ".in-use", ".users"
UNNAMED = "unnamed"


class Use(NamedTuple):
    """The last use by a project. ``matrix`` is None for uses without a project."""

    matrix: Path | None
    last: datetime.datetime


class InUse:
    """The environments that this process uses. They are not removed until this is closed.

    Each has a mark: the path of a virtual environment, or a path that stands for an image.
    """

    def __init__(self, matrix: Path | None = None) -> None:
        """Record uses as those of the project of ``matrix``, if there is one."""
        self._matrix = matrix.resolve() if matrix else None
        self._held: dict[Path, int] = {}  # descriptors
        self._mutex = threading.Lock()

    def take(self, mark: Path) -> None:
        """Lock the environment of ``mark``, and record the use. Waits while it is being removed.

        Raises:
            OSError: the folder of ``mark`` cannot be written.
        """
        with self._mutex:
            if mark in self._held:
                return
            mark.parent.mkdir(parents=True, exist_ok=True)
            handle = os.open(_next_to(mark, USING), os.O_RDWR | os.O_CREAT, 0o644)
            try:
                fcntl.flock(handle, fcntl.LOCK_SH)
                _record(mark, self._matrix)
            except BaseException:
                os.close(handle)
                raise
            self._held[mark] = handle

    def close(self) -> None:
        """Release all environments."""
        with self._mutex:
            while self._held:
                os.close(self._held.popitem()[1])


@contextlib.contextmanager
def making(mark: Path) -> Iterator[None]:
    """Lock an environment that is being created, against creation and removal by others.

    Raises:
        OSError: the folder of ``mark`` cannot be written.
    """
    mark.parent.mkdir(parents=True, exist_ok=True)
    with _next_to(mark, MAKING).open("ab") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield


@contextlib.contextmanager
def removing(mark: Path) -> Iterator[str | None]:
    """Take both locks if they are free, and yield None; else yield why it must stay.

    Raises:
        OSError: the locks cannot be opened.
    """
    mark.parent.mkdir(parents=True, exist_ok=True)
    with contextlib.ExitStack() as stack:
        for suffix, reason in ((MAKING, "a process is creating it"), (USING, "a process uses it")):
            handle = stack.enter_context(_next_to(mark, suffix).open("ab"))
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                yield reason
                return
        yield None


def uses_of(mark: Path) -> list[Use]:
    """Return the recorded uses of an environment, the latest first.

    Raises:
        PermissionError: they cannot be read.
    """
    uses = []
    with contextlib.suppress(FileNotFoundError):
        for path in _next_to(mark, USERS).iterdir():
            if path.name.startswith("."):  # being written
                continue
            text = path.read_text(encoding="utf-8", errors="surrogateescape")
            last = datetime.datetime.fromtimestamp(path.stat().st_mtime, datetime.UTC)
            uses.append(Use(Path(text) if text else None, last))
    return sorted(uses, key=lambda use: use.last, reverse=True)


def forget_uses(mark: Path) -> None:
    """Remove the record of an environment that was removed."""
    shutil.rmtree(_next_to(mark, USERS), ignore_errors=True)


def _record(mark: Path, matrix: Path | None) -> None:
    """Record that the project of ``matrix`` uses the environment of ``mark`` now."""
    text = os.fsencode(matrix) if matrix else b""
    name = hashlib.sha256(text).hexdigest()[:16] if matrix else UNNAMED
    path = _next_to(mark, USERS) / name
    path.parent.mkdir(exist_ok=True)
    try:
        os.utime(path)
    except FileNotFoundError:
        write_atomic(path, [text])


def _next_to(mark: Path, suffix: str) -> Path:
    return mark.with_name(mark.name + suffix)
