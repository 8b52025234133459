"""The YAML that Keras 1 and 2 write: plain values of Python, and the names of other objects."""

from __future__ import annotations

from typing import Any

import yaml

from kerasmatrix.filesystem.yaml_source import LOADER

__all__ = ["KerasLoader"]

PYTHON = "tag:yaml.org,2002:python/"
# PyYAML's names of plain values: Keras writes shapes as tuples, and in Python 2 texts as unicode.
SEQUENCES = ("tuple", "list")
MAPPINGS = ("dict",)
SCALARS = {"none": "null", "bool": "bool", "int": "int", "long": "int", "float": "float",
           "str": "str", "unicode": "str", "complex": "str"}  # fmt: skip


class KerasLoader(LOADER):  # type: ignore[misc, valid-type]
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
    KerasLoader.add_constructor(PYTHON + _name, _sequence)
for _name in MAPPINGS:
    KerasLoader.add_constructor(PYTHON + _name, _mapping)
KerasLoader.add_multi_constructor(PYTHON, _named)
