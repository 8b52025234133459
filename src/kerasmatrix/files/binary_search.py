"""Which position on a path to probe next, so that a change is found in log2 n probes. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

__all__ = ["Finding", "boundary", "next_position"]

Finding = Literal["good", "bad", "skipped"]


def next_position(length: int, findings: Mapping[int, Finding]) -> int | None:
    """Return the position to probe next, or None if no probe can narrow the change further.

    It is the position nearest to the middle of the open ones; of two, the one nearer to the good
    end.

    Args:
        length: of the path, whose first position is good and whose last is bad.
        findings: those so far, by position.
    """
    low, high = boundary(length, findings)
    open_ = [position for position in range(low + 1, high) if position not in findings]
    return min(open_, key=lambda position: (abs(2 * position - low - high), position), default=None)


def boundary(length: int, findings: Mapping[int, Finding]) -> tuple[int, int]:
    """Return the last position known to be good, and the first known to be bad after it."""
    bad = [position for position, finding in findings.items() if finding == "bad"]
    high = min([*bad, length - 1])
    good = [
        position for position, finding in findings.items() if finding == "good" and position < high
    ]
    return max([*good, 0]), high
