"""The processes of a project, read from ``/proc``."""

from __future__ import annotations

import contextlib
import os
import signal
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

POLL_SECONDS = 0.005


@dataclass(frozen=True)
class Process:
    """A process, identified by its number and its start."""

    pid: int
    parent: int
    session: int
    state: str
    started: int

    def send(self, number: int) -> bool:
        """Send a signal; False if the process is gone."""
        now = _read(self.pid)
        if now is None or now.started != self.started:
            return False
        try:
            os.kill(self.pid, number)
        except ProcessLookupError:
            return False
        return True


def of_project(folder: Path) -> list[Process]:
    """Return all live processes that have ``folder`` in their arguments or their variables."""
    mark = os.fsencode(folder)
    return [
        process for process in _all() if process.pid != os.getpid() and _speaks_of(process, mark)
    ]


def workers(folder: Path, runner: int) -> list[Process]:
    """Return the workers that a run has started as processes of this machine."""
    return [
        process
        for process in of_project(folder)
        if process.parent == runner and b"--scratch" in _content(process.pid, "cmdline")
    ]


def of_parent(pid: int) -> list[Process]:
    """Return the live children of a process."""
    return [process for process in _all() if process.parent == pid]


def gone(folder: Path, seconds: float) -> list[Process]:
    """Wait until the processes of a project have ended; return those left after ``seconds``."""
    wait(lambda: not of_project(folder), seconds)
    return of_project(folder)


def wait(until: Callable[[], object], seconds: float) -> bool:
    """Wait until a condition holds; False after ``seconds``."""
    limit = time.monotonic() + seconds
    while not until():
        if time.monotonic() > limit:
            return False
        time.sleep(POLL_SECONDS)
    return True


def end_all(folder: Path) -> None:
    """Kill all processes of a project."""
    for process in of_project(folder):
        process.send(signal.SIGKILL)


def _all() -> Iterator[Process]:
    for entry in os.listdir("/proc"):  # noqa: PTH208 - thousands of times
        if entry.isdigit():
            process = _read(int(entry))
            if process and process.state not in "ZX":
                yield process


def _read(pid: int) -> Process | None:
    with contextlib.suppress(OSError, ValueError, IndexError):
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        return Process(pid, int(fields[1]), int(fields[3]), fields[0], int(fields[19]))
    return None


def _speaks_of(process: Process, mark: bytes) -> bool:
    return any(mark in _content(process.pid, name) for name in ("cmdline", "environ"))


def _content(pid: int, name: str) -> bytes:
    with contextlib.suppress(OSError):
        return Path(f"/proc/{pid}/{name}").read_bytes()
    return b""
