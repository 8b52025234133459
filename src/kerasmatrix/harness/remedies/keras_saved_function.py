"""A layer that computes a function of a SavedModel, which it holds with its numbers.

Plain Keras, without a part of kerasmatrix. A program that loads a model with this layer imports
this module first: Keras then finds the layer by its name. It can only predict.
"""

from __future__ import annotations

import base64
import zlib
from typing import Any

import tensorflow as tf
from tensorflow import keras

__all__ = ["SavedFunction"]

NAME = "keras_saved_function"  # under which a program imports this file


class SavedFunction(keras.layers.Layer):  # type: ignore[misc]
    """Computes a graph of TensorFlow.

    Args:
        graph: the graph, compressed and as text.
        takes: the names of the tensors in it for which the inputs are put in.
        gives: the names of those that are the outputs.
    """

    def __init__(self, graph: str, takes: list, gives: list, **arguments: Any) -> None:
        super().__init__(**arguments)
        self.told = dict(graph=graph, takes=list(takes), gives=list(gives))
        stored = tf.compat.v1.GraphDef()
        stored.ParseFromString(zlib.decompress(base64.b64decode(graph)))
        whole = tf.compat.v1.wrap_function(lambda: tf.import_graph_def(stored, name=""), [])
        self.taken, given = (
            [whole.graph.get_tensor_by_name(name) for name in names] for names in (takes, gives)
        )
        self.function = whole.prune(self.taken, given)
        self.shapes = [tensor.shape for tensor in given]

    def get_config(self) -> dict:
        """Return the arguments."""
        return dict(super().get_config(), **self.told)

    def compute_output_shape(self, input_shape: Any) -> Any:  # noqa: ARG002 - it is in the graph
        """Return the shapes of the outputs."""
        shapes = [tuple(shape.as_list()) for shape in self.shapes]
        return shapes if len(shapes) > 1 else shapes[0]

    def call(self, inputs: Any) -> Any:
        """Return the outputs, in the order of ``gives``."""
        tensors = list(inputs) if isinstance(inputs, (list, tuple)) else [inputs]
        outputs = self.function(
            *(tf.cast(tensor, own.dtype) for tensor, own in zip(tensors, self.taken))
        )
        return list(outputs) if len(self.shapes) > 1 else outputs[0]


SavedFunction.__module__ = NAME
keras.utils.register_keras_serializable(package=NAME)(SavedFunction)
