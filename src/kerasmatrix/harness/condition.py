"""Whether a container is still as it was before a stranger's file was loaded in it.

A process may change limits and scheduling of another one of its user, and some things outlive all
processes: shared memory, message queues, files in memory. The next file must not meet them, so a
container in which anything differs does nothing more.
"""

from __future__ import annotations

import ctypes
import os
import resource
from typing import NamedTuple

from . import sandbox

__all__ = ["Condition"]

# In bytes: what the harness itself comes to hold while it waits and reads answers.
MEMORY = 64 << 20
MEMORY_STATISTICS = ("/sys/fs/cgroup/memory.stat", "/sys/fs/cgroup/memory/memory.stat")
# Of control groups version 2, and of version 1.
HELD = {"anon", "shmem", "total_rss", "total_shmem"}
SYSTEM_V = ("shm", "sem", "msg")
IOPRIO_GET, IOPRIO_WHO_PROCESS = 251, 1  # on x86-64 (``asm/unistd_64.h``, ``linux/ioprio.h``)
CLASS_SHIFT, LEVEL = 13, (1 << 13) - 1  # ``linux/ioprio.h``
PR_GET_TIMERSLACK = 30
LIMITS = [number for name, number in sorted(vars(resource).items()) if name.startswith("RLIMIT_")]


class Scheduling(NamedTuple):
    """All that another process of the user may set of a thread."""

    policy: int
    priority: int
    processors: tuple
    nice: int
    io_priority: int
    timer_slack: int


class Condition:
    """How this container is now; the process is the harness, its first process."""

    def __init__(self) -> None:
        self._threads = {thread: _scheduling(thread) for thread in _threads()}
        self._limits = _limits()
        self._memory = _held_memory()

    def difference(self) -> str | None:
        """Say in what the container differs from when this was made; None if in nothing."""
        rescheduled = self._rescheduled()
        differences = (
            (sandbox.others(), "processes are left"),
            (_limits() != self._limits, "the limits of the harness were changed"),
            (rescheduled, f"the scheduling of the harness was changed: {rescheduled}"),
            (any(map(_system_v, SYSTEM_V)), "System V objects are left"),
            (any(map(_names, sandbox.SHARED)), "files are left in memory"),
            (_held_memory() - self._memory > MEMORY, "memory is not free again"),
        )
        return next((reason for is_so, reason in differences if is_so), None)

    def _rescheduled(self) -> str | None:
        """Return the first field of a thread's scheduling that changed, with both values."""
        for thread, before in self._threads.items():
            now = _scheduling(thread)
            # A thread that has ended was not changed: libraries end some of theirs.
            if before and now and now != before:
                return next(
                    f"{name} {getattr(before, name)!r} became {getattr(now, name)!r}"
                    for name in Scheduling._fields
                    if getattr(before, name) != getattr(now, name)
                )
        return None


def _limits() -> list:
    return [resource.getrlimit(number) for number in LIMITS]


def _scheduling(thread: int) -> Scheduling | None:
    """Return how a thread is scheduled; None if it has ended."""
    libc = ctypes.CDLL(None)
    try:
        policy = os.sched_getscheduler(thread)
        nice = os.getpriority(os.PRIO_PROCESS, thread)
        io_priority = libc.syscall(IOPRIO_GET, IOPRIO_WHO_PROCESS, thread)
        return Scheduling(
            policy=policy,
            priority=os.sched_getparam(thread).sched_priority,
            processors=tuple(sorted(os.sched_getaffinity(thread))),
            nice=nice,
            io_priority=_io_priority(io_priority, policy, nice),
            timer_slack=libc.prctl(PR_GET_TIMERSLACK, 0, 0, 0, 0),
        )
    except OSError:
        return None


def _io_priority(value: int, policy: int, nice: int) -> int:
    """Return a thread's priority of input and output; 0 if it was never set.

    Then Linux reports no class before the first access to a disk, and later the class and level
    that follow from the scheduling policy and the nice value (``linux/ioprio.h``).
    """
    kind, level = value >> CLASS_SHIFT, value & LEVEL
    follows = (_io_class(policy), (nice + 20) // 5)
    return 0 if value < 0 or kind == 0 or (kind, level) == follows else value


def _io_class(policy: int) -> int:
    """Return the class of input and output that follows from a scheduling policy."""
    if policy == os.SCHED_IDLE:
        return 3
    return 1 if policy in {os.SCHED_FIFO, os.SCHED_RR} else 2


def _threads() -> list:
    return [int(name) for name in _names("/proc/self/task")]


def _held_memory() -> int:
    """Return how many bytes the container holds that no cache gives back; 0 if unknown."""
    for path in MEMORY_STATISTICS:
        try:
            with open(path) as handle:
                pairs = [line.split() for line in handle]
        except OSError:
            continue
        return sum(int(value) for name, value in pairs if name in HELD)
    return 0


def _system_v(kind: str) -> int:
    """Return how many System V objects of a kind there are."""
    try:
        with open(f"/proc/sysvipc/{kind}") as handle:
            return max(0, len(handle.readlines()) - 1)  # without the line of names
    except OSError:
        return 0


def _names(folder: str) -> list:
    try:
        return os.listdir(folder)
    except OSError:
        return []
