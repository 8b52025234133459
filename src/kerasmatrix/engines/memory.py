"""How much memory a machine has, and how many idle workers may stay open in it."""

from __future__ import annotations

import os

__all__ = ["FEW", "WORKER_MB", "default_jobs", "idle_workers", "machine_memory"]

# The memory of a worker besides its task: TensorFlow, and files in /tmp, which is memory too.
WORKER_MB = 1536

MOST_JOBS = 8
# Every machine that runs TensorFlow has room for this many.
FEW = 12
# The private memory of an idle worker: 155 to 174 MB were measured with TensorFlow 2.12 to 2.15.
# Idle workers share the 180 MB of TensorFlow's libraries.
IDLE_BYTES = 200 << 20
# Idle workers may take one in SHARE bytes; busy ones need the rest.
SHARE = 2


def idle_workers(memory: int) -> int:
    """Return how many workers may stay open on a machine with ``memory`` bytes."""
    return max(FEW, memory // SHARE // IDLE_BYTES)


def default_jobs() -> int:
    """Return how many environments run tasks at once on this machine, unless the user decides."""
    return min(MOST_JOBS, os.cpu_count() or 2)


def machine_memory() -> int:
    """Return this machine's memory in bytes; 0 if unknown."""
    try:
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (OSError, ValueError):
        return 0
