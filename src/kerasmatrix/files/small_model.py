"""A model file that can be made smaller: its configuration, and arrays of random numbers. Pure.

A `SmallModel` is written as HDF5 of Keras 1 and 2, or as an archive of Keras 3. The reductions
return copies; whether one still fails alike is for `files.reproduce` to find out.
"""

from __future__ import annotations

import copy
import io
import json
import zipfile
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

import h5py
import numpy as np

from kerasmatrix.inspection.architecture import inside, layers_of
from kerasmatrix.inspection.array_owners import is_model, name_of
from kerasmatrix.inspection.companions import snake_case

__all__ = [
    "RandomArray",
    "SmallModel",
    "argument_places",
    "layer_names",
    "one_layer_models",
    "renamed",
    "without_arguments",
    "without_layers",
    "write_model",
]

Config = dict[str, Any]
# A key in the configuration, by the keys and numbers that lead to it.
Place = tuple[str | int, ...]
INPUT = "InputLayer"
TENSOR = "__keras_tensor__"
PLACE = 3  # layer, call and output
DEEPEST = 32
# Without these no release reads a configuration at all.
NEEDED = {"class_name", "config"}
# The arguments that a class of Keras needs, and names, which nodes refer to: without them the small
# model would fail in every release. Source: the signatures of the layers in Keras 2.15 and 3.15.
KEPT = {
    "activation", "axes", "batch_input_shape", "batch_shape", "bin_boundaries", "cell", "cells",
    "dims", "equation", "factor", "filters", "function", "head_dim", "height", "height_factor",
    "input_dim", "kernel_size", "key_dim", "layer", "layers", "n", "name", "num_bins", "num_heads",
    "num_key_value_heads", "num_query_heads", "output_dim", "output_shape", "pool_size", "rate",
    "scale", "stddev", "target_shape", "units", "width", "width_factor",
}  # fmt: skip
GRAPH = {"inbound_nodes", "input_layers", "output_layers"}


@dataclass(frozen=True)
class RandomArray:
    """An array in place of the user's: its layer, its path in the layer's group, and its shape."""

    layer: str
    path: str
    shape: tuple[int, ...]


@dataclass(frozen=True)
class SmallModel:
    """A model file as data. ``training`` is that of HDF5; an archive has it in its config.

    ``suffix`` is the ending of the file's name, if it is not that of the format.
    """

    format: Literal["h5", "keras"]
    config: Config
    training: Any = None
    arrays: tuple[RandomArray, ...] = ()
    keras: str | None = None
    suffix: str = ""

    @property
    def ending(self) -> str:
        """The ending of the file's name."""
        return self.suffix or f".{self.format}"


def write_model(model: SmallModel, path: Path) -> None:
    """Write a model file with random numbers."""
    if model.format == "h5":
        with h5py.File(path, "w") as file:
            file.attrs["keras_version"] = (model.keras or "2.4.0").encode()
            file.attrs["backend"] = b"tensorflow"
            file.attrs["model_config"] = json.dumps(model.config).encode()
            if model.training is not None:
                file.attrs["training_config"] = json.dumps(model.training).encode()
            _write_named(file.create_group("model_weights"), model)
        return
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("metadata.json", json.dumps({"keras_version": model.keras}))
        archive.writestr("config.json", json.dumps(model.config))
        if model.arrays:
            held = io.BytesIO()
            with h5py.File(held, "w") as file:
                for place, array in group_paths(model):
                    file[place] = _numbers(array)
            archive.writestr("model.weights.h5", held.getvalue())


def _numbers(array: RandomArray) -> np.ndarray[Any, Any]:
    return np.random.default_rng(0).random(array.shape, dtype="f4")


def _write_named(group: h5py.Group, model: SmallModel) -> None:
    names = [name_of(layer) for layer in inside(model.config.get("config"))] if model.arrays else []
    group.attrs["layer_names"] = [name.encode() for name in names]
    for name in names:
        inner = group.create_group(name)
        held = [array for array in model.arrays if array.layer == name]
        inner.attrs["weight_names"] = [array.path.encode() for array in held]
        for array in held:
            inner[array.path] = _numbers(array)


