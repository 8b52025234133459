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


def read_variables(folder: str) -> list:
    """Return the arrays of all variables of the SavedModel in ``folder``, in the model's order.

    Raises:
        ValueError: it was not saved from a Keras model.
    """
    from tensorflow.core.protobuf import trackable_object_graph_pb2

    import tensorflow as tf

    load = getattr(tf.train, "load_checkpoint", None) or tf.compat.v1.train.load_checkpoint
    reader = load(os.path.join(folder, "variables", "variables"))
    graph = trackable_object_graph_pb2.TrackableObjectGraph()
    graph.ParseFromString(reader.get_tensor(GRAPH_KEY))
    keys = _keys_in_order(graph.nodes)
    return [reader.get_tensor(key) for key in keys]


def _keys_in_order(nodes: Any) -> list:
    """Return under which key each of the root's ``variables`` is filed."""
    places = {child.local_name: child.node_id for child in nodes[0].children}
    if "variables" not in places:
        raise ValueError("the SavedModel has no list of its variables")
    entries = [
        (int(child.local_name), child.node_id)
        for child in nodes[places["variables"]].children
        if child.local_name.isdigit()
    ]
    keys: list = []
    for _, place in sorted(entries):
        keys.extend(attribute.checkpoint_key for attribute in nodes[place].attributes)
    return keys
