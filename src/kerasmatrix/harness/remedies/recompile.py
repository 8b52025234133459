"""Compiles a model as its file says, and gives the optimizer the state that the file has.

For models that were created without their compile state. Keras 2 has two generations of optimizers
and Keras 3 a third; they keep the same moments under other names and in another order. (measured:
trained_adam as h5 and keras, between tf2.4, tf2.15 and tf2.21)
"""

from __future__ import annotations

import io
import zipfile
from typing import Any

import numpy as np

from . import rewrite

__all__ = ["compile_as_stored"]

GROUP = "optimizer_weights"  # of an HDF5 file
MEMBER, VARIABLES = "model.weights.h5", "optimizer/vars"  # of an archive
ARGUMENTS = ("loss_weights", "run_eagerly", "jit_compile")
COUNTERS = ("iter", "iteration", "iterations")


def compile_as_stored(model: Any, path: str, stored: Any, reader: Any, custom_objects: dict) -> str:
    """Compile ``model``; return in a few words what was done.

    Args:
        model: a model that is not compiled.
        path: the file that it is from.
        stored: the architecture in it, with a training configuration.
        reader: the Keras at hand (see `classes.Reader`).
        custom_objects: classes and functions of the loading program.
    """
    training = rewrite.rewrite(stored, reader).training or {}
    try:
        model.compile(**_arguments(model, training, reader, custom_objects))
    except Exception as error:
        return f"not compiled ({type(error).__name__}: {error})"
    try:
        restored = _restore_state(model, _stored_state(path))
    except Exception as error:
        return f"compiled as in the file, without the optimizer's state ({error})"
    return "compiled as in the file" + (", with the optimizer's state" if restored else "")


def _arguments(model: Any, training: dict, reader: Any, objects: dict) -> dict:
    """Return the arguments of ``compile``."""
    entry = training.get("optimizer_config") or training.get("optimizer")
    is_string = isinstance(entry, str)
    arguments: dict = {
        "optimizer": entry
        if is_string
        else reader.deserialize_training("optimizers", entry, objects),
        "loss": _made(training.get("loss"), "losses", reader, objects),
    }
    for key in ("metrics", "weighted_metrics"):
        made = _made(training.get(key), "metrics", reader, objects)
        arguments[key] = _flat(made) if len(model.outputs) == 1 else made
    arguments.update((key, training[key]) for key in ARGUMENTS if training.get(key))
    known = reader.compile_names()
    return {key: value for key, value in arguments.items() if value and key in known}


def _made(value: Any, place: str, reader: Any, objects: dict) -> Any:
    """Return losses or metrics as objects; names stay names, which ``compile`` looks up."""
    if isinstance(value, dict) and "class_name" in value:
        return reader.deserialize_training(place, value, objects)
    if isinstance(value, dict):
        return {key: _made(inner, place, reader, objects) for key, inner in value.items()}
    if isinstance(value, (list, tuple)):
        return [_made(inner, place, reader, objects) for inner in value]
    return objects.get(value, value) if isinstance(value, str) else value


def _flat(value: Any) -> Any:
    """Return the metrics of a model with one output as one list."""
    if isinstance(value, dict):
        value = list(value.values())
    if not isinstance(value, list):
        return value
    members = [_flat(member) if isinstance(member, (list, dict)) else member for member in value]
    flat: list = []
    for member in members:
        flat += member if isinstance(member, list) else [member]
    return [member for member in flat if member is not None]


def _stored_state(path: str) -> list:
    """Return (name, array) of the optimizer's variables, in the file's order."""
    import h5py

    if zipfile.is_zipfile(path):
        with zipfile.ZipFile(path) as archive:
            file = io.BytesIO(archive.read(MEMBER))
        with h5py.File(file, "r") as handle:
            group = handle.get(VARIABLES, {})
            return [("", np.asarray(group[number])) for number in sorted(group, key=int)]
    with h5py.File(path, "r") as handle:
        if GROUP not in handle:
            return []
        group = handle[GROUP]
        names = [_text(name) for name in group.attrs["weight_names"]]
        return [(name, np.asarray(group[name])) for name in names]


def _restore_state(model: Any, stored: list) -> bool:
    """Give the optimizer the stored number of steps and moments; return whether there are any.

    Raises:
        ValueError: the stored arrays are not those of these weights.
    """
    shapes = [tuple(variable.shape) for variable in model.trainable_variables]
    moments = [(name, array) for name, array in stored if array.shape or () in shapes]
    if not stored or not shapes:
        return False
    steps = next((array for name, array in stored if _is_counter(name, array)), None)
    variables = _variables_of(model)
    ours = [variable for variable in variables if tuple(variable.shape) or () in shapes]
    theirs = _by_kind(moments, shapes)
    mine = _by_kind([(_name(variable), variable) for variable in ours], shapes)
    if len(theirs) != len(mine):
        raise ValueError(f"the file has {len(theirs)} moments of each weight, not {len(mine)}")
    for arrays, places in zip(theirs, mine):
        for array, place in zip(arrays, places):
            place.assign(array)
    if steps is not None:
        model.optimizer.iterations.assign(int(steps))
    return True


def _variables_of(model: Any) -> list:
    """Return all variables of the optimizer, which are created now."""
    optimizer = model.optimizer
    if hasattr(optimizer, "_create_all_weights"):  # up to TensorFlow 2.10
        optimizer._create_all_weights(model.trainable_variables)  # noqa: SLF001 - nothing else does
        return list(optimizer.weights)
    if hasattr(optimizer, "build"):
        optimizer.build(model.trainable_variables)
    variables = optimizer.variables
    return list(variables() if callable(variables) else variables)


def _by_kind(entries: list, shapes: list) -> list:
    """Return the moments as a list for each kind, in the order of the weights.

    The older generation keeps all of one kind together, the others all of one weight.

    Raises:
        ValueError: these are not the moments of weights with these shapes.
    """
    count = len(shapes)
    values = [value for _, value in entries]
    if not entries:
        return []
    if len(entries) % count:
        raise ValueError(f"{len(entries)} moments for {count} weights")
    kinds = len(entries) // count
    together = [values[kind * count : (kind + 1) * count] for kind in range(kinds)]
    alternating = [values[kind::kinds] for kind in range(kinds)]
    fitting = [
        way
        for way in (together, alternating)
        if all([tuple(value.shape) for value in each] == shapes for each in way)
    ]
    if not fitting:
        raise ValueError("the moments have other shapes than the weights")
    is_both = len(fitting) > 1 and kinds > 1 and count > 1
    if is_both and _alternates([name for name, _ in entries], kinds):
        return alternating
    return fitting[0]


def _alternates(names: list, kinds: int) -> bool:
    """Whether the names of moments with equal shapes change from one to the next."""
    ends = [name.split(":")[0].replace("_", "/").rpartition("/")[2] for name in names]
    if not all(names) or len(set(ends)) == 1:
        # Without names, or with those of 2.11 to 2.15 (`Adam/m/dense/kernel`).
        heads = [name.split("/")[1] if "/" in name else "" for name in names]
        return len(set(heads[:kinds])) == kinds or not any(names)
    return len(set(ends[:kinds])) == kinds


def _is_counter(name: str, array: Any) -> bool:
    if array.shape or array.dtype.kind not in "iu":
        return False
    return not name or name.split(":", maxsplit=1)[0].rpartition("/")[2] in COUNTERS


def _name(variable: Any) -> str:
    return str(getattr(variable, "path", None) or variable.name)


def _text(name: Any) -> str:
    return name.decode("utf-8") if isinstance(name, bytes) else str(name)
