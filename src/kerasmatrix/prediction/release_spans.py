"""Spans of releases as text, such as ``2.4-2.15,3.15``: both ends of a part included."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import cache

__all__ = ["places_of", "span_of"]


def span_of(releases: Iterable[str], order: Sequence[str]) -> str:
    """Return releases as text: ``2.4-2.15,3.15``."""
    runs: list[list[int]] = []
    for place in sorted(order.index(release) for release in releases):
        if runs and place == runs[-1][1] + 1:
            runs[-1][1] = place
        else:
            runs.append([place, place])
    return ",".join(
        order[first] if first == last else f"{order[first]}-{order[last]}" for first, last in runs
    )


@cache
def places_of(span: str, order: tuple[str, ...]) -> frozenset[int]:
    """Return the places in ``order`` of the releases of a span."""
    places: set[int] = set()
    for part in span.split(","):
        first, _, last = part.partition("-")
        places.update(range(order.index(first), order.index(last or first) + 1))
    return frozenset(places)
