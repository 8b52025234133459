"""Reads YAML of strangers as JSON, which has neither aliases nor keys that are not texts."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

import yaml

from kerasmatrix.inspection.keras_yaml import KerasLoader

__all__ = ["read_yaml"]

# Without aliases, a text has fewer values than characters. Small texts may repeat some of them.
MOST_REPEATED = 1_000_000


def read_yaml(text: str) -> Any:  # noqa: ANN401 - JSON of any shape
    """Return the value of a YAML document.

    Raises:
        ValueError: it is not YAML, it is nested too deeply, or a few aliases stand for very many
            values.
    """
    try:
        content = yaml.load(text, KerasLoader)  # noqa: S506 - a safe loader, in C if there is one
        _refuse_many_values(content, max(MOST_REPEATED, len(text)))
        return json.loads(json.dumps(content, default=str))
    except RecursionError:
        raise ValueError("its YAML is nested too deeply") from None
    except yaml.YAMLError as error:
        raise ValueError(str(error)) from None


def _refuse_many_values(content: object, most: int) -> None:
    """Raise an exception if the values are too many, where each use of an alias counts."""
    sizes: dict[int, int] = {}

    def size(value: object) -> int:
        if id(value) not in sizes:
            parts: Iterable[object] = ()
            if isinstance(value, Mapping):
                parts = value.values()
            elif isinstance(value, list):
                parts = value
            sizes[id(value)] = 1 + sum(map(size, parts))
        return sizes[id(value)]

    if size(content) > most:
        raise ValueError(f"its aliases stand for more than {most:,} values")
