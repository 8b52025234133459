"""Puts the weights of any stored model into a model that code has built, in any Keras.

The files are read here and not by Keras's own ``load_weights``: no release reads all of them, and
what it cannot pair it may leave as it was, so that an initial value would look like a load that
computes something else. Here every weight gets a value from the file, or it is an error.
"""

from __future__ import annotations

import io
import os
import zipfile
from typing import Any

import numpy as np

from .. import formats, model_facts, sample_inputs
from . import checkpoint, layout

__all__ = ["Unfilled", "load_into"]


class Unfilled(Exception):
    """Some weight of the model has not come from the file."""


def load_into(model: Any, form: str, folder: str) -> str:
    """Load all weights of the artifact in ``folder`` into ``model``; say in a few words how.

    Raises:
        Unfilled: a weight of the model is not in the file, or did not take its value.
        ValueError: the file holds other weights than the model has.
    """
    remarks = ""
    if not _is_built(model):
        sample = sample_inputs.load(os.path.join(folder, "probe.npz"))
        if sample:
            model_facts.outputs(model, sample.inputs, sample.keys)
        remarks += "; called before, since it was not built yet"
    path = formats.find(form, folder)
    if os.path.isdir(path):
        how, found = _from_checkpoint(model, path)
    elif zipfile.is_zipfile(path):
        with zipfile.ZipFile(path) as archive:
            how, found = _from_hdf5(model, io.BytesIO(archive.read("model.weights.h5")))
    else:
        how, found = _from_hdf5(model, path)
    if _set(model, found) < len(model.weights):
        remarks += "; a vocabulary is no weight and stays as the code has made it"
    return f"{how}{remarks}"


def _is_built(thing: Any) -> bool:
    """Whether a model and all layers in it have their variables.

    A Sequential in another can lack them until it is called (nested_sequential, tf2.16).
    """
    return bool(getattr(thing, "built", True)) and all(
        map(_is_built, getattr(thing, "layers", None) or ())
    )


def _from_hdf5(model: Any, file: Any) -> tuple:
    import h5py

    with h5py.File(file, "r") as handle:
        if layout.is_newer_layout(handle):
            return "read by the path of each variable", layout.find_arrays(handle, model)
        return _by_layer(model, handle.get("model_weights", handle))


def _by_layer(model: Any, group: Any) -> tuple:
    """Pair the layers of Keras's older layout, which are in order, with those of the model."""
    arrays = {_text(name): _arrays(group[_text(name)]) for name in group.attrs["layer_names"]}
    stored = [name for name, each in arrays.items() if each]
    layers = [layer for layer in model.layers if layout.arrays_of(layer)]
    if len(stored) != len(layers):
        raise ValueError(
            f"the file has {len(stored)} layers with weights, the model has {len(layers)}"
        )
    how = "in the file's order"
    if _same_names(stored, [layer.name for layer in layers]):
        # Where branches run in parallel, releases order the layers in other ways.
        how, stored = "by name", [layer.name for layer in layers]
    found: dict = {}
    for layer, name in zip(layers, stored):
        trained = list(layer.trainable_weights) + list(layer.non_trainable_weights)
        variables = [variable for variable in trained if hasattr(variable, "shape")]
        _pair(f"layer {layer.name}", variables, arrays[name], found)
    return "read layer by layer, " + how, found


def _arrays(group: Any) -> list:
    names = group.attrs.get("weight_names", ())
    return [np.asarray(group[_text(name)]) for name in names]


def _from_checkpoint(model: Any, path: str) -> tuple:
    """Pair the variables in the first way in which names and shapes agree."""
    stored = checkpoint.read_variables(path)
    arrays = [array for _, array in stored]
    variables = layout.arrays_of(model)
    shapes = [layout.shape_of(variable) for variable in variables]
    how = "in the model's order"
    for way, keys in WAYS:
        theirs, ours = keys([name for name, _ in stored]), keys(list(map(_name, variables)))
        if _same_names(theirs, ours):
            by_key = dict(zip(theirs, arrays))
            paired = [by_key[key] for key in ours]
            if list(map(np.shape, paired)) == shapes:
                how, arrays = way, paired
                break
    found: dict = {}
    _pair("the model", variables, arrays, found)
    return "read from the SavedModel's checkpoint, " + how, found


def _ends(names: list) -> list:
    """Return layer and weight: what contains them is in the names of some releases only."""
    return ["/".join(name.split("/")[-2:]) for name in names]


def _kinds(names: list) -> list:
    """Return each as the n-th kernel, the n-th bias, and so on.

    Some releases have what is trained first, others keep together what belongs to one layer.
    """
    kinds = [name.rpartition("/")[2] for name in names]
    return [f"{kind} {kinds[:place].count(kind)}" for place, kind in enumerate(kinds)]


WAYS = (("by name", list), ("by name", _ends), ("each kind in the model's order", _kinds))


def _same_names(ours: list, theirs: list) -> bool:
    """Whether both sides have the same names, each of them once."""
    return len(set(ours)) == len(ours) and sorted(ours) == sorted(theirs)


def _pair(place: str, variables: list, arrays: list, found: dict) -> None:
    if [np.shape(array) for array in arrays] != [layout.shape_of(each) for each in variables]:
        raise layout.OtherShapes(place, arrays, variables)
    found.update((id(variable), array) for variable, array in zip(variables, arrays))


def _set(model: Any, found: dict) -> int:
    """Give every weight its array and look whether it is there; return how many have one."""
    variables = layout.arrays_of(model)
    unfilled = [
        _name(variable)
        for variable in variables
        if id(variable) not in found or _is_empty(found[id(variable)])
    ]
    if unfilled:
        raise Unfilled(f"the file has nothing for {', '.join(unfilled)}")
    values = [
        found.get(id(variable), before)
        for variable, before in zip(model.weights, model.get_weights())
    ]
    model.set_weights(values)
    refused = [
        _name(variable)
        for variable, value, after in zip(model.weights, values, model.get_weights())
        if id(variable) in found and not _equal(value, after)
    ]
    if refused:
        raise Unfilled(f"these did not take the file's value: {', '.join(refused)}")
    return len(variables)


def _is_empty(array: Any) -> bool:
    """Whether an array has no number in it, so that nothing can be seen to come of it."""
    return bool(array.dtype.kind == "f" and array.size and np.isnan(array).all())


def _equal(value: Any, after: Any) -> bool:
    # Weights may be kept with less precision than they were saved with.
    value = np.asarray(value).astype(np.asarray(after).dtype)
    same = value == after
    return bool(np.all(same | np.isnan(value) if value.dtype.kind == "f" else same))


def _name(variable: Any) -> str:
    """Return a variable's name as a checkpoint has it: ``dense/kernel``."""
    return str(getattr(variable, "path", None) or variable.name).split(":")[0]


def _text(name: Any) -> str:
    return name.decode("utf-8") if isinstance(name, bytes) else str(name)
