"""The wiring of a functional model, between the ways in which Keras 2 and 3 write it down.

Keras 2: ``[[[name, node, tensor, kwargs], ...], ...]``, a list of inputs for each call. Keras 3:
``[{"args": [...], "kwargs": {...}}, ...]`` with tensors as ``__keras_tensor__`` objects. A model
inside a model has a node of its own in Keras 2, so that its first call from outside is number 1
there and 0 in Keras 3. (measured: nested_models as h5, tf2.15 to tf2.21; single inputs and outputs
stand without their list in Keras 3)
"""

from __future__ import annotations

from typing import Any

from .. import formats

__all__ = ["Call", "Tensor", "read_calls", "read_ends", "write_calls", "write_ends"]

HISTORY = 3  # name, node, tensor


class Tensor:
    """An output of a call of a layer, counted from zero."""

    def __init__(self, layer: str, node: int, index: int) -> None:
        self.layer = layer
        self.node = node
        self.index = index


class Call:
    """One call of a layer: what it is given by position and by name.

    ``bare`` tells that Keras 2 wrote the first argument as a tensor, not as a list of one: so it
    does for its layers of operations, which are called with whatever is written (measured:
    raw_operations as h5, tf2.15 to tf2.4).
    """

    def __init__(self, args: list, kwargs: dict, *, bare: bool = False) -> None:
        self.args = args
        self.kwargs = kwargs
        self.bare = bare


def read_calls(nodes: Any, shifts: dict, names: set) -> list:
    """Return the calls in ``inbound_nodes``, whichever Keras wrote them.

    Args:
        nodes: what stands in the file.
        shifts: how many nodes of its own a layer of some name has.
        names: all layers of the model.
    """
    return [_read_call(node, shifts, names) for node in nodes]


def write_calls(calls: list, major: int, shifts: dict, call_names: list | None) -> list:
    """Return ``inbound_nodes`` for a Keras of version ``major``.

    Args:
        calls: what to write.
        major: 2 or 3.
        shifts: how many nodes of its own a layer has there.
        call_names: which arguments the layer's ``call`` has, if that is known.
    """
    write = _write_newer if major >= formats.KERAS_3 else _write_older
    return [write(call, shifts, call_names) for call in calls]


def read_ends(ends: Any, shifts: dict) -> Any:
    """Return the tensors in ``input_layers`` or ``output_layers``."""
    if _is_history(ends):
        return [_tensor(ends, shifts)]
    if isinstance(ends, dict):
        return {key: _tensor(each, shifts) for key, each in ends.items()}
    return [_tensor(each, shifts) for each in ends]


def write_ends(ends: Any, major: int, shifts: dict) -> Any:
    """Return ``input_layers`` or ``output_layers`` for a Keras of version ``major``."""
    if isinstance(ends, dict):
        return {key: _history(each, shifts) for key, each in ends.items()}
    written = [_history(each, shifts) for each in ends]
    return written[0] if major >= formats.KERAS_3 and len(written) == 1 else written


def _read_call(node: Any, shifts: dict, names: set) -> Call:
    if isinstance(node, dict):
        return Call(
            _find_tensors(node.get("args", []), shifts),
            {key: _find_tensors(value, shifts) for key, value in node.get("kwargs", {}).items()},
        )
    bare = bool(node) and isinstance(node[0], str)
    if bare:
        node = [node]
    tensors = [_tensor(each, shifts) for each in node]
    kwargs = node[0][HISTORY] if node and len(node[0]) > HISTORY else {}
    found = {key: _find_histories(value, shifts, names) for key, value in kwargs.items()}
    return Call([tensors[0] if len(tensors) == 1 else tensors], found, bare=bare)


def _write_newer(call: Call, shifts: dict, call_names: list | None) -> dict:
    kwargs = {
        key: value
        for key, value in call.kwargs.items()
        if value is not None and (call_names is None or key in call_names)
    }
    return dict(args=_newer(call.args, shifts), kwargs=_newer(kwargs, shifts))


def _write_older(call: Call, shifts: dict, call_names: list | None) -> list:
    first, *others = call.args or [[]]
    kwargs = dict(call.kwargs)
    kwargs.update(zip((call_names or [])[1:], others))
    kwargs = {
        key: _older(value, shifts)
        for key, value in kwargs.items()
        if value is not None and (call_names is None or key in call_names)
    }
    tensors = first if isinstance(first, list) else [first]
    written = [[*_history(each, shifts), kwargs] for each in tensors]
    return written[0] if call.bare else written


def _find_tensors(value: Any, shifts: dict) -> Any:
    """Replace Keras 3's tensors anywhere in ``value``."""
    if isinstance(value, dict):
        if value.get("class_name") == "__keras_tensor__":
            return _tensor(value["config"]["keras_history"], shifts)
        return {key: _find_tensors(each, shifts) for key, each in value.items()}
    if isinstance(value, list):
        return [_find_tensors(each, shifts) for each in value]
    return value


def _find_histories(value: Any, shifts: dict, names: set) -> Any:
    """Replace Keras 2's tensors anywhere in ``value``: lists that begin with a layer's name."""
    if _is_history(value) and value[0] in names:
        return _tensor(value, shifts)
    if isinstance(value, list):
        return [_find_histories(each, shifts, names) for each in value]
    return value


def _newer(value: Any, shifts: dict) -> Any:
    if isinstance(value, Tensor):
        # Shape and type are not looked at when a graph is made again, but must be there.
        return dict(
            class_name="__keras_tensor__",
            config=dict(shape=[None], dtype="float32", keras_history=_history(value, shifts)),
        )
    if isinstance(value, list):
        return [_newer(each, shifts) for each in value]
    if isinstance(value, dict):
        return {key: _newer(each, shifts) for key, each in value.items()}
    return value


def _older(value: Any, shifts: dict) -> Any:
    if isinstance(value, Tensor):
        return _history(value, shifts)
    if isinstance(value, list):
        return [_older(each, shifts) for each in value]
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