def group_paths(model: SmallModel) -> Iterator[tuple[str, RandomArray]]:
    """Yield the arrays of an archive with their paths, which number the layers of a class."""
    counts: Counter[str] = Counter()
    groups: dict[str, str] = {}
    for layer in inside(model.config.get("config")):
        kind = snake_case(str(layer.get("class_name")).rpartition(">")[2])
        groups[name_of(layer)] = f"{kind}_{counts[kind]}" if counts[kind] else kind
        counts[kind] += 1
    for array in model.arrays:
        if array.layer in groups:
            yield f"layers/{groups[array.layer]}/{array.path}", array


# ---- fewer layers ----


def layer_names(model: SmallModel) -> list[str]:
    """Return the names of the outermost model's layers, without its inputs."""
    return [
        name_of(layer)
        for layer in inside(model.config.get("config"))
        if layer.get("class_name") != INPUT
    ]


def one_layer_models(model: SmallModel) -> Iterator[SmallModel]:
    """Yield a Sequential of each layer alone, and each model that is in the model."""
    seen: set[str] = set()
    for _, layer in list(layers_of(model.config))[1:]:
        bare = {key: value for key, value in layer.items() if key not in {"inbound_nodes", "name"}}
        if layer.get("class_name") == INPUT:
            continue
        kind = f"{layer.get('class_name')} {sorted(layer['config'])}"
        if kind in seen:
            continue
        seen.add(kind)
        if is_model(layer):
            yield replace(model, config=copy.deepcopy(bare), training=None, arrays=())
            continue
        chain = {"name": "model", "layers": [copy.deepcopy(bare)]}
        config: Config = {"class_name": "Sequential", "config": chain}
        if "module" in model.config:
            config |= {"module": "keras", "registered_name": None}
        yield replace(model, config=config, training=None, arrays=())


def without_layers(model: SmallModel, names: Iterable[str]) -> SmallModel:
    """Return the model without these layers; what they fed is fed by what fed them."""
    removed = set(names)
    config = copy.deepcopy(model.config)
    inner = config["config"]
    if isinstance(inner, list):
        config["config"] = [layer for layer in inner if name_of(layer) not in removed]
        return _with_arrays_of(replace(model, config=config))
    detours = dict(_detours(inner, removed))
    inner["layers"] = [layer for layer in inner["layers"] if name_of(layer) not in removed]
    if "output_layers" in inner:
        for layer in inner["layers"]:
            layer["inbound_nodes"] = _rewired(layer.get("inbound_nodes", []), detours)
        inner["output_layers"] = _rewired(inner["output_layers"], detours)
        _drop_unused_inputs(inner)
    return _with_arrays_of(replace(model, config=config))


def _with_arrays_of(model: SmallModel) -> SmallModel:
    names = set(layer_names(model))
    return replace(model, arrays=tuple(each for each in model.arrays if each.layer in names))


def _detours(inner: Config, removed: set[str]) -> Iterator[tuple[str, Any]]:
    """Yield the first source of each removed layer, past other removed layers."""
    sources = {
        name_of(layer): next(_tensors(layer.get("inbound_nodes")), None)
        for layer in inner["layers"]
    }
    for name in removed:
        source, steps = sources.get(name), 0
        while source is not None and _layer_in(source) in removed and steps < len(sources):
            source, steps = sources.get(_layer_in(source)), steps + 1
        if source is not None:
            yield name, source


def _tensors(node: object, depth: int = 0) -> Iterator[Any]:
    """Yield what stands for a tensor in nodes of Keras 2 or 3."""
    if depth > DEEPEST:
        return
    if _is_tensor(node):
        yield node
        return
    inner = node.values() if isinstance(node, Mapping) else node if isinstance(node, list) else ()
    for item in inner:
        yield from _tensors(item, depth + 1)


def _is_tensor(node: object) -> bool:
    if isinstance(node, Mapping):
        return node.get("class_name") == TENSOR
    return isinstance(node, list) and len(node) >= PLACE and isinstance(node[0], str)


def _layer_in(tensor: Any) -> str:  # noqa: ANN401 - JSON
    return str(tensor["config"]["keras_history"][0] if isinstance(tensor, Mapping) else tensor[0])


