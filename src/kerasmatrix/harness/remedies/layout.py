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

__all__ = ["OtherShapes", "arrays_of", "find_arrays", "is_newer_layout", "shape_of"]

# Keras 2.12 to 2.15 files a model's layers under the first name, Keras 3 under the second.
LAYER_LISTS = ("_layer_checkpoint_dependencies", "layers")
# States that no prediction depends on, and that the objects of other releases do not have.
PASSED_OVER = ("seed_generator", "optimizer", "metrics", "compile_metrics")
# A class that another release calls by another name (keras/engine/functional.py appeared in TF 2.3;
# measured: keras, tf2.15 to tf2.2).
RENAMED = {"model": "functional"}


class OtherShapes(ValueError):
    """What the file has for a part of the model does not fit into that part.

    The message says what to do about it where that is known.
    """

    def __init__(self, place: str, arrays: list, variables: list) -> None:
        stored = [np.shape(array) for array in arrays]
        wanted = [shape_of(variable) for variable in variables]
        message = f"{place}: the file has the shapes {stored}, the model {wanted}"
        told = _reset_after(stored, wanted)
        if told is not None:
            message += f"; it seems that a GRU was saved with reset_after={told}"
        super().__init__(message)


def _reset_after(stored: list, wanted: list) -> bool | None:
    """Tell how a GRU was made whose weights do not fit into another, or None.

    ``reset_after=True``, the default since TF 2.0, has two biases in one array and computes
    something else: neither can be made of the other, only the code that builds the model can
    settle it. (measured: gru and stacked_rnn_cells, tf1.15 to tf2.16)
    """
    differ = [pair for pair in zip(stored, wanted) if pair[0] != pair[1]]
    if not differ or len(stored) != len(wanted):
        return None
    if all(ours == (2, *theirs) for ours, theirs in differ):
        return True
    return False if all((2, *ours) == theirs for ours, theirs in differ) else None


def is_newer_layout(group: Any) -> bool:
    """Whether an open HDF5 file has the newer layout."""
    return any(name in group for name in LAYER_LISTS) and "layer_names" not in group.attrs


def find_arrays(group: Any, model: Any) -> dict:
    """Return the array of each variable of ``model`` that ``group`` has, by ``id(variable)``.

    Raises:
        ValueError: the file has something that the model lacks.
        OtherShapes: the file has it in another shape.
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
            if isinstance(child, dict):
                child = list(child.values())
            if isinstance(child, (list, tuple)):
                _walk_members(group[name], child, here, found)
            else:
                _walk(group[name], child, here, found)


def _walk_members(group: Any, members: Any, path: str, found: dict) -> None:
    """Pair the groups of a list with its members: of each class the first with the first."""
    waiting: dict = {}
    for member in members:
        kind = _snake_case(type(member).__name__)
        kept = waiting.setdefault(RENAMED.get(kind, kind), [])
        if any(id(variable) not in found for variable in arrays_of(member)):
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
        raise OtherShapes(path, arrays, variables)
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
    if RENAMED.get(name, name) in kinds:
        return RENAMED.get(name, name), 0
    stem, _, number = name.rpartition("_")
    if not (stem and number.isdigit()):
        return name, 0
    return RENAMED.get(stem, stem), int(number)


def _snake_case(name: str) -> str:
    name = re.sub(r"\W+", "", name)
    name = re.sub("(.)([A-Z][a-z]+)", r"\1_\2", name)
    return re.sub("([a-z])([A-Z])", r"\1_\2", name).lower()


def arrays_of(thing: Any) -> list:
    """Return a layer's or a model's weights, but for vocabularies (Keras 2.9 to 2.15).

    Those are handles without a shape, and no weights file has them.
    """
    return [variable for variable in getattr(thing, "weights", ()) if hasattr(variable, "shape")]


def shape_of(variable: Any) -> tuple:
    """Return a variable's shape as integers, whatever the release."""
    return tuple(int(getattr(size, "value", size)) for size in variable.shape)
