"""Puts the weights of any stored model into a model that code has built, in any Keras.

Every weight is overwritten first, so that one which the file did not fill shows: an initial value
that stayed would look like a load that computes something else.
"""

from __future__ import annotations

import io
import os
import zipfile
from typing import Any

import numpy as np

from .. import storage
from . import checkpoint, layout

__all__ = ["Unfilled", "load_into"]


class Unfilled(Exception):
    """The file has no value for some weight of the model."""


def load_into(model: Any, form: str, folder: str) -> str:
    """Load all weights of the artifact in ``folder`` into ``model``; say in a few words how.

    Raises:
        Unfilled: a weight of the model is not in the file.
        ValueError: the file holds other weights than the model has.
    """
    path = _path(form, folder)
    model.set_weights([_blank(array) for array in model.get_weights()])
    if form == "savedmodel":
        _set_in_order(model, checkpoint.read_variables(path))
        how = "read from the SavedModel's checkpoint, in the model's order"
    elif zipfile.is_zipfile(path):
        with zipfile.ZipFile(path) as archive:
            how = _load_hdf5(model, io.BytesIO(archive.read("model.weights.h5")))
    else:
        how = _load_hdf5(model, path)
    unfilled = [
        _name(variable)
        for variable, array in zip(model.weights, model.get_weights())
        if array.dtype.kind == "f" and array.size and np.isnan(array).all()
    ]
    if unfilled:
        raise Unfilled(f"the file has nothing for {', '.join(unfilled)}")
    return how


def _path(form: str, folder: str) -> str:
    newer = os.path.join(folder, storage.KERAS_3_WEIGHTS)
    if form == "weights" and os.path.exists(newer):
        return newer
    return os.path.join(folder, storage.FILE_NAMES[form])


def _blank(array: Any) -> Any:
    return np.full_like(array, np.nan) if array.dtype.kind == "f" else array


def _load_hdf5(model: Any, file: Any) -> str:
    import h5py

    with h5py.File(file, "r") as handle:
        if layout.is_newer_layout(handle):
            _set_by_variable(model, layout.find_arrays(handle, model))
            return "read by the path of each variable"
        group = handle.get("model_weights", handle)
        _set_by_layer(model, group)
        return "read layer by layer, in the file's order"


def _set_by_variable(model: Any, found: dict) -> None:
    missing = [variable for variable in model.weights if id(variable) not in found]
    if missing:
        raise Unfilled(f"the file has nothing for {', '.join(map(_name, missing))}")
    model.set_weights([found[id(variable)] for variable in model.weights])


def _set_by_layer(model: Any, group: Any) -> None:
    """Pair the layers of Keras's older layout, which are in order, with those of the model."""
    groups = [group[_text(name)] for name in group.attrs["layer_names"]]
    stored = [arrays for arrays in map(_arrays, groups) if arrays]
    layers = [layer for layer in model.layers if layer.weights]
    if len(stored) != len(layers):
        raise ValueError(
            f"the file has {len(stored)} layers with weights, the model has {len(layers)}"
        )
    found: dict = {}
    for layer, arrays in zip(layers, stored):
        variables = list(layer.trainable_weights) + list(layer.non_trainable_weights)
        shapes = [layout.shape_of(variable) for variable in variables]
        if [array.shape for array in arrays] != shapes:
            raise ValueError(
                f"layer {layer.name}: the file has the shapes {[each.shape for each in arrays]}, "
                f"the model {shapes}"
            )
        found.update((id(variable), array) for variable, array in zip(variables, arrays))
    _set_by_variable(model, found)


def _arrays(group: Any) -> list:
    return [np.asarray(group[_text(name)]) for name in group.attrs.get("weight_names", ())]


def _set_in_order(model: Any, arrays: list) -> None:
    expected = [np.shape(array) for array in model.get_weights()]
    # Counters and the states of random generators are variables, and no weights.
    if len(arrays) > len(expected):
        arrays = [array for array in arrays if np.asarray(array).dtype.kind == "f"]
    if [np.shape(array) for array in arrays] != expected:
        raise ValueError(
            f"the file has the shapes {[np.shape(array) for array in arrays]}, the model {expected}"
        )
    model.set_weights(arrays)


def _name(variable: Any) -> str:
    return str(getattr(variable, "path", None) or getattr(variable, "name", None) or "a weight")


def _text(name: Any) -> str:
    return name.decode("utf-8") if isinstance(name, bytes) else str(name)
