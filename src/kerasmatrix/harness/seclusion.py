"""Keeps what a model's code does from the worker, and from the tasks that come after.

A child has the user of its parent, so the kernel would let it read and change the parent's memory,
write into its pipes, and leave processes and files behind. In a container, where the harness is the
first process, nothing is left of a child; elsewhere nothing that it started.
"""

from __future__ import annotations

import ctypes
import os
import shutil
import signal
from typing import Any

__all__ = ["alone", "close_off", "end_all", "open_up", "sweep", "written"]

PR_SET_DUMPABLE, PR_SET_CHILD_SUBREAPER = 4, 36
# What every process in a container can write to, and is in memory.
SHARED = ("/tmp", "/dev/shm")
ROUNDS, FEW_ROUNDS = 1000, 20
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

    But for ``spared``, a child that waits; unless others come as fast as they go. Returns whether
    that one is left: if it is not, it is also waited for.
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
            break
    return False


def _end_others(spared: int) -> bool:
    """End what there is but for this process and ``spared``; whether nothing else is left."""
    own = (os.getpid(), spared)
    for _ in range(FEW_ROUNDS):
        found = [pid for pid in _processes() if _lives(pid)] if alone() else _children()
        others = [pid for pid in found if pid not in own]
        if not others:
            return True
        _end(others)
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
            if folder == scratch and name in keep:
                continue
            path = os.path.join(folder, name)
            if os.path.isdir(path) and not os.path.islink(path):
                _remove(path)
            else:
                try:
                    os.unlink(path)
                except OSError:
                    pass


def written(folder: str, most: int) -> tuple:
    """Return how many bytes and files there are in ``folder``, counting no further than ``most``.

    Links are not followed. What vanishes in the meantime is not counted.
    """
    size = count = 0
    waiting = [folder]
    while waiting and count <= most:
        try:
            with os.scandir(waiting.pop()) as entries:
                for entry in entries:
                    count += 1
                    if entry.is_dir(follow_symlinks=False):
                        waiting.append(entry.path)
                    else:
                        size += entry.stat(follow_symlinks=False).st_blocks * 512
        except OSError:
            continue
    return size, count


def _remove(folder: str) -> None:
    """Remove a folder, also one whose owner took the right to do so from itself."""
    for path, _, _ in os.walk(folder):
        try:
            os.chmod(path, 0o700)
        except OSError:
            pass
    shutil.rmtree(folder, ignore_errors=True)


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
