"""Which place on a line to look at next, so that a change is found in about log2 n looks. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

__all__ = ["Finding", "next_place", "the_change"]

Finding = Literal["good", "bad", "skipped"]


def next_place(length: int, found: Mapping[int, Finding]) -> int | None:
    """Return the place to look at next, or None when there is none left that would tell more.

    It is the one nearest to the middle of what is open; of two, the one nearer to the good end.

    Args:
        length: of the line, whose first place is good and whose last is bad.
        found: what is known of places.
    """
    low, high = the_change(length, found)
    open_ = [place for place in range(low + 1, high) if place not in found]
    return min(open_, key=lambda place: (abs(2 * place - low - high), place)) if open_ else None


def the_change(length: int, found: Mapping[int, Finding]) -> tuple[int, int]:
    """Return the last place known to be good and the first known to be bad behind it."""
    bad = [place for place, finding in found.items() if finding == "bad"]
    high = min([*bad, length - 1])
    good = [place for place, finding in found.items() if finding == "good" and place < high]
    return max([*good, 0]), high
