"""Which position the named inputs and outputs of a SavedModel's signature have in the model's.

A signature is a mapping, without order. The inputs' order is in the functions that were traced:
one of them was given the list as the model takes it. The outputs' order is in the names that
Keras 3's export gives them, and in the config that Keras 2 has noted. (measured:
several_inputs_outputs and nested_models as savedmodel, tf1.15 to tf2.21)
"""

from __future__ import annotations

import json
import re
from typing import Any

__all__ = ["inputs", "outputs"]

NUMBERED = re.compile(r"output_(\d+)")


def inputs(stored: Any, names: list) -> list:
    """Return the names of the inputs in the model's order.

    Args:
        stored: the stored graph, as a ``MetaGraphDef``.
        names: how the signature calls its inputs, in any order.

    Raises:
        ValueError: the functions do not tell it, or not with one voice.
    """
    if len(names) == 1:
        return names
    orders = set()
    for function in stored.object_graph_def.concrete_functions.values():
        arguments = function.canonicalized_input_signature.tuple_value.values
        positional = arguments[0].tuple_value.values if arguments else ()
        if positional:
            listed = _listed(positional[0])
            if sorted(listed) == sorted(names):
                orders.add(tuple(listed))
    if len(orders) != 1:
        raise ValueError(
            f"the signature has the inputs {sorted(names)} and does not say which is which"
        )
    return list(orders.pop())


def outputs(names: list, metadata: str) -> list:
    """Return the names of the outputs in the model's order.

    Args:
        names: how the signature calls its outputs, in any order.
        metadata: what Keras 2 has noted; the root's JSON comes first in it.

    Raises:
        ValueError: it is not told anywhere.
    """
    if len(names) == 1:
        return names
    numbers = [NUMBERED.fullmatch(name) for name in names]
    if all(numbers):
        return sorted(names, key=lambda name: int(name.rpartition("_")[2]))
    layers = _output_layers(metadata)
    if sorted(layers) != sorted(names):
        raise ValueError(
            f"the signature has the outputs {sorted(names)} and does not say which is which"
        )
    return layers


def _listed(value: Any) -> list:
    """Return the names of the tensors in a list; none for what is no list of tensors."""
    kind = value.WhichOneof("kind")
    if kind not in ("list_value", "tuple_value"):
        return []
    return [
        each.tensor_spec_value.name if each.WhichOneof("kind") == "tensor_spec_value" else ""
        for each in getattr(value, kind).values
    ]


def _output_layers(metadata: str) -> list:
    start = metadata.find('{"')
    if start < 0:
        return []
    noted, _ = json.JSONDecoder().raw_decode(metadata, start)
    layers = (noted.get("config") or {}).get("output_layers") or []
    return [layer[0] for layer in layers if isinstance(layer, list)]
