"""Spans of releases in rules, such as ``from 3.0`` and ``2.3 to 2.16``."""

from __future__ import annotations

import re
from functools import cache

from kerasmatrix.versions import minor_of

__all__ = ["SPAN", "within"]

SPAN = re.compile(
    r"^(?:(?P<only>\d+\.\d+)|(?:(?:from )?(?P<first>\d+\.\d+))?(?: ?to (?P<last>\d+\.\d+))?)$"
)


@cache
def within(span: str | None, release: str | None) -> bool:
    """Return whether ``release`` is in ``span``: None spans all, and no span has an unknown one."""
    if span is None:
        return True
    if release is None:
        return False
    match = SPAN.match(span)
    ends = match.groupdict() if match else {}
    key = minor_of(release)
    first, last = ends.get("only") or ends["first"], ends.get("only") or ends["last"]
    return (not first or minor_of(first) <= key) and (not last or key <= minor_of(last))
