"""Wrappers of layers for releases of Keras that do not have them, with the same weights.

Plain Keras, without a part of kerasmatrix. A program that loads a model with such a layer imports
this module first: Keras then finds the layer by its name. (Source:
keras/layers/normalization/spectral_normalization.py of Keras 2.15; measured in tests/tensorflow.)
"""

from __future__ import annotations

from typing import Any

import tensorflow as tf
from tensorflow import keras

__all__ = ["LAYERS"]

NAME = "keras_stand_in_wrappers"  # under which a program imports this file
COMMON = ("name", "trainable", "dtype")


class SpectralNormalization(keras.layers.Wrapper):  # type: ignore[misc]
    """Divides the weights of a layer by their largest singular value, in each step of training."""

    def __init__(self, layer: Any, power_iterations: int = 1, **arguments: Any) -> None:
        told = {key: arguments[key] for key in COMMON if key in arguments}
        super().__init__(layer, **told)
        self.power_iterations = power_iterations

    def get_config(self) -> dict:
        """Return the arguments."""
        return dict(super().get_config(), power_iterations=self.power_iterations)

    def build(self, input_shape: Any) -> None:
        """Create the weights."""
        super().build(input_shape)
        name = "kernel" if hasattr(self.layer, "kernel") else "embeddings"
        self.kernel = getattr(self.layer, name)
        self.vector_u = self.add_weight(
            name="vector_u", shape=(1, int(self.kernel.shape[-1])), trainable=False,
            initializer=keras.initializers.TruncatedNormal(stddev=0.02),
        )  # fmt: skip

    def compute_output_shape(self, input_shape: Any) -> Any:
        """Return the shape of the outputs."""
        return self.layer.compute_output_shape(input_shape)

    def call(self, inputs: Any, training: Any = None) -> Any:
        """Return the outputs."""
        if training:
            self.normalize()
        return self.layer(inputs)

    def normalize(self) -> None:
        """Divide the weights, unless all are 0."""
        kernel, before = map(tf.convert_to_tensor, (self.kernel, self.vector_u))
        flat, u = tf.reshape(kernel, (-1, int(kernel.shape[-1]))), before
        for _ in range(self.power_iterations):
            v = tf.nn.l2_normalize(tf.matmul(u, flat, transpose_b=True))
            u = tf.nn.l2_normalize(tf.matmul(v, flat))
        u, v = tf.stop_gradient(u), tf.stop_gradient(v)
        value = tf.matmul(tf.matmul(v, flat), u, transpose_b=True)
        is_empty = tf.reduce_all(tf.equal(flat, 0.0))
        self.vector_u.assign(tf.cond(is_empty, lambda: before, lambda: u))
        self.kernel.assign(tf.cond(is_empty, lambda: kernel, lambda: kernel / value))


def _registered(layer: Any) -> Any:
    """Make Keras find a layer in the files that it writes from now on."""
    layer.__module__ = NAME
    register = getattr(keras.utils, "register_keras_serializable", None)
    if register is None:  # TensorFlow 1.15, which writes the bare name
        keras.utils.get_custom_objects()[layer.__name__] = layer
        return layer
    return register(package=NAME)(layer)


LAYERS = {layer.__name__: _registered(layer) for layer in (SpectralNormalization,)}
