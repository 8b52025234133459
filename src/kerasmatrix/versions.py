"""Version numbers of packages, as what orders them."""

from __future__ import annotations

import re
from functools import cache

__all__ = ["version_key"]

DIGITS = 18


@cache
def version_key(version: str) -> tuple[int, ...]:
    """Return the numbers of ``version``, for sorting: ``2.15.0.post1`` -> ``(2, 15, 0, 1)``."""
    # Versions come from files too, and Python makes no integer of thousands of digits.
    return tuple(int(part[:DIGITS]) for part in re.findall(r"\d+", version))
