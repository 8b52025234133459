"""Reads JSON from files as Keras does: of a repeated key the last value counts."""

from __future__ import annotations

import json
from collections import Counter
from typing import Any

__all__ = ["read_json"]


def read_json(text: str | bytes, repeated: set[str]) -> Any:  # noqa: ANN401 - JSON
    """Return the value of ``text``; add to ``repeated`` the keys that an object has twice.

    Raises:
        ValueError: it is not JSON, not UTF-8, or nested too deeply.
    """

    def collect(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        value = dict(pairs)
        if len(value) < len(pairs):
            counts = Counter(name for name, _ in pairs)
            repeated.update(name for name, count in counts.items() if count > 1)
        return value

    try:
        return json.loads(text, object_pairs_hook=collect)
    except RecursionError:
        raise ValueError("its JSON is nested too deeply") from None
