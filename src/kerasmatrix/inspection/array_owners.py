"""Finds the layer that owns each array of a file, and the order of arrays within a layer. Pure.

HDF5 of Keras 1 and 2 has the names of layers. The layout of Keras 3 has a group for each layer
whose name is its class and a number, and from Keras 3.8 on the name next to it. Checkpoints number
the layers that have weights. (read in files of tf1.15 to tf2.21)
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from kerasmatrix.inspection.architecture import DEEPEST, MODELS, inside, words
from kerasmatrix.inspection.companions import snake_case
from kerasmatrix.inspection.stored_arrays import StoredArray, StoredArrays

__all__ = ["LISTED", "LISTS", "OwnedArray", "is_model", "name_of", "owned_arrays"]

Path = tuple[str, ...]
# The arrays and parts of a layer in the order in which `Layer.weights` of Keras 2 has them, which
# is the order of its HDF5 files. Names without underscores around them.
ORDER = {
    name: number
    for number, names in enumerate(
        (
            ("forward_layer", "query_dense", "query"),
            ("key_dense", "key"),
            ("value_dense", "value"),
            ("backward_layer", "output_dense", "attention_output"),
            ("layer", "cell", "cells"),
            ("embeddings", "kernel", "depthwise_kernel", "gamma", "mean", "alpha"),
            ("pointwise_kernel", "recurrent_kernel", "variance"),
            ("bias", "beta"),
            ("moving_mean", "count"),
            ("moving_variance",),
        )
    )
    for name in names
}
# Parts that hold no weights: the state of random numbers.
STATES = {"seed_generator", "random_generator"}
LISTS = {"layers", "_layer_checkpoint_dependencies"}
NUMBERED = re.compile(r"layer(?:_with_weights)?-(\d+)$")
SAVED_MODEL = re.compile(r"variables/(\d+)$")
# The owner of arrays that a SavedModel numbers through all layers.
LISTED: Path = ("variables",)
# In Keras 2.12 to 2.15 the class has another name than in TensorFlow 2.2 and before.
RENAMED = {"model": "functional"}


@dataclass(frozen=True)
class OwnedArray:
    """An array with its owner.

    Attributes:
        layer: the names from the outermost model to the layer; for a layer without a name the
            groups of the file.
        named: whether ``layer`` has names of the architecture.
        rank: its order within the layer; None if that is unknown.
    """

    array: StoredArray
    layer: Path
    named: bool
    rank: tuple[int, ...] | None


def owned_arrays(stored: StoredArrays, config: Mapping[str, Any] | None) -> list[OwnedArray]:
    """Return the weights of a file in order, with their owners by the architecture ``config``."""
    if stored.layout == "names":
        return list(_by_name(stored, config))
    if stored.layout == "classes":
        return list(_by_class(stored, config))
    return list(_by_number(stored.weights))


def is_model(layer: Mapping[str, Any]) -> bool:
    """Whether a layer is a model with layers of its own."""
    if str(layer.get("class_name")) in MODELS:
        return True
    config = layer.get("config")
    held = config.get("layers") if isinstance(config, Mapping) else None
    return isinstance(held, list) and any(True for _ in inside({"layers": held}))


def name_of(layer: Mapping[str, Any]) -> str:
    """Return the name of a layer in a config."""
    config = layer.get("config")
    name = config.get("name") if isinstance(config, Mapping) else None
    return words(name or layer.get("name") or layer.get("class_name"))


def _by_name(stored: StoredArrays, config: Mapping[str, Any] | None) -> Iterator[OwnedArray]:
    models = dict(_models(config.get("config"))) if config else {}
    for array in stored.weights:
        layer = array.layer or array.path.partition("/")[0]
        inner = models.get(layer)
        below = array.path.removeprefix(f"{layer}/")
        found = _inner_path(below.split("/"), inner) if inner is not None else ()
        yield OwnedArray(array, (layer, *found), named=True, rank=(array.place,))


def _models(config: object) -> Iterator[tuple[str, Mapping[str, Any]]]:
    for layer in inside(config):
        if is_model(layer):
            yield name_of(layer), layer


def _inner_path(parts: Sequence[str], model: Mapping[str, Any], depth: int = 0) -> Path:
    """Return the names of the inner layer that a weight's name has."""
    layers = {name_of(layer): layer for layer in inside(model.get("config"))}
    for place, part in enumerate(parts[:-1]):
        if part in layers:
            inner = layers[part]
            if depth < DEEPEST and is_model(inner):
                return (part, *_inner_path(parts[place + 1 :], inner, depth + 1))
            return (part,)
    # A layer's name can be in no weight's name, if it is nested: look one level down.
    for name, inner in layers.items() if depth < DEEPEST else ():
        if is_model(inner) and (found := _inner_path(parts, inner, depth + 1)):
            return (name, *found)
    return ()


def _by_class(stored: StoredArrays, config: Mapping[str, Any] | None) -> Iterator[OwnedArray]:
    names: dict[str, Path] = {}
    if config:
        names = dict(_named_groups("", config.get("config"), (), stored.groups))
    labels = dict(stored.labels)
    for array in stored.weights:
        parts = array.path.split("/")
        if STATES & set(parts):
            continue
        yield _owner_by_class(array, parts, names, labels)


