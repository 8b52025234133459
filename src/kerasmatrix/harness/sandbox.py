"""Keeps a model's code away from the harness, and from the tasks that follow.

A child has the same user as its parent, so the kernel would let it read and change the parent's
memory, write into its pipes, and leave processes and files behind. In a container, where the
harness is the first process, nothing that a child leaves remains; elsewhere no process that it
started does.
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
    "adopt_orphans",
    "allow_ptrace",
    "clean_tmp",
    "container_cpu_seconds",
    "is_container_init",
    "kill_children",
    "other_processes",
    "restrict_ptrace",
    "unlinked_bytes",
]

PR_SET_DUMPABLE, PR_SET_CHILD_SUBREAPER = 4, 36
# Folders in memory that every process in a container can write to.
SHARED = ("/tmp", "/dev/shm", "/dev/mqueue")
KILL_ROUNDS = 1000
# A process that was killed may take a moment to exit. If one forks faster than it is killed, the
# child that waits and was to go on is killed, too.
SPARING_SECONDS = 5.0
POLL_SECONDS = 0.001
# The processor time of a container, by version of Linux's control groups.
CPU_USAGE = (
    ("/sys/fs/cgroup/cpu.stat", 1e-6),  # "usage_usec 123", the first line
    ("/sys/fs/cgroup/cpuacct/cpuacct.usage", 1e-9),
)
# A line of /proc/PID/maps about a file that was unlinked: addresses, device, inode.
UNLINKED = re.compile(
    r"^([0-9a-f]+)-([0-9a-f]+) \S+ \S+ ([0-9a-f]+:[0-9a-f]+) (\d+) .*\(deleted\)$"
)
_adopting: list = []  # the processes that have called `adopt_orphans`: a fork inherits the list


def is_container_init() -> bool:
    """Whether this is the first process of a container: it has started all others there."""
    return os.getpid() == 1


def restrict_ptrace() -> None:
    """Close this process's memory and descriptors to others of its user (``man 2 prctl``)."""
    _prctl(PR_SET_DUMPABLE, 0)


def allow_ptrace() -> None:
    """Let a child read its own ``/proc``, which it inherits restricted."""
    _prctl(PR_SET_DUMPABLE, 1)


def adopt_orphans() -> None:
    """Become the parent of the processes that a child leaves behind, so that they can be killed."""
    _adopting.append(os.getpid())
    _prctl(PR_SET_CHILD_SUBREAPER, 1)


def kill_children(spared: int | None = None) -> bool:
    """Kill every process that a child has started, in whatever session it is.

    Args:
        spared: a child that waits and shall go on. It is killed too if others start faster than
            they are killed.

    Returns:
        Whether ``spared`` is alive. If it is not, it was also waited for.
    """
    if os.getpid() not in _adopting:
        return True  # this process may have children of its own
    if spared is not None and _kill_others(spared):
        return True
    for _ in range(KILL_ROUNDS):
        children = _children()
        if is_container_init():
            try:
                # All at once, so that none starts another in the meantime.
                os.kill(-1, signal.SIGKILL)
            except ProcessLookupError:
                pass
        _kill(children)
        if not children:
            return False
    if is_container_init():
        os._exit(1)  # the container ends with its first process, and every other one with it
    return False


def other_processes(spared: int | None = None) -> list:
    """Return the processes that run besides this one and ``spared``.

    In a container these are all processes; elsewhere, the children of this one.
    """
    if is_container_init():
        running = [pid for pid in _processes() if _is_alive(pid)]
    else:
        running = _children()
    return [pid for pid in running if pid not in (os.getpid(), spared)]


def _kill_others(spared: int) -> bool:
    """Kill all processes besides this one and ``spared``; return whether they have ended."""
    limit = time.monotonic() + SPARING_SECONDS
    while time.monotonic() < limit:
        running = other_processes(spared)
        if not running:
            return True
        _kill(running)
        time.sleep(POLL_SECONDS)
    return False


def _kill(pids: list) -> None:
    """Kill processes, and wait for those that are children of this one."""
    for pid in pids:
        try:
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)
        except (ProcessLookupError, ChildProcessError):
            pass


def clean_tmp(scratch: str, keep: Any) -> None:
    """Empty the folders that a container can write to, except for the names ``keep`` in scratch."""
    if not is_container_init():
        return
    try:
        os.chmod(scratch, 0o755)  # its owner can have taken that right away
    except OSError:
        pass
    for folder in (*SHARED, scratch):
        for name in _names(folder):
            if folder != scratch or name not in keep:
                trees.remove(os.path.join(folder, name))


def unlinked_bytes(pid: int, folder: str) -> tuple:
    """Return how many bytes processes hold in unlinked files on the disk of ``folder``.

    Such a file is in no folder, but takes space until the last process closes it. The processes
    are the child ``pid`` or, in a container, all but this one.

    Returns:
        The bytes, and the processes that hide their open files. A process that is about to end is
        one of these for a moment.
    """
    sizes: dict = {}
    hidden: set = set()
    try:
        device = os.stat(folder).st_dev
    except OSError:
        return 0, hidden
    for process in _processes() if is_container_init() else [pid]:
        if process == os.getpid() or not _is_alive(process):
            continue
        try:
            sizes.update(_unlinked_files(process, device))
        except PermissionError:
            hidden.add(process)
        except OSError:
            pass  # it has ended
    return sum(sizes.values()), hidden


def _unlinked_files(pid: int, device: int) -> dict:
    """Return the size of each unlinked file that a process has open or mapped, by its inode.

    Raises:
        PermissionError: the process hides them.
    """
    sizes: dict = {}
    mapped_device = f"{os.major(device):02x}:{os.minor(device):02x}"
    with open(f"/proc/{pid}/maps") as handle:
        for line in handle:
            mapping = UNLINKED.match(line)
            if mapping and mapping.group(3) == mapped_device:
                length = int(mapping.group(2), 16) - int(mapping.group(1), 16)
                inode = int(mapping.group(4))
                sizes[inode] = sizes.get(inode, 0) + length
    folder = f"/proc/{pid}/fd"
    for name in os.listdir(folder):
        try:
            file = os.stat(os.path.join(folder, name))
        except FileNotFoundError:
            continue  # it was closed
        if stat.S_ISREG(file.st_mode) and file.st_nlink == 0 and file.st_dev == device:
            sizes[file.st_ino] = file.st_blocks * trees.BLOCK
    return sizes


def container_cpu_seconds() -> float:
    """Return the processor time that this container has used; 0 outside one."""
    if is_container_init():
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


def _is_alive(pid: int) -> bool:
    """Whether a process runs; a zombie does not, it waits for its parent."""
    try:
        with open(f"/proc/{pid}/stat") as handle:
            return handle.read().rpartition(")")[2].split()[0] != "Z"
    except (OSError, IndexError):
        return False


def _children() -> list:
    children: list = []
    for thread in _names("/proc/self/task"):
        try:
            with open(f"/proc/self/task/{thread}/children") as handle:
                children += [int(pid) for pid in handle.read().split()]
        except OSError:
            pass
    return children


def _prctl(option: int, value: int) -> None:
    try:
        ctypes.CDLL(None).prctl(option, value, 0, 0, 0)
    except (OSError, AttributeError):
        pass
