"""The deadline of a task: seconds in which its child could have worked."""

from __future__ import annotations

import os
import time

from . import sandbox

__all__ = ["PATIENCE", "Deadline"]

# A child that never gets a processor is killed after this many times its deadline.
PATIENCE = 5


class Deadline:
    """Measures how long a child has worked.

    On a busy machine a slow child does not hang, so the time in which it waits for a processor
    counts only after `PATIENCE` times the deadline. In a container the processor time of all
    processes counts: only the child's run there.
    """

    def __init__(self, pid: int, seconds: float) -> None:
        self._pid = pid
        self._seconds = seconds
        self._started = time.monotonic()
        self._waiting_seconds = 0.0
        self._cpu_at_start = self._cpu_seconds()
        self._delays, _ = self._threads()

    def is_exceeded(self) -> bool:
        """Whether the child must be killed; call it several times a second."""
        elapsed = time.monotonic() - self._started
        delays, runnable = self._threads()
        # Threads wait at the same time, so the longest wait counts, not the sum.
        self._waiting_seconds += max(
            [delay - self._delays.get(thread, 0) for thread, delay in delays.items()] or [0]
        )
        self._delays = delays
        # The kernel adds a wait to its statistics when it ends, so that a runnable thread may
        # have waited since the last look.
        idle = not runnable and elapsed - self._waiting_seconds >= self._seconds
        worked = self._cpu_seconds() - self._cpu_at_start >= self._seconds
        return idle or worked or elapsed >= PATIENCE * self._seconds

    def _cpu_seconds(self) -> float:
        """Return the processor time of all threads of the child (``man 5 proc``, utime, stime)."""
        try:
            with open(f"/proc/{self._pid}/stat") as handle:
                fields = handle.read().rpartition(")")[2].split()
            own = (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
        except (OSError, IndexError, ValueError):
            own = 0.0
        return max(own, sandbox.container_cpu_seconds())

    def _threads(self) -> tuple:
        """Return how long each thread has waited for a processor, and whether one is runnable.

        The wait is the second number of ``schedstat``, in nanoseconds (Linux,
        ``scheduler/sched-stats.rst``); the state is in ``stat`` (``man 5 proc``).
        """
        delays: dict = {}
        runnable = False
        folder = f"/proc/{self._pid}/task"
        try:
            for thread in os.listdir(folder):
                with open(f"{folder}/{thread}/schedstat") as handle:
                    delays[thread] = int(handle.read().split()[1]) / 1e9
                with open(f"{folder}/{thread}/stat") as handle:
                    runnable = runnable or handle.read().rpartition(")")[2].split()[0] == "R"
        except (OSError, IndexError, ValueError):
            pass  # the thread has ended, or the kernel has no such statistics
        return delays, runnable
