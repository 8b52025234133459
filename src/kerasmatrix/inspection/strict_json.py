"""Reads JSON that others wrote, as Keras reads it: of a key that stands twice the last counts."""

from __future__ import annotations

import json
from collections import Counter
from typing import Any

__all__ = ["read_json"]


def read_json(text: str | bytes, repeated: set[str]) -> Any:  # noqa: ANN401 - JSON
    """Return what ``text`` says; add to ``repeated`` the keys that stand twice in one object.

    Raises:
        ValueError: it is no JSON, no UTF-8, or nested too deeply.
    """

    def collect(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        made = dict(pairs)
        if len(made) < len(pairs):
            counts = Counter(name for name, _ in pairs)
            repeated.update(name for name, count in counts.items() if count > 1)
        return made

    try:
        return json.loads(text, object_pairs_hook=collect)
    except RecursionError:
        raise ValueError("its JSON is nested too deeply") from None
