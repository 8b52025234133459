"""The order of a model's inputs and outputs, which a SavedModel's signature has by name only.

A signature is a mapping, without order. The order of the inputs is in the traced functions: one of
them got the list as the model takes it. The order of the outputs is in the names that Keras 3's
export gives them, and in the config that Keras 2 stores. (measured: several_inputs_outputs and
nested_models as savedmodel, tf1.15 to tf2.21)
"""

from __future__ import annotations

import json
import re
from typing import Any

__all__ = ["are_named", "inputs", "outputs"]

NUMBERED = re.compile(r"output_(\d+)")


def inputs(stored: Any, names: list) -> list:
    """Return the names of the inputs in the model's order.

    Args:
        stored: the stored graph, as a ``MetaGraphDef``.
        names: the inputs of the signature, in any order.

    Raises:
        ValueError: the functions do not have it, or contradict each other.
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
        names: the outputs of the signature, in any order.
        metadata: the metadata that Keras 2 stores; the root's JSON comes first in it.

    Raises:
        ValueError: the order is unknown.
    """
    if len(names) == 1:
        return names
    numbers = [NUMBERED.fullmatch(name) for name in names]
    if all(numbers):
        return sorted(names, key=lambda name: int(name.rpartition("_")[2]))
    stored = _output_layers(metadata)
    # The keys of a dictionary of outputs are the names that the signature has.
    layers = (
        list(stored)
        if isinstance(stored, dict)
        else [layer[0] for layer in stored if isinstance(layer, list)]
    )
    if sorted(layers) != sorted(names):
        raise ValueError(
            f"the signature has the outputs {sorted(names)} and does not say which is which"
        )
    return layers


def are_named(names: list, metadata: str) -> bool:
    """Return whether the model returns its outputs in a dictionary with these names."""
    stored = _output_layers(metadata)
    return isinstance(stored, dict) and sorted(stored) == sorted(names)


def _listed(value: Any) -> list:
    """Return the names of the tensors in a list; empty if it is not a list of tensors."""
    kind = value.WhichOneof("kind")
    if kind not in ("list_value", "tuple_value"):
        return []
    return [
        member.tensor_spec_value.name if member.WhichOneof("kind") == "tensor_spec_value" else ""
        for member in getattr(value, kind).values
    ]


def _output_layers(metadata: str) -> Any:
    """Return the output layers of the root: a list, or a dictionary of named outputs."""
    start = metadata.find('{"')
    if start < 0:
        return []
    metadata_of_root, _ = json.JSONDecoder().raw_decode(metadata, start)
    return (metadata_of_root.get("config") or {}).get("output_layers") or []
