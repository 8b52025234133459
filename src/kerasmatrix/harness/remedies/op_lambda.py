"""Operations of TensorFlow in a model of Keras 2, as Lambda layers that call the same operation.

For readers that have neither the operation nor Keras 2's layers around one (``TensorFlowOpLayer``
up to TensorFlow 2.3, ``TFOpLambda`` and ``SlicingOpLambda`` later). A Lambda is a layer that every
Keras has. (measured: raw_operations as h5, tf2.3 and tf2.15 to tf2.21)
"""

from __future__ import annotations

import base64
import json
from typing import Any

from . import lambdas
from .keras_3_operations import expression
from .nodes import Call, Tensor, is_tensor

__all__ = ["as_lambda", "of_keras_3"]

ARGUMENT = "x"
# Names that `tf` has since 2.4, and older ones for the same.
OPERATORS = {"__operators__.add": "math.add"}
SLICE = "__operators__.getitem"
# The values of an attribute in JSON, by their kinds.
VALUES = ("i", "f", "b", "s")


def as_lambda(entry: dict, calls: list) -> tuple | None:
    """Return the config of a Lambda, in the form of Keras 2, and its calls; None if impossible."""
    kind, config = entry.get("class_name"), entry.get("config")
    if not isinstance(config, dict) or len(calls) != 1:
        return None
    tensors: list = []
    if kind in ("TFOpLambda", "SlicingOpLambda"):
        text = _call_of_function(config, calls[0], tensors)
    elif kind == "TensorFlowOpLayer":
        text = _call_of_node(config, calls[0], tensors)
    else:
        return None
    if text is None or not tensors:
        return None
    return _around(text, entry, tensors)


def of_keras_3(entry: dict, calls: list) -> tuple | None:
    """Return the config of a Lambda for an operation of Keras 3, and its calls; None if unknown."""
    config = entry.get("config")
    if not isinstance(config, dict) or len(calls) != 1 or calls[0].kwargs:
        return None
    tensors = _tensors_in(calls[0].args)
    names = _names(tensors)
    arguments = [_source(value, names) for value in calls[0].args]
    text = expression(str(entry.get("class_name")), config, arguments)
    if text is None or not tensors:
        return None
    return _around(text, entry, tensors)


def _around(text: str, entry: dict, tensors: list) -> tuple:
    """Return the config of a Lambda that computes ``text``, and its call."""
    source = f"def function({ARGUMENT}):\n    import tensorflow as tf\n    return {text}\n"
    name = entry.get("name") or entry["config"].get("name")
    written = lambdas.of_source(source, str(name))
    return written, [Call([tensors[0] if len(tensors) == 1 else tensors], {})]


def _call_of_function(config: dict, call: Call, tensors: list) -> str | None:
    """Return the call of the function that a layer of TensorFlow 2.4 or later names."""
    import tensorflow as tf

    name = OPERATORS.get(str(config.get("function")), str(config.get("function")))
    function: Any = tf
    for part in name.split("."):
        function = getattr(function, part, None)
    if not callable(function) and name != SLICE:
        return None
    flat = _tensors_in([call.args, list(call.kwargs.values())])
    tensors += flat
    names = _names(flat)
    if name == SLICE:
        key = _source(call.kwargs.get("slice_spec"), names)
        return f"{_source(call.args[0], names)}[{key}]"
    given = [_source(value, names) for value in call.args]
    given += [f"{key}={_source(value, names)}" for key, value in call.kwargs.items()]
    return f"tf.{name}({', '.join(given)})"


def _call_of_node(config: dict, call: Call, tensors: list) -> str | None:
    """Return the call of the raw operation that a layer of TensorFlow up to 2.3 holds."""
    from tensorflow.python.framework import op_def_registry

    import tensorflow as tf

    stored = config.get("node_def")
    node = json.loads(stored) if isinstance(stored, str) else dict(stored or {})
    operation = str(node.get("op"))
    definition = getattr(op_def_registry, "get", lambda _: None)(operation)
    if definition is None or not hasattr(tf.raw_ops, operation):
        return None
    flat = _tensors_in(call.args)
    tensors += flat
    names = _names(flat)
    waiting = [_source(tensor, names) for tensor in flat]
    constants = {int(place): value for place, value in (config.get("constants") or {}).items()}
    inputs = [
        _source(constants[place], {}) if place in constants else waiting.pop(0)
        for place in range(len(waiting) + len(constants))
    ]
    attributes = node.get("attr") or {}
    given = []
    for argument in definition.input_arg:
        if argument.number_attr:
            count = int(attributes[argument.number_attr]["i"])
            given.append(f"{argument.name}=[{', '.join(inputs[:count])}]")
            del inputs[:count]
        else:
            given.append(f"{argument.name}={inputs.pop(0)}")
    inferred = {argument.type_attr for argument in definition.input_arg}
    inferred |= {argument.number_attr for argument in definition.input_arg}
    for attribute in definition.attr:
        value = attributes.get(attribute.name)
        if value is not None and attribute.name not in inferred:
            given.append(f"{attribute.name}={_attribute(value)}")
    return f"tf.raw_ops.{operation}({', '.join(given)})"


def _attribute(value: dict) -> str:
    """Return the value of an attribute, in the JSON of protocol buffers, as source."""
    if "type" in value:
        import tensorflow as tf

        return f"tf.{tf.as_dtype(_number_of(value['type'])).name}"
    if "list" in value:
        ((kind, members),) = value["list"].items() or ((None, []),)
        return repr([_plain(kind, member) for member in members])
    for kind in VALUES:
        if kind in value:
            return repr(_plain(kind, value[kind]))
    raise ValueError(f"an attribute {value}")


def _number_of(name: Any) -> Any:
    from tensorflow.core.framework import types_pb2

    return types_pb2.DataType.Value(name) if isinstance(name, str) else name


def _plain(kind: Any, value: Any) -> Any:
    if kind == "i":
        return int(value)  # JSON has integers of 64 bits as text
    return base64.b64decode(value).decode("latin-1") if kind == "s" else value


def _tensors_in(value: Any) -> list:
    """Return the tensors anywhere in ``value``, each once, in order."""
    if isinstance(value, Tensor):
        return [value] if is_tensor(value) else []
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, (list, tuple)):
        return [tensor for member in value for tensor in _tensors_in(member)]
    return []


def _names(tensors: list) -> dict:
    if len(tensors) == 1:
        return {id(tensors[0]): ARGUMENT}
    return {id(tensor): f"{ARGUMENT}[{place}]" for place, tensor in enumerate(tensors)}


def _source(value: Any, names: dict) -> str:
    """Return an argument as source; slices are mappings in the file."""
    if isinstance(value, Tensor):
        return str(names[id(value)]) if is_tensor(value) else repr(value.index)
    if isinstance(value, dict) and set(value) == {"start", "stop", "step"}:
        parts = (_source(value[key], names) for key in ("start", "stop", "step"))
        return f"slice({', '.join(parts)})"
    if isinstance(value, list):
        members = "".join(_source(member, names) + ", " for member in value)
        # Several slices are a tuple, which JSON has not; a list of numbers may be a shape.
        is_key = any(isinstance(member, dict) for member in value)
        return f"({members})" if is_key else f"[{members}]"
    if isinstance(value, dict):
        inner = (f"{key!r}: {_source(member, names)}" for key, member in value.items())
        return "{" + ", ".join(inner) + "}"
    return repr(value)
