"""Operations on tensors in a functional model, as layers of Keras 2 and as layers of Keras 3.

Keras 2 calls a function of TensorFlow by its name (``TFOpLambda``, ``SlicingOpLambda``), Keras 3
has a class for each operation. Only operations that are the same in both are translated: arithmetic
of a tensor with a number or a tensor, and slices. (measured: raw_operations as h5, tf2.15 to tf2.21
and back)
"""

from __future__ import annotations

import importlib
import inspect
from typing import Any

from .keras_3_operations import EXPRESSIONS
from .nodes import Call, is_tensor

__all__ = ["MODULE", "arguments_for_keras_3", "is_keras_3_operation", "to_keras_2", "to_keras_3"]

MODULE = "keras.src.ops.numpy"  # what Keras 3.0 to 3.15 write, and all of them find
# Several functions of Keras 2 are one operation of Keras 3; Keras 2 writes the first of them.
FUNCTIONS = (
    ("__operators__.add", "Add"),
    ("math.add", "Add"),
    ("math.subtract", "Subtract"),
    ("math.multiply", "Multiply"),
    ("math.truediv", "TrueDivide"),
    ("math.divide", "Divide"),
    ("math.pow", "Power"),
)
SLICE = "__operators__.getitem"
SLICE_KEYS = {"start", "stop", "step"}


def is_keras_3_operation(entry: dict) -> bool:
    """Whether this is an operation of Keras 3; ``Add`` and ``Multiply`` are layers as well.

    HDF5 has no module. There the config shows it, since that of a layer holds more than its name.
    """
    if "module" in entry:
        return str(entry["module"]).startswith(("keras.src.ops", "keras.ops"))
    config = entry.get("config")
    kind = entry.get("class_name")
    is_named = kind == "GetItem" or _function_of(kind) is not None or kind in EXPRESSIONS
    return is_named and isinstance(config, dict) and "trainable" not in config


def to_keras_3(entry: dict, calls: list) -> tuple | None:
    """Return class, module, config and calls for Keras 3, or None if it lacks the operation."""
    config = entry.get("config")
    if entry.get("class_name") not in ("TFOpLambda", "SlicingOpLambda") or not config:
        return None
    name = config.get("function")
    kind = "GetItem" if name == SLICE else dict(FUNCTIONS).get(name)
    operand = "slice_spec" if name == SLICE else "y"
    if kind is None or not all(_is_binary(call, operand) for call in calls):
        return None
    translated = []
    for call in calls:
        value = call.kwargs[operand]
        translated.append(Call([call.args[0], _keras_3_key(value) if name == SLICE else value], {}))
    return kind, MODULE, {"name": config.get("name")}, translated


def to_keras_2(entry: dict, calls: list) -> tuple | None:
    """Return class, module, config and calls for Keras 2, or None if it lacks the operation."""
    kind = entry.get("class_name")
    function = SLICE if kind == "GetItem" else _function_of(kind)
    if function is None or not all(_is_pair(call) for call in calls):
        return None
    operand = "slice_spec" if function == SLICE else "y"
    translated = []
    for call in calls:
        tensor, value = call.args
        if function == SLICE:
            value = _keras_2_key(value)
            if value is None:
                return None
        translated.append(Call([tensor], {operand: value}, bare=True))
    config = {"name": entry["config"].get("name"), "trainable": True, "dtype": "float32"}
    name = "SlicingOpLambda" if function == SLICE else "TFOpLambda"
    return name, None, dict(config, function=function), translated


def arguments_for_keras_3(entry: dict, config: dict) -> dict:
    """Return those arguments of an operation that the Keras 3 at hand accepts.

    Later releases store a name (measured: Mean as keras, tf2.21 to tf2.16).
    """
    try:
        kind = getattr(importlib.import_module(str(entry["module"])), str(entry["class_name"]))
        parameters = inspect.signature(kind.__init__).parameters.values()
    except (ImportError, AttributeError, ValueError):
        return config
    if any(parameter.kind is parameter.VAR_KEYWORD for parameter in parameters):
        return config
    names = {parameter.name for parameter in parameters}
    return {key: value for key, value in config.items() if key in names}


def _function_of(kind: Any) -> str | None:
    return next((function for function, name in FUNCTIONS if name == kind), None)


def _is_binary(call: Call, operand: str) -> bool:
    """Whether Keras 2 called with a tensor and one operand by name, without other arguments."""
    others = {key for key, value in call.kwargs.items() if value is not None}
    return len(call.args) == 1 and is_tensor(call.args[0]) and others == {operand}


def _is_pair(call: Call) -> bool:
    return len(call.args) == 2 and is_tensor(call.args[0]) and not call.kwargs  # noqa: PLR2004


def _keras_3_key(spec: Any) -> Any:
    if isinstance(spec, list):
        return [_keras_3_key(part) for part in spec]
    if isinstance(spec, dict) and set(spec) == SLICE_KEYS:
        return dict(class_name="__slice__", config=spec)
    return spec


def _keras_2_key(key: Any) -> Any:
    """Return a slice as Keras 2 writes it; None if it is neither slices nor numbers."""
    if isinstance(key, dict) and key.get("class_name") == "__tuple__":
        key = key.get("config", {}).get("value", key.get("items"))
    if isinstance(key, list):
        keys = [_keras_2_key(part) for part in key]
        return None if None in keys else keys
    if isinstance(key, dict) and key.get("class_name") == "__slice__":
        return key["config"]
    return key if isinstance(key, int) else None
