"""Finds parts of a model that reach beyond it when it is loaded: named code, other files. Pure.

A config of Keras 2.13 and later names every object by module and class, and the releases without
the fixes that docs/security.md lists import and call what is named.
"""

from __future__ import annotations

import builtins
import sys
from collections.abc import Iterator, Mapping
from typing import Any

from kerasmatrix.inspection.architecture import OWN_MODULES, words
from kerasmatrix.inspection.facts import Hazard

__all__ = ["hazards"]

# Deeper values are cut off elsewhere, too (strict_json.py).
DEEPEST = 200
MOST_HAZARDS = 50
# Programs have modules of these names, too; a class in one is named as a custom class anyway.
OFTEN_PROGRAMS = {"__main__", "code", "test", "types"}
STANDARD_LIBRARY = sys.stdlib_module_names - OFTEN_PROGRAMS
BUILTINS = frozenset(dir(builtins))
# The parts of Keras whose functions act on a program or a machine; models do not name them.
ACTING = {"config", "distribution", "export", "saving", "utils"}
# The arguments of layers that can be the path of a file, by class. TFSMLayer: Keras 3
# layers/layer.py; the others: the `vocabulary` of their constructors in Keras 2.15 and 3.15.
PATHS = {
    "TFSMLayer": "filepath",
    "IndexLookup": "vocabulary",
    "IntegerLookup": "vocabulary",
    "StringLookup": "vocabulary",
    "TextVectorization": "vocabulary",
}
# A layer that unpickles an argument (Keras 3 utils/torch_utils.py).
PICKLED = {"TorchModuleWrapper": "module"}


def hazards(*configs: object) -> tuple[Hazard, ...]:
    """Return the hazards in an architecture and in compile settings, outermost first."""
    found = (hazard for config in configs for hazard in _below(config, "the model", 0))
    return tuple(dict.fromkeys(found))[:MOST_HAZARDS]


def _below(value: object, layer: str, depth: int) -> Iterator[Hazard]:
    if depth > DEEPEST:
        return
    if isinstance(value, list):
        for item in value:
            yield from _below(item, layer, depth + 1)
    elif isinstance(value, Mapping):
        config = value.get("config")
        if "class_name" in value:
            name = config.get("name") if isinstance(config, Mapping) else None
            layer = words(name) if isinstance(name, str) else layer
            yield from _of_object(value, layer)
        for item in value.values():
            yield from _below(item, layer, depth + 1)


def _of_object(value: Mapping[str, Any], layer: str) -> Iterator[Hazard]:
    class_name, config = words(value.get("class_name")), value.get("config")
    module = value.get("module")
    is_function = class_name == "function" and isinstance(config, str)
    name = words(config) if is_function else class_name
    if isinstance(module, str) and _names_code(module, name, is_function=is_function):
        yield Hazard(kind="code", layer=layer, names=f"{words(module)}.{name}")
    if isinstance(config, Mapping):
        plain = class_name.rpartition(">")[2]
        pickled, path = PICKLED.get(plain, ""), config.get(PATHS.get(plain, ""))
        if isinstance(config.get(pickled), str):
            yield Hazard(kind="pickle", layer=layer, names=f"the argument {pickled!r}")
        if isinstance(path, str) and path:
            yield Hazard(kind="file", layer=layer, names=words(path))


def _names_code(module: str, name: str, *, is_function: bool) -> bool:
    """Return whether an object is code of Python, or a function of Keras that acts outside a model.

    Keras writes every function of a program as one of the module ``builtins``.
    """
    root, *rest = module.split(".")
    if root == "builtins":
        return is_function and name in BUILTINS
    if root in OWN_MODULES:
        return is_function and bool(ACTING.intersection(rest))
    return root in STANDARD_LIBRARY
