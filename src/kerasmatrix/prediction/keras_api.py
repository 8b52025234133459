"""What each release of Keras has, and which keys of a config it takes; measured, kept as data.

``surface.json`` is written by ``nox -s survey``, which asks every environment of ``matrix.yaml``.
"""

from __future__ import annotations

import json
from bisect import bisect_right
from collections.abc import Mapping
from functools import cache, cached_property
from importlib import resources
from typing import Any

from kerasmatrix.versions import minor_of

__all__ = ["Surface", "the_surface"]

ANY = "*"


class Surface:
    """The classes, functions and operations of Keras, by release."""

    def __init__(self, told: Mapping[str, Any]) -> None:
        self._told = told
        self._order = list(told["releases"])
        self._places: dict[str, int] = {}
        self._ranges: dict[str, frozenset[int]] = {}
        self._keys: dict[tuple[str, str, str, int], frozenset[str]] = {}

    def knows(self, release: str) -> bool:
        """Say whether ``release`` itself was asked; of others the nearest before it speaks."""
        return release in self._told["releases"]

    def has(self, place: str, name: str, release: str) -> bool:
        """Say whether ``release`` has a class ``name`` in ``place``, such as ``layers``."""
        told = self._told["classes"].get(place, {}).get(name)
        return told is not None and self._within(told["in"], release)

    def takes(self, place: str, name: str, release: str) -> frozenset[str] | None:
        """Return the keys that a config of the class may have there; None where anything goes."""
        keys = self._of(place, name, "takes", release)
        return None if ANY in keys else keys

    def needs(self, place: str, name: str, release: str) -> frozenset[str]:
        """Return the keys that a config of the class must have there."""
        return self._of(place, name, "needs", release)

    def has_function(self, place: str, name: str, release: str) -> bool:
        """Say whether ``release`` finds ``name`` in ``place``, such as ``activations``."""
        told = self._told["functions"].get(place, {}).get(name)
        return told is not None and self._within(told, release)

    def has_operation(self, name: str, release: str) -> bool:
        """Say whether ``release`` has an operation of that class (Keras 3)."""
        told = self._told["operations"].get(name)
        return told is not None and self._within(told, release)

    def is_known(self, place: str, name: str) -> bool:
        """Say whether any release has a class ``name`` in ``place``."""
        return name in self._told["classes"].get(place, {})

    def is_function(self, place: str, name: str) -> bool:
        """Say whether any release finds ``name`` in ``place``."""
        return name in self._told["functions"].get(place, {})

    def is_operation(self, name: str) -> bool:
        """Say whether any release has an operation of that class."""
        return name in self._told["operations"]

    def _of(self, place: str, name: str, what: str, release: str) -> frozenset[str]:
        at = self._place(release)
        known = self._keys.get((place, name, what, at))
        if known is None:
            told = self._told["classes"].get(place, {}).get(name, {}).get(what, {})
            known = frozenset(
                key for span, keys in told.items() if at in self._expanded(span) for key in keys
            )
            self._keys[place, name, what, at] = known
        return known

    def _within(self, span: str, release: str) -> bool:
        return self._place(release) in self._expanded(span)

    @cached_property
    def _sorted_keys(self) -> list[tuple[int, int]]:
        return [minor_of(release) for release in self._order]

    def _place(self, release: str) -> int:
        place = self._places.get(release)
        if place is None:
            found = bisect_right(self._sorted_keys, minor_of(release)) - 1
            place = self._places[release] = max(0, found)
        return place

    def _expanded(self, span: str) -> frozenset[int]:
        known = self._ranges.get(span)
        if known is None:
            places: set[int] = set()
            for part in span.split(","):
                first, _, last = part.partition("-")
                begin, end = self._order.index(first), self._order.index(last or first)
                places.update(range(begin, end + 1))
            known = self._ranges[span] = frozenset(places)
        return known


@cache
def the_surface() -> Surface:
    """Return what was measured."""
    source = resources.files("kerasmatrix.prediction").joinpath("surface.json")
    return Surface(json.loads(source.read_text(encoding="utf-8")))