def _rewired(node: Any, detours: Mapping[str, Any], depth: int = 0) -> Any:  # noqa: ANN401 - JSON
    """Return nodes in which removed layers are replaced by their sources."""
    if depth > DEEPEST:
        return node
    if _is_tensor(node):
        source = detours.get(_layer_in(node))
        return node if source is None else _replaced(node, source)
    if isinstance(node, Mapping):
        return {key: _rewired(value, detours, depth + 1) for key, value in node.items()}
    return [_rewired(item, detours, depth + 1) for item in node] if isinstance(node, list) else node


def _replaced(tensor: Any, source: Any) -> Any:  # noqa: ANN401 - JSON
    """Return the source of a removed layer as the tensor was written."""
    if isinstance(tensor, Mapping):
        return copy.deepcopy(source)
    # The outputs of a model of Keras 3 are places, too.
    place = source if isinstance(source, list) else source["config"]["keras_history"]
    return [*place[:PLACE], *tensor[PLACE:]]


def _drop_unused_inputs(inner: Config) -> None:
    used = {
        _layer_in(tensor)
        for node in (*(layer["inbound_nodes"] for layer in inner["layers"]), inner["output_layers"])
        for tensor in _tensors(node)
    }
    inner["layers"] = [
        layer
        for layer in inner["layers"]
        if layer.get("class_name") != INPUT or name_of(layer) in used
    ]
    kept = {name_of(layer) for layer in inner["layers"]}
    places = inner.get("input_layers")
    if isinstance(places, list) and places and isinstance(places[0], list):
        inner["input_layers"] = [place for place in places if place[0] in kept]


# ---- fewer arguments ----


def argument_places(model: SmallModel) -> list[Place]:
    """Return the place of each key that may be left out, outermost first."""
    return [*_keys(model.config, ("config",)), *_keys(model.training, ("training",))]


def _keys(value: object, path: Place) -> Iterator[Place]:
    if len(path) > DEEPEST:
        return
    if isinstance(value, Mapping):
        is_object = value.keys() >= NEEDED
        for key, inner in value.items():
            if not (is_object and key in NEEDED) and key not in KEPT | GRAPH:
                yield (*path, key)
            if key not in GRAPH:
                yield from _keys(inner, (*path, key))
    elif isinstance(value, list):
        for number, inner in enumerate(value):
            if isinstance(inner, Mapping | list):
                yield from _keys(inner, (*path, number))


def without_arguments(model: SmallModel, places: Iterable[Place]) -> SmallModel:
    """Return the model without these keys."""
    parts = copy.deepcopy({"config": model.config, "training": model.training})
    for *path, key in places:
        holder: Any = parts
        for step in path:
            known = isinstance(holder, dict) and step in holder
            listed = isinstance(holder, list) and isinstance(step, int) and step < len(holder)
            holder = holder[step] if known or listed else None
        if isinstance(holder, dict):
            holder.pop(key, None)
    return replace(model, **parts)


def renamed(model: SmallModel) -> SmallModel:
    """Return the model with the names of layers replaced, which can say whose model it was."""
    names = dict.fromkeys(
        name_of(layer) for _, layer in layers_of(model.config) if "name" in layer["config"]
    )
    new = {name: f"layer_{number}" for number, name in enumerate(names)}
    arrays = tuple(
        replace(each, layer=new.get(each.layer, each.layer), path=_renamed_path(each.path, new))
        for each in model.arrays
    )
    return replace(model, config=_with_names(model.config, new), arrays=arrays)


def _renamed_path(path: str, names: Mapping[str, str]) -> str:
    return "/".join(names.get(part, part) for part in path.split("/"))


def _with_names(value: Any, names: Mapping[str, str], key: str = "", depth: int = 0) -> Any:  # noqa: ANN401 - JSON
    if depth > DEEPEST:
        return value
    if isinstance(value, Mapping):
        return {k: _with_names(inner, names, k, depth + 1) for k, inner in value.items()}
    if isinstance(value, list):
        if len(value) >= PLACE and isinstance(value[0], str) and value[0] in names:
            return [names[value[0]], *(_with_names(v, names, "", depth + 1) for v in value[1:])]
        return [_with_names(inner, names, "", depth + 1) for inner in value]
    return names.get(value, value) if key == "name" and isinstance(value, str) else value
