"""The layout of Keras's newer weights files: variables filed under the attributes leading to them.

A ``.weights.h5`` of Keras 2.12 and later, and the one in each archive, has a group for each object
that a model consists of. A group's ``vars`` are the object's own variables by number; its other
groups are named like its attributes, and the members of a list like their classes, numbered where
there are several (``layers/dense_1/cell/vars/0``). (measured: keras and weights, tf2.12 to tf2.21)
"""

from __future__ import annotations

import re
from typing import Any

import numpy as np

__all__ = ["find_arrays", "is_newer_layout", "shape_of"]

# Keras 2.12 to 2.15 files a model's layers under the first name, Keras 3 under the second.
LAYER_LISTS = ("_layer_checkpoint_dependencies", "layers")
# States that no prediction depends on, and that the objects of other releases do not have.
PASSED_OVER = ("seed_generator", "optimizer", "metrics", "compile_metrics")


def is_newer_layout(group: Any) -> bool:
    """Whether an open HDF5 file has the newer layout."""
    return any(name in group for name in LAYER_LISTS) and "layer_names" not in group.attrs


def find_arrays(group: Any, model: Any) -> dict:
    """Return the array of each variable of ``model`` that ``group`` has, by ``id(variable)``.

    Raises:
        ValueError: the file has something that the model lacks, or of another shape.
    """
    found: dict = {}
    _walk(group, model, "", found)
    return found


def _walk(group: Any, thing: Any, path: str, found: dict) -> None:
    # A member that also is an attribute is filed as the attribute, and counted in the list all the
    # same (measured: subclassed_with_config as keras, tf2.21), so attributes come first.
    for name in sorted(group, key=LAYER_LISTS.__contains__):
        if name in PASSED_OVER:
            continue
        here = f"{path}/{name}"
        if name == "vars":
            _match(group[name], thing, path, found)
        elif name in LAYER_LISTS:
            _walk_members(group[name], thing.layers, here, found)
        elif _has_variables(group[name]):
            child = _attribute(thing, name)
            if child is None:
                raise ValueError(f"the file has {here}, and the model has nothing of that name")
            if isinstance(child, (list, tuple)):
                _walk_members(group[name], child, here, found)
            else:
                _walk(group[name], child, here, found)


def _walk_members(group: Any, members: Any, path: str, found: dict) -> None:
    """Pair the groups of a list with its members: of each class the first with the first."""
    waiting: dict = {}
    for member in members:
        kept = waiting.setdefault(_snake_case(type(member).__name__), [])
        weights = getattr(member, "weights", None)
        if weights and not all(id(variable) in found for variable in weights):
            kept.append(member)
    names = [name for name in group if _has_variables(group[name])]
    # The counters skip numbers (2.12 goes from dense to dense_2), so only their order says much.
    names.sort(key=lambda name: _numbered(name, waiting))
    for name in names:
        kind, _ = _numbered(name, waiting)
        if not waiting.get(kind):
            raise ValueError(f"the file has {path}/{name}, and the model no further layer like it")
        _walk(group[name], waiting[kind].pop(0), f"{path}/{name}", found)


def _match(group: Any, thing: Any, path: str, found: dict) -> None:
    arrays = [np.asarray(group[number]) for number in sorted(group, key=int)]
    variables = _own_variables(thing)
    if not arrays:
        return
    if [array.shape for array in arrays] != [shape_of(variable) for variable in variables]:
        raise ValueError(
            f"{path}: the file has the shapes {[array.shape for array in arrays]}, the model "
            f"{[shape_of(variable) for variable in variables]}"
        )
    for array, variable in zip(arrays, variables):
        found[id(variable)] = array


def _own_variables(thing: Any) -> list:
    """Return the variables of just this object, in the order in which Keras files them."""
    for trainable, other in (
        ("_trainable_weights", "_non_trainable_weights"),  # Keras 2
        ("_trainable_variables", "_non_trainable_variables"),  # Keras 3
    ):
        if hasattr(thing, trainable) and hasattr(thing, other):
            return list(getattr(thing, trainable)) + list(getattr(thing, other))
    return []


def _attribute(thing: Any, name: str) -> Any:
    """Return what the writer called ``name``; some attributes gained or lost an underscore."""
    for spelled in (name, "_" + name, name.lstrip("_")):
        value = getattr(thing, spelled, None)
        if value is not None:
            return value
    return None


def _has_variables(group: Any) -> bool:
    if not hasattr(group, "keys"):
        return False
    if "vars" in group and len(group["vars"]):
        return True
    return any(
        _has_variables(group[name]) for name in group if name != "vars" and name not in PASSED_OVER
    )


def _numbered(name: str, kinds: Any) -> tuple:
    """Take ``dense_2`` apart into class and number; a class may end in a number of its own."""
    if name in kinds:
        return name, 0
    stem, _, number = name.rpartition("_")
    return (stem, int(number)) if stem and number.isdigit() else (name, 0)


def _snake_case(name: str) -> str:
    name = re.sub(r"\W+", "", name)
    name = re.sub("(.)([A-Z][a-z]+)", r"\1_\2", name)
    return re.sub("([a-z])([A-Z])", r"\1_\2", name).lower()


def shape_of(variable: Any) -> tuple:
    """Return a variable's shape as integers, whatever the release."""
    return tuple(int(getattr(size, "value", size)) for size in variable.shape)
