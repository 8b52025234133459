"""Operations on tensors in a functional model, between the layers that Keras 2 and 3 make of them.

Keras 2 calls a function of TensorFlow by its name (``TFOpLambda``, ``SlicingOpLambda``), Keras 3
has a class for each operation. Only what is the same in both is translated: arithmetic of a tensor
with a number or a tensor, and slices. (measured: raw_operations as h5, tf2.15 to tf2.21 and back)
"""

from __future__ import annotations

from typing import Any

from .nodes import Call, Tensor

__all__ = ["MODULE", "is_newer_operation", "to_newer", "to_older"]

MODULE = "keras.src.ops.numpy"  # what Keras 3.0 to 3.15 write, and all of them find
# Several functions of Keras 2 are one operation; the first is what Keras 2 itself would write.
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


def is_newer_operation(told: dict) -> bool:
    """Whether this is an operation of Keras 3; ``Add`` and ``Multiply`` are layers as well.

    HDF5 says no module; there the config tells, for a layer's has more in it than its name.
    """
    if "module" in told:
        return str(told["module"]).startswith(("keras.src.ops", "keras.ops"))
    config = told.get("config")
    named = told.get("class_name") == "GetItem" or _function_of(told.get("class_name")) is not None
    return named and isinstance(config, dict) and set(config) == {"name"}


def to_newer(told: dict, calls: list) -> tuple | None:
    """Return class, module, config and calls for Keras 3, or None where it has nothing the same."""
    config = told.get("config")
    if told.get("class_name") not in ("TFOpLambda", "SlicingOpLambda") or not config:
        return None
    name = config.get("function")
    kind = "GetItem" if name == SLICE else dict(FUNCTIONS).get(name)
    further = "slice_spec" if name == SLICE else "y"
    if kind is None or not all(_is_binary(call, further) for call in calls):
        return None
    made = []
    for call in calls:
        value = call.kwargs[further]
        made.append(Call([call.args[0], _newer_key(value) if name == SLICE else value], {}))
    return kind, MODULE, {"name": config.get("name")}, made


def to_older(told: dict, calls: list) -> tuple | None:
    """Return class, module, config and calls for Keras 2, or None where it has nothing the same."""
    kind = told.get("class_name")
    function = SLICE if kind == "GetItem" else _function_of(kind)
    if function is None or not all(_is_pair(call) for call in calls):
        return None
    made = []
    for call in calls:
        tensor, value = call.args
        if function == SLICE:
            value = _older_key(value)
            if value is None:
                return None
        further = "slice_spec" if function == SLICE else "y"
        made.append(Call([tensor], {further: value}, bare=True))
    config = {"name": told["config"].get("name"), "trainable": True, "dtype": "float32"}
    name = "SlicingOpLambda" if function == SLICE else "TFOpLambda"
    return name, None, dict(config, function=function), made


def _function_of(kind: Any) -> str | None:
    return next((function for function, name in FUNCTIONS if name == kind), None)


def _is_binary(call: Call, further: str) -> bool:
    """Whether Keras 2 called with a tensor, the other thing by name, and nothing that matters."""
    others = {key for key, value in call.kwargs.items() if value is not None}
    return len(call.args) == 1 and isinstance(call.args[0], Tensor) and others == {further}


def _is_pair(call: Call) -> bool:
    return len(call.args) == 2 and isinstance(call.args[0], Tensor) and not call.kwargs  # noqa: PLR2004


def _newer_key(spec: Any) -> Any:
    if isinstance(spec, list):
        return [_newer_key(each) for each in spec]
    if isinstance(spec, dict) and set(spec) == SLICE_KEYS:
        return dict(class_name="__slice__", config=spec)
    return spec


def _older_key(key: Any) -> Any:
    """Return Keras 2's way to write a slice, or None for what is neither slice nor number."""
    if isinstance(key, dict) and key.get("class_name") == "__tuple__":
        key = key.get("config", {}).get("value", key.get("items"))
    if isinstance(key, list):
        made = [_older_key(each) for each in key]
        return None if None in made else made
    if isinstance(key, dict) and key.get("class_name") == "__slice__":
        return key["config"]
    return key if isinstance(key, int) else None
