"""The signature of a SavedModel, with the interface of a model.

It is loaded into a graph and a session of its own, which works in every release, in eager and in
graph mode. ``tf.saved_model.load`` would create the objects as well, and fails for some: the
optimizer's slots (``add_slot``; measured: trained_adam, tf1.15 to tf2.16).
"""

from __future__ import annotations

import os
from typing import Any

import numpy as np

from . import downgrade, positions
from .case import NotApplicable

__all__ = ["Signature", "as_model"]

KEY = "serving_default"
TAG = "serve"
LARGEST = 64 << 20  # bytes of a graph that becomes a text in a config
# Their entries are not in the graph: an operation fills them when the SavedModel is loaded.
TABLES = ("HashTableV2", "MutableHashTableV2", "VocabFile")


class Signature:
    """The ``serving_default`` of a SavedModel; it can only predict.

    ``changes`` lists in short sentences the parts of the graph that were removed for this release.

    Raises:
        ValueError: there is no such signature, or the order of its inputs or outputs is unknown.

    With ``by_name``, an unknown order is that of the names.
    """

    optimizer = None

    def __init__(self, path: str, *, by_name: bool = False) -> None:
        import tensorflow as tf

        stored = _read(path)
        signature = stored.signature_def[KEY]
        metadata = _metadata(path, stored)
        try:
            inputs = positions.inputs(stored, list(signature.inputs))
            outputs = positions.outputs(list(signature.outputs), metadata)
            self.is_ordered = True
        except ValueError:
            if not by_name:
                raise
            inputs, outputs = sorted(signature.inputs), sorted(signature.outputs)
            self.is_ordered = False
        self.names = (inputs, outputs)
        self.is_named = positions.are_named(outputs, metadata)
        self.changes = downgrade.downgrade(stored)
        folder = downgrade.write_copy(path, stored) if self.changes else path
        graph = tf.Graph()
        self._session = tf.compat.v1.Session(graph=graph)
        with graph.as_default():
            tf.compat.v1.saved_model.load(self._session, [TAG], folder)
        self._inputs = [graph.get_tensor_by_name(signature.inputs[name].name) for name in inputs]
        self._outputs = [graph.get_tensor_by_name(signature.outputs[name].name) for name in outputs]

    @property
    def weights(self) -> list:
        """Empty: the graph has variables, but no layers to which they belong."""
        return []

    def __call__(self, batch: Any, training: bool = False) -> Any:  # noqa: ARG002, FBT001, FBT002
        """Return the outputs for a batch: an array, or a list of them in the inputs' order.

        They are in a dictionary if the model returned one.
        """
        arrays = list(batch) if isinstance(batch, (list, tuple)) else [batch]
        if len(arrays) != len(self._inputs):
            raise ValueError(f"{len(arrays)} inputs for a signature that has {len(self._inputs)}")
        fed = {
            tensor: np.asarray(array, tensor.dtype.as_numpy_dtype)
            for tensor, array in zip(self._inputs, arrays)
        }
        outputs = list(self._session.run(self._outputs, fed))
        return dict(zip(self.names[1], outputs)) if self.is_named else outputs

    def predict(self, batch: Any, batch_size: int | None = None) -> Any:  # noqa: ARG002
        """Return the outputs for a batch; called in place of the object in graph mode."""
        return self(batch)

    def frozen(self) -> Any:
        """Return the graph with its numbers, as a ``GraphDef``."""
        import tensorflow as tf

        names = [tensor.op.name for tensor in self._outputs]
        graph = self._session.graph.as_graph_def()
        return tf.compat.v1.graph_util.convert_variables_to_constants(self._session, graph, names)

    @property
    def tensors(self) -> tuple:
        """The tensors of the graph that are the inputs, and those that are the outputs."""
        return self._inputs, self._outputs


def as_model(path: str) -> Any:
    """Return a model whose only layer computes the signature of the SavedModel at ``path``.

    Raises:
        NotApplicable: the graph is too large, or does not hold all that it needs.
    """
    import base64
    import zlib

    import tensorflow as tf

    from .keras_saved_function import SavedFunction

    signature = Signature(path, by_name=True)
    taken, given = signature.tensors
    graph = signature.frozen()
    held = graph.SerializeToString()
    operations = {node.op for node in graph.node}
    operations |= {node.op for each in graph.library.function for node in each.node_def}
    if operations & set(TABLES):
        raise NotApplicable("the entries of its tables are not in its graph")
    if len(held) > LARGEST:
        raise NotApplicable(f"its graph has {len(held):,} bytes")
    if any(tensor.shape.rank is None for tensor in taken):
        raise NotApplicable("its inputs have no shape")
    names, output_names = signature.names
    inputs = [
        tf.keras.Input(tensor.shape[1:], dtype=tensor.dtype.name, name=name)
        for name, tensor in zip(names, taken)
    ]
    layer = SavedFunction(
        base64.b64encode(zlib.compress(held, 9)).decode("ascii"),
        [tensor.name for tensor in taken],
        [tensor.name for tensor in given],
        name=KEY,
    )
    outputs = layer(inputs if len(inputs) > 1 else inputs[0])
    if signature.is_named or (len(given) > 1 and not signature.is_ordered):
        listed = outputs if isinstance(outputs, (list, tuple)) else [outputs]
        outputs = dict(zip(output_names, listed))
    if len(inputs) == 1:
        return tf.keras.Model(inputs[0], outputs)
    return tf.keras.Model(inputs if signature.is_ordered else dict(zip(names, inputs)), outputs)


def _read(path: str) -> Any:
    """Return the stored graph with the tag for serving."""
    from tensorflow.core.protobuf import saved_model_pb2

    stored = saved_model_pb2.SavedModel()
    with open(os.path.join(path, "saved_model.pb"), "rb") as handle:
        stored.ParseFromString(handle.read())
    for graph in stored.meta_graphs:
        if TAG in graph.meta_info_def.tags and KEY in graph.signature_def:
            return graph
    raise ValueError(f"the SavedModel has no signature {KEY}")


def _metadata(path: str, stored: Any) -> str:
    """Return the metadata that Keras 2 stores about the model; empty if there is none."""
    file = os.path.join(path, "keras_metadata.pb")  # since TF 2.5
    if os.path.exists(file):
        with open(file, "rb") as handle:
            return handle.read().decode("utf-8", "replace")
    nodes = stored.object_graph_def.nodes
    return str(nodes[0].user_object.metadata) if nodes else ""
