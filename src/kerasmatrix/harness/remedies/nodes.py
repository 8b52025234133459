"""The wiring of a functional model, as Keras 2 and as Keras 3 write it.

Keras 2: ``[[[name, node, tensor, kwargs], ...], ...]``, a list of inputs for each call. Keras 3:
``[{"args": [...], "kwargs": {...}}, ...]`` with tensors as ``__keras_tensor__`` objects. A model
inside a model has a node of its own in Keras 2, so that its first call from outside is number 1
there and 0 in Keras 3. (measured: nested_models as h5, tf2.15 to tf2.21; Keras 3 writes a single
input or output without a list)
"""

from __future__ import annotations

from typing import Any

from .. import formats

__all__ = [
    "CONSTANT",
    "Call",
    "Tensor",
    "is_tensor",
    "read_calls",
    "read_ends",
    "write_calls",
    "write_ends",
]

HISTORY = 3  # name, node, tensor
CONSTANT = "_CONSTANT_VALUE"  # keras/engine/node.py of 2.4 and later


class Tensor:
    """An output of a call of a layer, counted from zero.

    Keras 2 writes a constant in place of a tensor as the output of a layer `CONSTANT`, and its
    value in place of the index.
    """

    def __init__(self, layer: str, node: int, index: int) -> None:
        self.layer = layer
        self.node = node
        self.index = index


class Call:
    """One call of a layer: its arguments by position and by name.

    ``bare`` is True if Keras 2 wrote the first argument as a tensor, not as a list of one. It does
    so for layers of operations, which it calls with the argument as written (measured:
    raw_operations as h5, tf2.15 to tf2.4).
    """

    def __init__(self, args: list, kwargs: dict, *, bare: bool = False) -> None:
        self.args = args
        self.kwargs = kwargs
        self.bare = bare


def read_calls(nodes: Any, shifts: dict, names: set) -> list:
    """Return the calls in ``inbound_nodes`` of Keras 2 or 3.

    Args:
        nodes: the value in the file.
        shifts: how many nodes of its own each layer has, by name.
        names: all layers of the model.
    """
    return [_read_call(node, shifts, names) for node in nodes]


def write_calls(calls: list, major: int, shifts: dict, call_names: list | None) -> list:
    """Return ``inbound_nodes`` for a Keras of version ``major``.

    Args:
        calls: the calls of one layer.
        major: 2 or 3.
        shifts: how many nodes of its own each layer has in that Keras, by name.
        call_names: the arguments of the layer's ``call``, if they are known.
    """
    write = _write_keras_3 if major >= formats.KERAS_3 else _write_keras_2
    return [write(call, shifts, call_names) for call in calls]


def read_ends(ends: Any, shifts: dict) -> Any:
    """Return the tensors in ``input_layers`` or ``output_layers``."""
    if _is_history(ends):
        return [_tensor(ends, shifts)]
    if isinstance(ends, dict):
        return {key: _tensor(end, shifts) for key, end in ends.items()}
    return [_tensor(end, shifts) for end in ends]


def write_ends(ends: Any, major: int, shifts: dict) -> Any:
    """Return ``input_layers`` or ``output_layers`` for a Keras of version ``major``."""
    if isinstance(ends, dict):
        return {key: _history(end, shifts) for key, end in ends.items()}
    written = [_history(end, shifts) for end in ends]
    return written[0] if major >= formats.KERAS_3 and len(written) == 1 else written


def is_tensor(value: Any) -> bool:
    """Whether this is a tensor, and no constant in place of one."""
    return isinstance(value, Tensor) and value.layer != CONSTANT


def _read_call(node: Any, shifts: dict, names: set) -> Call:
    if isinstance(node, dict):
        return Call(
            _find_tensors(node.get("args", []), shifts),
            {key: _find_tensors(value, shifts) for key, value in node.get("kwargs", {}).items()},
        )
    bare = bool(node) and isinstance(node[0], str)
    if bare:
        node = [node]
    tensors = [_tensor(part, shifts) for part in node]
    kwargs = node[0][HISTORY] if node and len(node[0]) > HISTORY else {}
    kwargs = {key: _find_histories(value, shifts, names) for key, value in kwargs.items()}
    return Call([tensors[0] if len(tensors) == 1 else tensors], kwargs, bare=bare)


def _write_keras_3(call: Call, shifts: dict, call_names: list | None) -> dict:
    kwargs = {
        key: value
        for key, value in call.kwargs.items()
        if value is not None and (call_names is None or key in call_names)
    }
    return dict(args=_in_keras_3(call.args, shifts), kwargs=_in_keras_3(kwargs, shifts))


def _write_keras_2(call: Call, shifts: dict, call_names: list | None) -> list:
    first, *others = call.args or [[]]
    kwargs = dict(call.kwargs)
    kwargs.update(zip((call_names or [])[1:], others))
    kwargs = {
        key: _in_keras_2(value, shifts)
        for key, value in kwargs.items()
        if value is not None and (call_names is None or key in call_names)
    }
    tensors = first if isinstance(first, list) else [first]
    written = [[*_history(tensor, shifts), kwargs] for tensor in tensors]
    return written[0] if call.bare else written


def _find_tensors(value: Any, shifts: dict) -> Any:
    """Replace Keras 3's tensors anywhere in ``value``."""
    if isinstance(value, dict):
        if value.get("class_name") == "__keras_tensor__":
            return _tensor(value["config"]["keras_history"], shifts)
        return {key: _find_tensors(member, shifts) for key, member in value.items()}
    if isinstance(value, list):
        return [_find_tensors(member, shifts) for member in value]
    return value


def _find_histories(value: Any, shifts: dict, names: set) -> Any:
    """Replace Keras 2's tensors anywhere in ``value``: lists that begin with a layer's name."""
    if _is_history(value) and value[0] in names:
        return _tensor(value, shifts)
    if isinstance(value, list):
        return [_find_histories(member, shifts, names) for member in value]
    return value


def _in_keras_3(value: Any, shifts: dict) -> Any:
    if isinstance(value, Tensor):
        # Keras ignores shape and type when it builds the graph, but demands them.
        return dict(
            class_name="__keras_tensor__",
            config=dict(shape=[None], dtype="float32", keras_history=_history(value, shifts)),
        )
    if isinstance(value, list):
        return [_in_keras_3(member, shifts) for member in value]
    if isinstance(value, dict):
        return {key: _in_keras_3(member, shifts) for key, member in value.items()}
    return value


def _in_keras_2(value: Any, shifts: dict) -> Any:
    if isinstance(value, Tensor):
        return _history(value, shifts)
    if isinstance(value, list):
        return [_in_keras_2(member, shifts) for member in value]
    return value


def _tensor(history: Any, shifts: dict) -> Tensor:
    name, node, index = history[:HISTORY]
    return Tensor(name, node - shifts.get(name, 0), index)


def _history(tensor: Tensor, shifts: dict) -> list:
    return [tensor.layer, tensor.node + shifts.get(tensor.layer, 0), tensor.index]


def _is_history(value: Any) -> bool:
    return (
        isinstance(value, list)
        and len(value) >= HISTORY
        and isinstance(value[0], str)
        and isinstance(value[1], int)
        and isinstance(value[2], int)
    )
