"""The variables in a TensorFlow checkpoint, a SavedModel's or one by itself, in any release.

A SavedModel of a Keras model is an object graph. Its root has a child ``variables`` with all of the
model's variables in the order of ``model.variables``: Keras 2 writes it in addition to the layers,
Keras 3 exports little else. The key of a variable in the checkpoint depends on the shortest path to
it, so that only the graph has their order. (measured: savedmodel of tf1.15 to tf2.21)
"""

from __future__ import annotations

import os
from typing import Any

__all__ = ["INDEX", "read_variables"]

INDEX = ".index"  # the ending of a checkpoint's list of its parts
IN_SAVED_MODEL = os.path.join("variables", "variables")

GRAPH_KEY = "_CHECKPOINTABLE_OBJECT_GRAPH"
LAYER = "layer_with_weights-"
# Keras 3 exports the states of random generators among the variables; they are not weights.
IGNORED = ("seed_generator_state",)


def read_variables(path: str) -> list:
    """Return (name, array) of all variables of a model, in the model's order.

    ``path`` is a SavedModel's folder, or a checkpoint's name without the endings of its files.

    The name is that of the variable in the program that saved it: ``dense/kernel``.

    Raises:
        ValueError: it was not saved from a Keras model.
    """
    from tensorflow.core.protobuf import trackable_object_graph_pb2

    import tensorflow as tf

    load = getattr(tf.train, "load_checkpoint", None) or tf.compat.v1.train.load_checkpoint
    reader = load(os.path.join(path, IN_SAVED_MODEL) if os.path.isdir(path) else path)
    graph = trackable_object_graph_pb2.TrackableObjectGraph()
    graph.ParseFromString(reader.get_tensor(GRAPH_KEY))
    return [
        (attribute.full_name, reader.get_tensor(attribute.checkpoint_key))
        for attribute in _attributes_in_order(graph.nodes)
        if attribute.full_name.rpartition("/")[2] not in IGNORED
    ]


def _attributes_in_order(nodes: Any) -> list:
    """Return the entry of each variable, which has its key in the checkpoint."""
    places = {child.local_name: child.node_id for child in nodes[0].children}
    if "variables" in places:
        starts = _numbered(nodes[places["variables"]], "")
    else:
        # TF 1.15 leaves out the list if a layer cannot be traced (time_distributed).
        starts = _numbered(nodes[0], LAYER)
    if not starts and "variables" not in places:
        raise ValueError("the checkpoint has no list of its variables")
    variables: list = []
    seen: set = set()
    for start in starts:
        _collect(nodes, start, seen, variables)
    return variables


def _numbered(node: Any, prefix: str) -> list:
    entries = [
        (int(child.local_name[len(prefix) :]), child.node_id)
        for child in node.children
        if child.local_name.startswith(prefix) and child.local_name[len(prefix) :].isdigit()
    ]
    return [place for _, place in sorted(entries)]


def _collect(nodes: Any, place: int, seen: set, variables: list) -> None:
    """Add the variables of an object and of those within it, each object once."""
    if place in seen:
        return
    seen.add(place)
    node = nodes[place]
    variables.extend(entry for entry in node.attributes if entry.name == "VARIABLE_VALUE")
    for child in node.children:
        _collect(nodes, child.node_id, seen, variables)
