"""The variables of a SavedModel, read from its TensorFlow checkpoint, which every release can read.

A SavedModel of a Keras model is an object graph. Its root has a child ``variables`` with all of the
model's variables in the order of ``model.variables``: Keras 2 writes it beside the layers, Keras 3
exports little else. Where a variable is filed in the checkpoint depends on the shortest path to
it, so the graph is asked, not the names. (measured: savedmodel of tf1.15 to tf2.21)
"""

from __future__ import annotations

import os
from typing import Any

__all__ = ["read_variables"]

GRAPH_KEY = "_CHECKPOINTABLE_OBJECT_GRAPH"
LAYER = "layer_with_weights-"
# Keras 3 exports the states of random generators among the variables; they are no weights.
PASSED_OVER = ("seed_generator_state",)


def read_variables(folder: str) -> list:
    """Return (name, array) of all variables of the SavedModel in ``folder``, in the model's order.

    The name is the one that the variable had in the program that saved it: ``dense/kernel``.

    Raises:
        ValueError: it was not saved from a Keras model.
    """
    from tensorflow.core.protobuf import trackable_object_graph_pb2

    import tensorflow as tf

    load = getattr(tf.train, "load_checkpoint", None) or tf.compat.v1.train.load_checkpoint
    reader = load(os.path.join(folder, "variables", "variables"))
    graph = trackable_object_graph_pb2.TrackableObjectGraph()
    graph.ParseFromString(reader.get_tensor(GRAPH_KEY))
    return [
        (attribute.full_name, reader.get_tensor(attribute.checkpoint_key))
        for attribute in _attributes_in_order(graph.nodes)
        if attribute.full_name.rpartition("/")[2] not in PASSED_OVER
    ]


def _attributes_in_order(nodes: Any) -> list:
    """Return the entry of each variable, which tells under which key it is filed."""
    places = {child.local_name: child.node_id for child in nodes[0].children}
    if "variables" in places:
        starts = _numbered(nodes[places["variables"]], "")
    else:
        # TF 1.15 leaves the list out where a layer cannot be traced (time_distributed).
        starts = _numbered(nodes[0], LAYER)
    if not starts and "variables" not in places:
        raise ValueError("the SavedModel has no list of its variables")
    found: list = []
    seen: set = set()
    for start in starts:
        _collect(nodes, start, seen, found)
    return found


def _numbered(node: Any, prefix: str) -> list:
    entries = [
        (int(child.local_name[len(prefix) :]), child.node_id)
        for child in node.children
        if child.local_name.startswith(prefix) and child.local_name[len(prefix) :].isdigit()
    ]
    return [place for _, place in sorted(entries)]


def _collect(nodes: Any, place: int, seen: set, found: list) -> None:
    """Add the variables of an object and of those within it, each object once."""
    if place in seen:
        return
    seen.add(place)
    node = nodes[place]
    found.extend(each for each in node.attributes if each.name == "VARIABLE_VALUE")
    for child in node.children:
        _collect(nodes, child.node_id, seen, found)
