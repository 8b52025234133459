"""The new layout of Keras's weights files, in which a variable has the path of its attributes.

A ``.weights.h5`` of Keras 2.12 and later, and the one in each archive, has a group for each object
in a model. A group's ``vars`` are the object's own variables by number; its other groups have the
names of its attributes. The members of a list have the names of their classes, with a number if
there are several (``layers/dense_1/cell/vars/0``). (measured: keras and weights, tf2.12 to tf2.21)
"""

from __future__ import annotations

import re
from typing import Any

import numpy as np

__all__ = ["OtherShapes", "arrays_of", "as_nested", "find_arrays", "is_newer_layout", "shape_of"]

# The group of a model's layers: in Keras 2.12 to 2.15 the first name, in Keras 3 the second.
LAYER_LISTS = ("_layer_checkpoint_dependencies", "layers")
# States that change no prediction, and that the objects of other releases lack.
IGNORED = ("seed_generator", "optimizer", "metrics", "compile_metrics")
HANDLE = "TrackableWeightHandler"  # of a vocabulary; with a shape up to TensorFlow 2.4
# A class with another name in other releases (keras/engine/functional.py appeared in TF 2.3;
# measured: keras, tf2.15 to tf2.2).
RENAMED = {"model": "functional"}


class OtherShapes(ValueError):
    """The arrays of the file have other shapes than the variables of the model.

    The message has the probable reason if it is known.
    """

    def __init__(self, place: str, arrays: list, variables: list) -> None:
        stored = [np.shape(array) for array in arrays]
        wanted = [shape_of(variable) for variable in variables]
        message = f"{place}: the file has the shapes {stored}, the model {wanted}"
        reset_after = _reset_after(stored, wanted)
        if reset_after is not None:
            message += f"; it seems that a GRU was saved with reset_after={reset_after}"
        super().__init__(message)


def _reset_after(stored: list, wanted: list) -> bool | None:
    """Return the ``reset_after`` of the GRU that was saved, if it explains the shapes; else None.

    A GRU with ``reset_after=True``, the default since TF 2.0, has two biases in one array and other
    outputs. The weights of one cannot be converted to the other: the code that builds the model
    must set the argument. (measured: gru and stacked_rnn_cells, tf1.15 to tf2.16)
    """
    differ = [pair for pair in zip(stored, wanted) if pair[0] != pair[1]]
    if not differ or len(stored) != len(wanted):
        return None
    if all(ours == (2, *theirs) for ours, theirs in differ):
        return True
    return False if all((2, *ours) == theirs for ours, theirs in differ) else None


class _Tree(dict):
    """Groups of an HDF5 file in another order than the file's."""

    attrs: frozenset = frozenset()  # names of attributes


def as_nested(group: Any) -> Any:
    """Return an open HDF5 file with its groups nested as their paths say.

    Keras 2.12 to 2.15 on Windows joins a path by backslashes into the name of a single group
    (https://github.com/keras-team/keras/issues/18528).
    """
    if "layer_names" in group.attrs or not any("\\" in name for name in group):
        return group
    tree = _Tree()
    for path in group:
        place = tree
        for name in path.split("\\"):
            place = place.setdefault(name, _Tree())
        place.update(group[path])
    return tree


def is_newer_layout(group: Any) -> bool:
    """Whether an open HDF5 file has the newer layout."""
    return any(name in group for name in LAYER_LISTS) and "layer_names" not in group.attrs


def find_arrays(group: Any, model: Any) -> dict:
    """Return the array of each variable of ``model`` that ``group`` has, by ``id(variable)``.

    Raises:
        ValueError: the file has a part that the model lacks.
        OtherShapes: the file has a part in another shape.
    """
    assigned: dict = {}
    _walk(group, model, "", assigned)
    return assigned


def _walk(group: Any, thing: Any, path: str, assigned: dict) -> None:
    # A member that is an attribute, too, is stored as the attribute, but counted in the list
    # (measured: subclassed_with_config as keras, tf2.21), so attributes come first.
    for name in sorted(group, key=LAYER_LISTS.__contains__):
        if name in IGNORED:
            continue
        here = f"{path}/{name}"
        if name == "vars":
            _match(group[name], thing, path, assigned)
        elif name in LAYER_LISTS:
            _walk_members(group[name], thing.layers, here, assigned)
        elif _has_variables(group[name]):
            child = _attribute(thing, name)
            if child is None:
                raise ValueError(f"the file has {here}, and the model has nothing of that name")
            if isinstance(child, dict):
                child = list(child.values())
            if isinstance(child, (list, tuple)):
                _walk_members(group[name], child, here, assigned)
            else:
                _walk(group[name], child, here, assigned)


def _walk_members(group: Any, members: Any, path: str, assigned: dict) -> None:
    """Pair the groups of a list with its members: for each class in order."""
    waiting: dict = {}
    for member in members:
        kind = _snake_case(type(member).__name__)
        kept = waiting.setdefault(RENAMED.get(kind, kind), [])
        if any(id(variable) not in assigned for variable in arrays_of(member)):
            kept.append(member)
    names = [name for name in group if _has_variables(group[name])]
    # The counters skip numbers (2.12 goes from dense to dense_2): only their order matters.
    names.sort(key=lambda name: _numbered(name, waiting))
    for name in names:
        kind, _ = _numbered(name, waiting)
        if not waiting.get(kind):
            raise ValueError(f"the file has {path}/{name}, and the model no further layer like it")
        _walk(group[name], waiting[kind].pop(0), f"{path}/{name}", assigned)


def _match(group: Any, thing: Any, path: str, assigned: dict) -> None:
    arrays = [np.asarray(group[number]) for number in sorted(group, key=int)]
    variables = _own_variables(thing)
    if not arrays:
        return
    if [array.shape for array in arrays] != [shape_of(variable) for variable in variables]:
        raise OtherShapes(path, arrays, variables)
    for array, variable in zip(arrays, variables):
        assigned[id(variable)] = array


def _own_variables(thing: Any) -> list:
    """Return the variables of this object alone, in the order in which Keras stores them."""
    for trainable, other in (
        ("_trainable_weights", "_non_trainable_weights"),  # Keras 2
        ("_trainable_variables", "_non_trainable_variables"),  # Keras 3
    ):
        if hasattr(thing, trainable) and hasattr(thing, other):
            return list(getattr(thing, trainable)) + list(getattr(thing, other))
    return []


def _attribute(thing: Any, name: str) -> Any:
    """Return the attribute ``name``, which may have another underscore in other releases."""
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
        _has_variables(group[name]) for name in group if name != "vars" and name not in IGNORED
    )


def _numbered(name: str, kinds: Any) -> tuple:
    """Split ``dense_2`` into class and number; the name of a class may end in a number, too."""
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
    """Return a layer's or a model's weights, without vocabularies (Keras 2.9 to 2.15).

    Those are handles, in most releases without a shape, and no weights file has them.
    """
    return [
        variable
        for variable in getattr(thing, "weights", ())
        if hasattr(variable, "shape") and type(variable).__name__ != HANDLE
    ]


def shape_of(variable: Any) -> tuple:
    """Return a variable's shape as integers, in every release."""
    return tuple(int(getattr(size, "value", size)) for size in variable.shape)
