"""How many workers may wait with nothing to do, by the memory that there is."""

from __future__ import annotations

import os

__all__ = ["FEW", "idle_workers", "machine_memory"]

# Any machine that TensorFlow is used on has room for so many.
FEW = 12
# What one keeps to itself once TensorFlow is imported; its libraries' 180 MB are the disk's cache.
# Measured as anonymous memory, TensorFlow 2.12 to 2.15: 155 to 174 MB.
IDLE_BYTES = 200 << 20
# The rest of the memory is for those at work.
SHARE = 2


def idle_workers(memory: int) -> int:
    """Return how many workers may stay open on a machine with ``memory`` bytes."""
    return max(FEW, memory // SHARE // IDLE_BYTES)


def machine_memory() -> int:
    """Return this machine's memory in bytes; 0 if that is not to be known."""
    try:
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (OSError, ValueError):
        return 0
