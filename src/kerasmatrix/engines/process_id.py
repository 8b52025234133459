"""Tells whether the runner of a container is still there: its number may be another one now."""

from __future__ import annotations

import os
from pathlib import Path

__all__ = ["birth", "is_gone"]

PROC = Path("/proc")
STARTED = 19  # place of a process's start after its name (``man 5 proc``, field 22)


def birth(pid: int) -> str:
    """Return what no other process has: this boot, this namespace of numbers, when it started.

    Empty where the process is not there, or nothing can be known.
    """
    try:
        boot = (PROC / "sys/kernel/random/boot_id").read_text(encoding="utf-8").strip()
        namespace = (PROC / "self/ns/pid").readlink()
        stat = (PROC / str(pid) / "stat").read_text(encoding="utf-8", errors="replace")
        return f"{boot} {namespace} {stat.rpartition(')')[2].split()[STARTED]}"
    except (OSError, IndexError):
        return ""


def is_gone(pid: str, born: str) -> bool:
    """Whether the process ``pid`` that was ``born`` is there no more.

    False where that cannot be known: it ran on another machine, in another container, or before.
    """
    here = birth(os.getpid()).split()[:2]
    if not pid.isdigit() or len(here) < 2 or born.split()[:2] != here:  # noqa: PLR2004 - a pair
        return False
    return birth(int(pid)) != born
