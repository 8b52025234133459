"""Version numbers of packages, as what orders them."""

from __future__ import annotations

import re
from functools import cache

__all__ = ["version_key"]


@cache
def version_key(version: str) -> tuple[int, ...]:
    """Return the numbers of ``version``, for sorting: ``2.15.0.post1`` -> ``(2, 15, 0, 1)``."""
    return tuple(int(part) for part in re.findall(r"\d+", version))