def _owner_by_class(
    array: StoredArray, parts: list[str], names: Mapping[str, Path], labels: Mapping[str, str]
) -> OwnedArray:
    holder, below = _split(parts)
    # The longest group with a known name: a nested model has the groups of its layers in it.
    for length in range(len(parts), 0, -1):
        if "/".join(parts[:length]) in names:
            layer = names["/".join(parts[:length])]
            return OwnedArray(array, layer, named=True, rank=_rank(parts[length:]))
    if all("/".join(group) in labels for group in holder):
        layer = tuple(labels["/".join(group)] for group in holder)
        return OwnedArray(array, layer, named=bool(layer), rank=_rank(below))
    return OwnedArray(array, tuple(group[-1] for group in holder), named=False, rank=_rank(below))


def _split(parts: list[str]) -> tuple[list[list[str]], list[str]]:
    """Split a path into the groups of nested models and their layer, and the path within it."""
    holders: list[list[str]] = []
    place = 0
    while place + 1 < len(parts) and parts[place] in LISTS:
        holders.append(parts[: place + 2])
        place += 2
    if not holders and len(parts) > 1:
        return [parts[:1]], parts[1:]  # an attribute of a model of a user's class
    return holders, parts[place:]


def _named_groups(
    prefix: str, config: object, path: Path, groups: frozenset[str], depth: int = 0
) -> Iterator[tuple[str, Path]]:
    """Yield the group of each layer in a model's config, with the layer's path of names."""
    for holder in LISTS:
        start = f"{prefix}{holder}/"
        held = [
            group.removeprefix(start)
            for group in groups
            if group.startswith(start) and "/" not in group.removeprefix(start)
        ]
        if not held:
            continue
        layers: dict[str, list[Mapping[str, Any]]] = defaultdict(list)
        for layer in inside(config):
            kind = snake_case(str(layer.get("class_name")).rpartition(">")[2])
            layers[RENAMED.get(kind, kind)].append(layer)
        for kind, ours in layers.items():
            for name, layer in _paired(kind, ours, held):
                here = (*path, name_of(layer))
                yield f"{start}{name}", here
                if is_model(layer) and depth < DEEPEST:
                    inner = f"{start}{name}/"
                    yield from _named_groups(inner, layer.get("config"), here, groups, depth + 1)


def _paired(
    kind: str, layers: list[Mapping[str, Any]], held: Iterable[str]
) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Pair the groups of a class with its layers, both in order."""
    numbers = {}
    for name in held:
        stem, _, number = name.rpartition("_")
        if RENAMED.get(name, name) == kind:
            numbers[0] = name
        elif RENAMED.get(stem, stem) == kind and number.isdecimal():
            numbers[int(number)] = name
    ordered = [numbers[number] for number in sorted(numbers)]
    if len(ordered) == len(layers):  # Keras 2.12 skips numbers
        yield from zip(ordered, layers, strict=True)
        return
    for place, layer in enumerate(layers):  # layers without weights may have no group
        if place in numbers:
            yield numbers[place], layer


def _by_number(arrays: Sequence[StoredArray]) -> Iterator[OwnedArray]:
    """Yield the arrays of a checkpoint in the order of `Model.weights`.

    A SavedModel has some by layer, and the others by their number in that list.
    """
    listed = {int(found.group(1)): a for a in arrays if (found := SAVED_MODEL.match(a.path))}
    layered = [array for array in arrays if NUMBERED.match(array.path.partition("/")[0])]
    layered.sort(key=lambda array: _number_key(array.path))
    known = {array.path for array in (*layered, *listed.values())}
    rest = [array for array in arrays if array.path not in known]
    gaps = iter(layered)
    order: list[StoredArray] = []
    for number in range(len(layered) + len(listed)) if listed and not rest else ():
        array = listed[number] if number in listed else next(gaps, None)
        order += [array] if array is not None else []
    is_whole = len(order) == len(arrays)
    for array in order if is_whole else [*layered, *listed.values(), *rest]:
        parts = array.path.split("/")
        layer = _numbered_layers(parts)
        rank = _rank(parts[len(layer) :]) if layer else None
        yield OwnedArray(array, LISTED if listed else layer, named=False, rank=rank)


def _number_key(path: str) -> tuple[tuple[int, ...], tuple[int, ...]]:
    parts = path.split("/")
    layers = _numbered_layers(parts)
    numbers = tuple(int(part.rpartition("-")[2]) for part in layers)
    return numbers, _rank(parts[len(layers) :]) or ()


def _numbered_layers(parts: Sequence[str]) -> Path:
    length = next((n for n, part in enumerate(parts) if not NUMBERED.match(part)), len(parts))
    return tuple(parts[:length])


def _rank(parts: Sequence[str]) -> tuple[int, ...] | None:
    """Return the order of an array by its path within a layer; None if a part is unknown."""
    found: list[int] = []
    for part in parts:
        name = part.strip("_")
        if part in {"vars", "cells"}:
            continue
        if part.isdecimal():
            found.append(int(part))
        elif name in ORDER:
            found.append(ORDER[name])
        elif (cell := re.match(r"(?:\w+_)?(?:cell|cells)(?:_(\d+))?$", name)) is not None:
            found.append(int(cell.group(1) or 0))
        else:
            return None
    return tuple(found)
