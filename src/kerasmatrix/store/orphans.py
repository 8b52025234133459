"""Kills orphaned processes of a run that was killed.

A worker has its ``HOME`` in the scratch folder of its run, and every process that it started
inherits it. When no other run holds the store, such a process is an orphan.
"""

from __future__ import annotations

import contextlib
import os
import signal
from pathlib import Path

__all__ = ["kill_orphans"]

PROC = Path("/proc")


def kill_orphans(scratch: Path) -> int:
    """Kill every process whose ``HOME`` lies below ``scratch``; return how many there were.

    Where there is no ``/proc``, and of processes of other users, nothing is known: none is killed.
    """
    mark = b"\0HOME=" + os.fsencode(scratch.resolve()) + b"/"
    ended = 0
    for place in PROC.glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if mark in b"\0" + (place / "environ").read_bytes():
                os.kill(int(place.name), signal.SIGKILL)
                ended += 1
    return ended
