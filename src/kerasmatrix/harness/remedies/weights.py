"""Loads the weights of any stored model into a model that code has built, in any Keras.

The files are read here and not by Keras's ``load_weights``: no release reads all of them, and some
leave weights that they cannot pair at their initial values, which would look like a load with other
outputs. Here every weight gets a value from the file, or it is an error.
"""

from __future__ import annotations

import io
import os
import zipfile
from typing import Any

import numpy as np

from .. import formats, model_facts, sample_inputs
from . import checkpoint, layout
from .vocabularies import load_vocabularies

__all__ = ["Unfilled", "load_into"]


class Unfilled(Exception):
    """A weight of the model did not get a value from the file."""


def load_into(model: Any, form: str, folder: str) -> str:
    """Load all weights of the artifact in ``folder`` into ``model``; return how, in a few words.

    Raises:
        Unfilled: a weight of the model is not in the file, or did not take its value.
        ValueError: the file and the model have different weights.
    """
    remarks = ""
    path = formats.find(form, folder)
    vocabularies = 0
    if not os.path.isdir(path) and zipfile.is_zipfile(path):
        with zipfile.ZipFile(path) as archive:
            vocabularies = load_vocabularies(model, archive)
    if not _is_built(model):
        sample = sample_inputs.load(os.path.join(folder, "probe.npz"))
        if sample:
            model_facts.outputs(model, sample.inputs, sample.keys)
        remarks += "; called before, since it was not built yet"
    if os.path.isdir(path) or os.path.exists(path + checkpoint.INDEX):
        how, assigned = _from_checkpoint(model, path)
    elif zipfile.is_zipfile(path):
        with zipfile.ZipFile(path) as archive:
            how, assigned = _from_hdf5(model, io.BytesIO(archive.read("model.weights.h5")))
    else:
        how, assigned = _from_hdf5(model, path)
    count = _set(model, assigned)
    if vocabularies:
        remarks += f"; {vocabularies} vocabularies from the archive"
    elif count < len(model.weights):
        remarks += "; a vocabulary is not a weight and stays as the code sets it"
    return f"{how}{remarks}"


def _is_built(thing: Any) -> bool:
    """Whether a model and all layers in it have their variables.

    A Sequential in another one may lack them before a call (nested_sequential, tf2.16).
    """
    return bool(getattr(thing, "built", True)) and all(
        map(_is_built, getattr(thing, "layers", None) or ())
    )


def _from_hdf5(model: Any, file: Any) -> tuple:
    import h5py

    with h5py.File(file, "r") as handle:
        nested = layout.as_nested(handle)
        if layout.is_newer_layout(nested):
            return "read by the path of each variable", layout.find_arrays(nested, model)
        return _by_layer(model, handle.get("model_weights", handle))


def _by_layer(model: Any, group: Any) -> tuple:
    """Pair the layers of Keras's old layout, which are in order, with those of the model."""
    arrays = {_text(name): _arrays(group[_text(name)]) for name in group.attrs["layer_names"]}
    stored = [name for name, each in arrays.items() if each]
    layers = [layer for layer in model.layers if layout.arrays_of(layer)]
    if len(stored) != len(layers):
        raise ValueError(
            f"the file has {len(stored)} layers with weights, the model has {len(layers)}"
        )
    how = "in the file's order"
    if _same_names(stored, [layer.name for layer in layers]):
        # Releases order the layers of parallel branches differently.
        how, stored = "by name", [layer.name for layer in layers]
    assigned: dict = {}
    for layer, name in zip(layers, stored):
        trained = list(layer.trainable_weights) + list(layer.non_trainable_weights)
        variables = [variable for variable in trained if hasattr(variable, "shape")]
        _pair(f"layer {layer.name}", variables, arrays[name], assigned)
    return "read layer by layer, " + how, assigned


def _arrays(group: Any) -> list:
    names = group.attrs.get("weight_names", ())
    return [np.asarray(group[_text(name)]) for name in names]


def _from_checkpoint(model: Any, path: str) -> tuple:
    """Pair the variables in the first of `WAYS` in which names and shapes agree."""
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
    assigned: dict = {}
    _pair("the model", variables, arrays, assigned)
    return "read from the checkpoint, " + how, assigned


def _ends(names: list) -> list:
    """Return layer and weight: only some releases write the path that leads to the layer."""
    return ["/".join(name.split("/")[-2:]) for name in names]


def _kinds(names: list) -> list:
    """Return each name as the n-th kernel, the n-th bias, and so on.

    Some releases list all trained variables first, others all variables of one layer together.
    """
    kinds = [name.rpartition("/")[2] for name in names]
    return [f"{kind} {kinds[:place].count(kind)}" for place, kind in enumerate(kinds)]


WAYS = (("by name", list), ("by name", _ends), ("each kind in the model's order", _kinds))


def _same_names(ours: list, theirs: list) -> bool:
    """Whether both sides have the same names, each of them once."""
    return len(set(ours)) == len(ours) and sorted(ours) == sorted(theirs)


def _pair(place: str, variables: list, arrays: list, assigned: dict) -> None:
    if [np.shape(array) for array in arrays] != [
        layout.shape_of(variable) for variable in variables
    ]:
        raise layout.OtherShapes(place, arrays, variables)
    assigned.update((id(variable), array) for variable, array in zip(variables, arrays))


def _set(model: Any, assigned: dict) -> int:
    """Set every weight to its array, and check that; return the number of arrays."""
    variables = layout.arrays_of(model)
    unfilled = [
        _name(variable)
        for variable in variables
        if id(variable) not in assigned or _is_empty(assigned[id(variable)])
    ]
    if unfilled:
        raise Unfilled(f"the file has nothing for {', '.join(unfilled)}")
    if not variables:
        return 0
    if len(variables) < len(model.weights):
        # `set_weights` would set the vocabularies, too, which some releases do not take back
        # (measured: TextVectorization as keras, tf2.21 to tf2.4).
        for variable in variables:
            variable.assign(assigned[id(variable)])
        after = [np.asarray(variable) for variable in variables]
    else:
        model.set_weights([assigned[id(variable)] for variable in variables])
        after = model.get_weights()
    refused = [
        _name(variable)
        for variable, value in zip(variables, after)
        if not _equal(assigned[id(variable)], value)
    ]
    if refused:
        raise Unfilled(f"these did not take the file's value: {', '.join(refused)}")
    return len(variables)


def _is_empty(array: Any) -> bool:
    """Whether an array has only NaN, with which no output can be compared."""
    return bool(array.dtype.kind == "f" and array.size and np.isnan(array).all())


def _equal(value: Any, after: Any) -> bool:
    # The model may keep weights with less precision than the file has.
    value = np.asarray(value).astype(np.asarray(after).dtype)
    same = value == after
    return bool(np.all(same | np.isnan(value) if value.dtype.kind == "f" else same))


def _name(variable: Any) -> str:
    """Return a variable's name as a checkpoint has it: ``dense/kernel``."""
    name = getattr(variable, "path", None) or getattr(variable, "name", "")
    return str(name).split(":")[0]


def _text(name: Any) -> str:
    return name.decode("utf-8") if isinstance(name, bytes) else str(name)
