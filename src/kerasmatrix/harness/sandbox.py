"""Keeps what a model's code does from the worker, and from the tasks that come after.

A child has the user of its parent, so the kernel would let it read and change the parent's memory,
write into its pipes, and leave processes and files behind. In a container, where the harness is the
first process, nothing is left of a child; elsewhere nothing that it started.
"""

from __future__ import annotations

import ctypes
import os
import re
import signal
import stat
import time
from typing import Any

from . import trees

__all__ = [
    "alone",
    "close_off",
    "end_all",
    "held",
    "open_up",
    "others",
    "processor_seconds",
    "sweep",
]

PR_SET_DUMPABLE, PR_SET_CHILD_SUBREAPER = 4, 36
# What every process in a container can write to, and is in memory.
SHARED = ("/tmp", "/dev/shm", "/dev/mqueue")
ROUNDS = 1000
# A process that is killed may take a moment to go. One that forks faster than it is killed never
# does: then the child that waits is given up, too.
LEAVING_SECONDS = 5.0
LOOK_SECONDS = 0.001
# What a container has used of the processors, by each version of Linux's control groups.
CPU_USAGE = (
    ("/sys/fs/cgroup/cpu.stat", 1e-6),  # "usage_usec 123", the first line
    ("/sys/fs/cgroup/cpuacct/cpuacct.usage", 1e-9),
)
# A line of /proc/PID/maps about a file that has no name any more.
UNNAMED = re.compile(r"^([0-9a-f]+)-([0-9a-f]+) \S+ \S+ ([0-9a-f]+:[0-9a-f]+) (\d+) .*\(deleted\)$")
_closed: list = []  # the processes that are closed off: this one, once it is


def alone() -> bool:
    """Whether this is the first process of a container: all others in it were begun by it."""
    return os.getpid() == 1


def close_off() -> None:
    """Let no process of the same user into this one's memory and descriptors (``man 2 prctl``).

    What a child leaves behind becomes a child of this process, which `end_all` ends.
    """
    _closed.append(os.getpid())
    _prctl(PR_SET_DUMPABLE, 0)
    _prctl(PR_SET_CHILD_SUBREAPER, 1)


def open_up() -> None:
    """Let a child look at itself, which its parent was made unable to."""
    _prctl(PR_SET_DUMPABLE, 1)


def end_all(spared: int | None = None) -> bool:
    """End every process that a child has started, wherever that put it.

    Args:
        spared: a child that waits and is to go on, unless others start as fast as they are ended.

    Returns:
        Whether ``spared`` is left; if it is not, it was also waited for.
    """
    if os.getpid() not in _closed:
        return True  # this process may have children of its own
    if spared is not None and _end_others(spared):
        return True
    for _ in range(ROUNDS):
        children = _children()
        if alone():
            try:
                # All at once, so that none begins another in the meantime.
                os.kill(-1, signal.SIGKILL)
            except ProcessLookupError:
                pass
        _end(children)
        if not children:
            return False
    if alone():
        os._exit(1)  # the container ends with its first process, and all that is in it
    return False


def others(spared: int | None = None) -> list:
    """Return the processes that run beside this one, but for ``spared``.

    In a container these are all that there are; elsewhere, the children of this process.
    """
    running = [pid for pid in _processes() if _lives(pid)] if alone() else _children()
    return [pid for pid in running if pid not in (os.getpid(), spared)]


def _end_others(spared: int) -> bool:
    """End all processes but this one and ``spared``; return whether they ended."""
    limit = time.monotonic() + LEAVING_SECONDS
    while time.monotonic() < limit:
        running = others(spared)
        if not running:
            return True
        _end(running)
        time.sleep(LOOK_SECONDS)
    return False


def _end(pids: list) -> None:
    """Kill processes, and wait for those that are children of this one."""
    for pid in pids:
        try:
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)
        except (ProcessLookupError, ChildProcessError):
            pass


def sweep(scratch: str, keep: Any) -> None:
    """Remove what is in a container's folders, but for the names ``keep`` in ``scratch``."""
    if not alone():
        return
    try:
        os.chmod(scratch, 0o755)  # who owns it can have taken that from itself
    except OSError:
        pass
    for folder in (*SHARED, scratch):
        for name in _names(folder):
            if folder != scratch or name not in keep:
                trees.remove(os.path.join(folder, name))


def held(pid: int, folder: str) -> tuple:
    """Return how many bytes processes hold in files without a name on the disk of ``folder``.

    Such a file is in no folder, but it takes space until the last process lets go of it. Those
    that are counted are the child ``pid`` and, in a container, all but this process.

    Returns:
        The bytes, and the processes that do not show which files they have open. A process that
        is about to end is one of these for a moment.
    """
    sizes: dict = {}
    hidden: set = set()
    try:
        disk = os.stat(folder).st_dev
    except OSError:
        return 0, hidden
    for process in _processes() if alone() else [pid]:
        if process == os.getpid() or not _lives(process):
            continue
        try:
            sizes.update(_unnamed_files(process, disk))
        except PermissionError:
            hidden.add(process)
        except OSError:
            pass  # it has ended
    return sum(sizes.values()), hidden


def _unnamed_files(pid: int, disk: int) -> dict:
    """Return the size of each nameless file that a process has open or mapped, by its number.

    Raises:
        PermissionError: the process does not show them.
    """
    sizes: dict = {}
    mapped = f"{os.major(disk):02x}:{os.minor(disk):02x}"
    with open(f"/proc/{pid}/maps") as handle:
        for line in handle:
            unnamed = UNNAMED.match(line)
            if unnamed and unnamed.group(3) == mapped:
                length = int(unnamed.group(2), 16) - int(unnamed.group(1), 16)
                number = int(unnamed.group(4))
                sizes[number] = sizes.get(number, 0) + length
    folder = f"/proc/{pid}/fd"
    for name in os.listdir(folder):
        try:
            found = os.stat(os.path.join(folder, name))
        except FileNotFoundError:
            continue  # it was closed
        if stat.S_ISREG(found.st_mode) and found.st_nlink == 0 and found.st_dev == disk:
            sizes[found.st_ino] = found.st_blocks * trees.BLOCK
    return sizes


def processor_seconds() -> float:
    """Return the processor time that all processes of this container have used; 0 outside one."""
    if alone():
        for path, unit in CPU_USAGE:
            try:
                with open(path) as handle:
                    return int(handle.readline().split()[-1]) * unit
            except (OSError, ValueError, IndexError):
                continue
    return 0.0


def _names(folder: str) -> list:
    try:
        return os.listdir(folder)
    except OSError:
        return []


def _processes() -> list:
    return [int(name) for name in _names("/proc") if name.isdigit()]


def _lives(pid: int) -> bool:
    """Whether a process does anything still, and does not just wait for its parent to notice."""
    try:
        with open(f"/proc/{pid}/stat") as handle:
            return handle.read().rpartition(")")[2].split()[0] != "Z"
    except (OSError, IndexError):
        return False


def _children() -> list:
    found: list = []
    for thread in _names("/proc/self/task"):
        try:
            with open(f"/proc/self/task/{thread}/children") as handle:
                found += [int(pid) for pid in handle.read().split()]
        except OSError:
            pass
    return found


def _prctl(option: int, value: int) -> None:
    try:
        ctypes.CDLL(None).prctl(option, value, 0, 0, 0)
    except (OSError, AttributeError):
        pass
