"""Identifies the process that started a container, since process numbers are used again."""

from __future__ import annotations

import os
from pathlib import Path

__all__ = ["process_exited", "process_start_id"]

PROC = Path("/proc")
STARTED = 19  # index of the start time among the fields after the name (``man 5 proc``, field 22)


def process_start_id(pid: int) -> str:
    """Return an id that no other process has: boot, PID namespace, and start time.

    It is empty if the process does not exist, or its id is unknown.
    """
    try:
        boot = (PROC / "sys/kernel/random/boot_id").read_text(encoding="utf-8").strip()
        namespace = (PROC / "self/ns/pid").readlink()
        stat = (PROC / str(pid) / "stat").read_text(encoding="utf-8", errors="replace")
        return f"{boot} {namespace} {stat.rpartition(')')[2].split()[STARTED]}"
    except (OSError, IndexError):
        return ""


def process_exited(pid: str, start_id: str) -> bool:
    """Return whether the process ``pid`` with this start id has exited.

    False if that is unknown: it runs on another machine or in another container, or ran before
    this machine was started.
    """
    here = process_start_id(os.getpid()).split()[:2]
    if not pid.isdigit() or len(here) < 2 or start_id.split()[:2] != here:  # noqa: PLR2004 - a pair
        return False
    return process_start_id(int(pid)) != start_id
