"""The features of layers whose ``axis`` some releases of Keras 3 forget. Pure.

Each is a function; its docstring is its definition. `AXIS_FEATURES` has their names in
``rules.yaml``. Keras 3.4 to 3.8 remove an integer ``axis`` from each layer of HDF5 that names no
module (``model_from_config`` in legacy/saving/saving_utils.py), so that the default counts, the
last axis.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from kerasmatrix.inspection.architecture import FUNCTIONAL, inside
from kerasmatrix.prediction.file_features import Features
from kerasmatrix.prediction.target import Target

__all__ = ["AXIS_FEATURES"]

# The shapes of their weights depend on the axis.
WITH_WEIGHTS = {"BatchNormalization", "LayerNormalization"}
LAST = {"Concatenate", "Softmax", "UnitNormalization", *WITH_WEIGHTS}
# Layers that take and return images or the like; the digit is the number of axes of space.
SPATIAL = re.compile(r"(?!Global)\w*?([123])D(Transpose)?")
DEEPEST_NODE = 8
Shape = tuple[object, ...]


def _forgotten(features: Features, target: Target) -> bool:
    """A layer of a functional model works along another axis than the last one."""
    return any(True for _ in _layers(features))


def _forgotten_with_weights(features: Features, target: Target) -> bool:
    """Such a layer has weights, and the last axis is of another size."""
    return any(
        layer.get("class_name") in WITH_WEIGHTS and shape[axis] != shape[-1]
        for layer, axis, shape in _layers(features)
    )


def _layers(features: Features) -> Iterator[tuple[Mapping[str, Any], int, Shape]]:
    """Yield the layers with another axis than the last one, the axis, and a shape of an input."""
    for model in features.layers:
        if model.get("class_name") not in FUNCTIONAL:
            continue
        known = {str(layer.get("name")): layer for layer in inside(model.get("config"))}
        for layer in known.values():
            axis = _config(layer).get("axis")
            if layer.get("class_name") not in LAST or "module" in layer or type(axis) is not int:
                continue
            shape = next(_shapes(layer.get("inbound_nodes"), known), ())
            if -len(shape) <= axis < len(shape) - 1 and axis != -1:
                yield layer, axis, shape


def _shapes(node: object, known: Mapping[str, Any], depth: int = 0) -> Iterator[Shape]:
    """Yield the shapes of a layer's inputs: Keras 3 writes them, Keras 2 names layers."""
    if depth > DEEPEST_NODE:
        return
    if isinstance(node, Mapping):
        config = node.get("config")
        shape = config.get("shape") if isinstance(config, Mapping) else None
        if isinstance(shape, list):
            yield tuple(shape)
        for inner in node.values() if shape is None else ():
            yield from _shapes(inner, known, depth + 1)
    elif isinstance(node, list) and node and isinstance(node[0], str):
        source = known.get(node[0], {})
        entry = _config(source).get("batch_input_shape")
        spatial = SPATIAL.fullmatch(str(source.get("class_name")))
        if isinstance(entry, list):
            yield tuple(entry)
        elif spatial:
            yield (None,) * (int(spatial[1]) + 2)
    elif isinstance(node, list):
        for inner in node:
            yield from _shapes(inner, known, depth + 1)


def _config(layer: Mapping[str, Any]) -> Mapping[str, Any]:
    config = layer.get("config")
    return config if isinstance(config, Mapping) else {}


AXIS_FEATURES: Mapping[str, Callable[[Features, Any], bool]] = {
    "axis-forgotten": _forgotten,
    "axis-of-weights-forgotten": _forgotten_with_weights,
}
