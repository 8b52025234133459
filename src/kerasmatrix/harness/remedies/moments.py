"""The state of an optimizer: its steps and moments, from a file into the optimizer of any Keras.

Keras 2 has two generations of optimizers, and Keras 3 has a third. They keep the same moments
under other names and in another order. (Sources: `_create_slots` of keras/optimizers/optimizer_v2
in 2.10, `build` of keras/src/optimizers in 2.15 and 3.15; measured: trained_adam as h5 and keras,
between tf2.4, tf2.15 and tf2.21)
"""

from __future__ import annotations

import io
import zipfile
from typing import Any, NamedTuple

import numpy as np

from . import architecture

__all__ = ["State", "read", "restore"]

GROUP = "optimizer_weights"  # of an HDF5 file
MEMBER, VARIABLES = "model.weights.h5", "optimizer/vars"  # of an archive
COUNTERS = ("iter", "iteration", "iterations")
# The generation of TensorFlow 2.11 and later stores its optimizers under this package.
PACKAGE = "Custom>"
# Moments that alternate, weight by weight: their number at the beginning. All others come one kind
# after the other.
ALTERNATING = {"Ftrl": 2}
ALTERNATING_SINCE_2_11 = dict.fromkeys(("Adam", "AdamW", "Nadam", "Adamax", "Adadelta", "Ftrl"), 2)
PLACEHOLDER = (1,)
# The moving average of the weights comes before the moments.
AVERAGE = "use_ema"


class State(NamedTuple):
    """The variables of an optimizer as a file has them.

    Attributes:
        variables: name and array, in the file's order; an archive has no names.
        settings: the optimizer's arguments.
        is_newer: whether it is of the generation of TensorFlow 2.11 or later.
    """

    variables: list
    settings: dict
    is_newer: bool


def read(path: str, stored: Any) -> State:
    """Read the state from an HDF5 file or an archive.

    Args:
        path: the file.
        stored: its architecture with a training configuration.
    """
    import h5py

    entry = stored.training.get("optimizer_config") or stored.training.get("optimizer")
    entry = entry if isinstance(entry, dict) else {"class_name": str(entry)}
    is_newer = stored.archive or architecture.is_from_keras_3(stored)
    is_newer = is_newer or str(entry["class_name"]).startswith(PACKAGE)
    found: list = []
    if zipfile.is_zipfile(path):
        with zipfile.ZipFile(path) as archive:
            file = io.BytesIO(archive.read(MEMBER))
        with h5py.File(file, "r") as handle:
            group = handle.get(VARIABLES, {})
            found = [("", np.asarray(group[number])) for number in sorted(group, key=int)]
    else:
        with h5py.File(path, "r") as handle:
            if GROUP in handle:
                group = handle[GROUP]
                names = [_text(each) for each in group.attrs["weight_names"]]
                found = [(each, np.asarray(group[each])) for each in names]
    return State(found, dict(entry.get("config") or {}), is_newer)


def restore(model: Any, state: State) -> bool:
    """Give the optimizer the stored number of steps and moments; return whether there are any.

    Raises:
        ValueError: the stored arrays are not those of these weights.
    """
    shapes = [tuple(variable.shape) for variable in model.trainable_variables]
    if not state.variables or not shapes:
        return False
    variables = [each for each in _variables_of(model) if tuple(each.shape)]
    is_newer = not hasattr(model.optimizer, "_create_all_weights")
    name, settings = type(model.optimizer).__name__, model.optimizer.get_config()
    ours = _by_kind(variables, shapes, _alternating(name, settings, is_newer=is_newer))
    arrays = [array for _, array in state.variables if array.shape]
    groups = _alternating(name, state.settings, is_newer=state.is_newer)
    theirs = _by_kind(_without_placeholders(arrays, shapes), shapes, groups)
    if name == "SGD" and not ours:
        theirs = []  # TensorFlow 2.11 to 2.15 keep the last step of SGD without momentum, too
    has_more = any(array.any() for kind in theirs[len(ours) :] for array in kind)
    if has_more or (theirs and len(theirs) < len(ours)):
        raise ValueError(f"the file has {len(theirs)} moments of each weight, not {len(ours)}")
    for arrays, places in zip(theirs, ours):
        for array, place in zip(arrays, places):
            place.assign(array)
    for name, array in state.variables:
        if _is_counter(name, array):
            model.optimizer.iterations.assign(int(array))
            break
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


def _alternating(optimizer: str, settings: dict, *, is_newer: bool) -> list:
    """Return the sizes of the groups at the beginning in which moments alternate."""
    sizes = ALTERNATING_SINCE_2_11 if is_newer else ALTERNATING
    return [1] * bool(settings.get(AVERAGE)) + [sizes.get(optimizer, 1)]


def _by_kind(values: list, shapes: list, groups: list) -> list:
    """Return the moments as a list for each kind, in the order of the weights.

    Raises:
        ValueError: these are not the moments of weights with these shapes.
    """
    count = len(shapes)
    if len(values) % count:
        raise ValueError(f"{len(values)} moments for {count} weights")
    found: list = []
    sizes = list(groups)
    while len(found) < len(values) // count:
        size = min(sizes.pop(0) if sizes else 1, len(values) // count - len(found))
        start = len(found) * count
        part = values[start : start + size * count]
        found += [part[kind::size] for kind in range(size)]
    if any([tuple(value.shape) for value in kind] != shapes for kind in found):
        raise ValueError("the moments have other shapes than the weights")
    return found


def _without_placeholders(arrays: list, shapes: list) -> list:
    """Leave out the zeros that standalone Keras stores for moments that Adam does not use."""
    last = arrays[-len(shapes) :]
    if set(shapes) == {PLACEHOLDER} or any(
        array.shape != PLACEHOLDER or array.any() for array in last
    ):
        return arrays
    return arrays[: -len(shapes)]


def _is_counter(name: str, array: Any) -> bool:
    if array.shape or array.dtype.kind not in "iu":
        return False
    return not name or name.split(":", maxsplit=1)[0].rpartition("/")[2] in COUNTERS


def _text(name: Any) -> str:
    return name.decode("utf-8") if isinstance(name, bytes) else str(name)
