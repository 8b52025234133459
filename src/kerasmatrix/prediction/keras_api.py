"""The API of each release of Keras: its classes, and the config keys they accept. Measured data.

``keras_api.json`` is written by ``nox -s survey``, which asks every environment of ``matrix.yaml``.
"""

from __future__ import annotations

import json
from bisect import bisect_right
from collections.abc import Mapping
from functools import cache, cached_property
from importlib import resources
from typing import Any

from kerasmatrix.prediction.release_spans import places_of
from kerasmatrix.versions import minor_of

__all__ = ["KerasApi", "measured_api"]

ANY = "*"


class KerasApi:
    """The classes, functions and operations of Keras, by release."""

    def __init__(self, data: Mapping[str, Any]) -> None:
        self._data = data
        self._order = tuple(data["releases"])
        self._places: dict[str, int] = {}
        self._keys: dict[tuple[str, str, str, int], frozenset[str]] = {}

    @property
    def releases(self) -> tuple[str, ...]:
        """The surveyed releases, oldest first; Keras 2 by the TensorFlow that contains it."""
        return self._order

    def classes(self, release: str) -> frozenset[tuple[str, str]]:
        """Return the classes of a release, each as its module and name."""
        return frozenset(
            (place, name)
            for place, classes in self._data["classes"].items()
            for name, entry in classes.items()
            if self._within(entry["in"], release)
        )

    def knows(self, release: str) -> bool:
        """Return whether ``release`` was surveyed; else the nearest earlier one stands for it."""
        return release in self._data["releases"]

    def has(self, place: str, name: str, release: str) -> bool:
        """Return whether ``release`` has a class ``name`` in ``place``, such as ``layers``."""
        entry = self._data["classes"].get(place, {}).get(name)
        return entry is not None and self._within(entry["in"], release)

    def comes(self, place: str, name: str, release: str) -> bool:
        """Return whether only later releases than ``release`` have a class ``name``."""
        entry = self._data["classes"].get(place, {}).get(name)
        at = self._place(release)
        return entry is not None and all(own > at for own in self._expanded(entry["in"]))

    def takes(self, place: str, name: str, release: str) -> frozenset[str] | None:
        """Return the keys that a config of the class may have; None if any key is accepted."""
        keys = self._keys_of(place, name, "takes", release)
        return None if ANY in keys else keys

    def needs(self, place: str, name: str, release: str) -> frozenset[str]:
        """Return the keys that a config of the class must have."""
        return self._keys_of(place, name, "needs", release)

    def has_function(self, place: str, name: str, release: str) -> bool:
        """Return whether ``release`` finds ``name`` in ``place``, such as ``activations``."""
        entry = self._data["functions"].get(place, {}).get(name)
        return entry is not None and self._within(entry, release)

    def has_operation(self, name: str, release: str) -> bool:
        """Return whether ``release`` has an operation of that class (Keras 3)."""
        entry = self._data["operations"].get(name)
        return entry is not None and self._within(entry, release)

    def is_known(self, place: str, name: str) -> bool:
        """Return whether any release has a class ``name`` in ``place``."""
        return name in self._data["classes"].get(place, {})

    def is_function(self, place: str, name: str) -> bool:
        """Return whether any release finds ``name`` in ``place``."""
        return name in self._data["functions"].get(place, {})

    def is_operation(self, name: str) -> bool:
        """Return whether any release has an operation of that class."""
        return name in self._data["operations"]

    def _keys_of(self, place: str, name: str, what: str, release: str) -> frozenset[str]:
        at = self._place(release)
        known = self._keys.get((place, name, what, at))
        if known is None:
            entry = self._data["classes"].get(place, {}).get(name, {}).get(what, {})
            known = frozenset(
                key for span, keys in entry.items() if at in self._expanded(span) for key in keys
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
            index = bisect_right(self._sorted_keys, minor_of(release)) - 1
            place = self._places[release] = max(0, index)
        return place

    def _expanded(self, span: str) -> frozenset[int]:
        return places_of(span, self._order)


@cache
def measured_api() -> KerasApi:
    """Return the measured API."""
    source = resources.files("kerasmatrix.prediction").joinpath("keras_api.json")
    return KerasApi(json.loads(source.read_text(encoding="utf-8")))
