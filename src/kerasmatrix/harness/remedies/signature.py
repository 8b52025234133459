"""What a SavedModel offers to be called, as something that can be looked at like a model.

It is loaded into a graph and a session of its own, which every release can, whether or not it
executes eagerly. ``tf.saved_model.load`` would rebuild the objects as well, and there are those
that it cannot: the optimizer's slots (``add_slot``; measured: trained_adam, tf1.15 to tf2.16).
"""

from __future__ import annotations

import os
from typing import Any

import numpy as np

from . import downgrade, positions

__all__ = ["Signature"]

KEY = "serving_default"
TAG = "serve"


class Signature:
    """The ``serving_default`` of a SavedModel; it predicts, and that is all.

    ``changes`` says in short sentences what of the graph was left out so that it can be loaded.

    Raises:
        ValueError: there is no such signature, or it cannot be told which input is which.
    """

    optimizer = None

    def __init__(self, path: str) -> None:
        import tensorflow as tf

        stored = _read(path)
        signature = stored.signature_def[KEY]
        inputs = positions.inputs(stored, list(signature.inputs))
        outputs = positions.outputs(list(signature.outputs), _metadata(path, stored))
        self.changes = downgrade.downgrade(stored)
        folder = downgrade.write_copy(path, stored) if self.changes else path
        graph = tf.Graph()
        self._session = tf.compat.v1.Session(graph=graph)
        with graph.as_default():
            tf.compat.v1.saved_model.load(self._session, [TAG], folder)
        # The name that an input has in the graph, and what it takes.
        self._inputs = [graph.get_tensor_by_name(signature.inputs[name].name) for name in inputs]
        self._outputs = [graph.get_tensor_by_name(signature.outputs[name].name) for name in outputs]

    @property
    def weights(self) -> list:
        """None: the graph has variables, and no layers to which they belong."""
        return []

    def __call__(self, batch: Any, training: bool = False) -> list:  # noqa: ARG002, FBT001, FBT002
        """Return the outputs for a batch: an array, or a list of them in the inputs' order."""
        arrays = list(batch) if isinstance(batch, (list, tuple)) else [batch]
        if len(arrays) != len(self._inputs):
            raise ValueError(f"{len(arrays)} inputs for a signature that has {len(self._inputs)}")
        fed = {
            tensor: np.asarray(array, tensor.dtype.as_numpy_dtype)
            for tensor, array in zip(self._inputs, arrays)
        }
        return list(self._session.run(self._outputs, fed))

    def predict(self, batch: Any, batch_size: int | None = None) -> list:  # noqa: ARG002
        """Return the outputs for a batch; where execution is not eager a model is asked so."""
        return self(batch)


def _read(path: str) -> Any:
    """Return the stored graph that is for serving."""
    from tensorflow.core.protobuf import saved_model_pb2

    stored = saved_model_pb2.SavedModel()
    with open(os.path.join(path, "saved_model.pb"), "rb") as handle:
        stored.ParseFromString(handle.read())
    for graph in stored.meta_graphs:
        if TAG in graph.meta_info_def.tags and KEY in graph.signature_def:
            return graph
    raise ValueError(f"the SavedModel has no signature {KEY}")


def _metadata(path: str, stored: Any) -> str:
    """Return what Keras 2 has noted about the model; empty where there is nothing."""
    beside = os.path.join(path, "keras_metadata.pb")  # from TF 2.5 on a file of its own
    if os.path.exists(beside):
        with open(beside, "rb") as handle:
            return handle.read().decode("utf-8", "replace")
    nodes = stored.object_graph_def.nodes
    return str(nodes[0].user_object.metadata) if nodes else ""
