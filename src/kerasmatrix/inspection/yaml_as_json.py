"""Reads YAML of strangers as JSON, which has neither aliases nor keys that are not texts."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

import yaml

from kerasmatrix.filesystem.yaml_source import LOADER

__all__ = ["read_yaml"]

PYTHON = "tag:yaml.org,2002:python/"
# PyYAML's names of plain values: Keras writes shapes as tuples, and in Python 2 texts as unicode.
SEQUENCES = ("tuple", "list")
MAPPINGS = ("dict",)
SCALARS = {"none": "null", "bool": "bool", "int": "int", "long": "int", "float": "float",
           "str": "str", "unicode": "str", "complex": "str"}  # fmt: skip
# Without aliases, a text has fewer values than characters. Small texts may repeat some of them.
MOST_REPEATED = 1_000_000


class _Loader(LOADER):  # type: ignore[misc, valid-type]
    """Constructs plain values; of every other object of Python only its name, as Keras does."""


def _sequence(loader: Any, node: yaml.Node) -> object:  # noqa: ANN401
    return loader.construct_sequence(node, deep=True)


def _mapping(loader: Any, node: yaml.Node) -> object:  # noqa: ANN401
    return loader.construct_mapping(node, deep=True)


def _scalar(loader: Any, suffix: str, node: yaml.Node) -> object:  # noqa: ANN401
    tag = f"tag:yaml.org,2002:{SCALARS[suffix]}"
    return loader.yaml_constructors[tag](loader, node)


def _named(loader: Any, suffix: str, node: yaml.Node) -> object:  # noqa: ANN401
    """Return an object of Python, which Keras up to 2.5 constructs, by its name."""
    kind, _, name = suffix.partition(":")
    if not name and kind in SCALARS:
        return _scalar(loader, kind, node)
    module, _, function = name.rpartition(".")
    if kind == "module":
        module, function = name, "__init__"
    return {"class_name": "function", "module": module, "config": function}


for _name in SEQUENCES:
    _Loader.add_constructor(PYTHON + _name, _sequence)
for _name in MAPPINGS:
    _Loader.add_constructor(PYTHON + _name, _mapping)
_Loader.add_multi_constructor(PYTHON, _named)


def read_yaml(text: str) -> Any:  # noqa: ANN401 - JSON of any shape
    """Return the value of a YAML document.

    Raises:
        ValueError: it is not YAML, it is nested too deeply, or a few aliases stand for very many
            values.
    """
    try:
        content = yaml.load(text, _Loader)  # noqa: S506 - a safe loader, in C if there is one
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
