"""Ends processes that a killed run has left behind.

A worker has its home in the run's scratch folder, and so has whatever it started, however far that
has run from it. Where nobody else holds the store, nobody may have a home there any more.
"""

from __future__ import annotations

import contextlib
import os
import signal
from pathlib import Path

__all__ = ["end_leftovers"]

PROC = Path("/proc")


def end_leftovers(scratch: Path) -> int:
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
