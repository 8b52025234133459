"""Layers of Keras for releases that do not have them: they compute the same with the same weights.

Plain Keras, without a part of kerasmatrix. A program that loads a model with such a layer can
import a copy of this module, and pass ``custom_objects=LAYERS``. The layers take the arguments that
the files of other releases have. (Sources: keras/layers/local.py of Keras 2.12, and
keras/layers/normalization/group_normalization.py, keras/layers/convolutional/depthwise_conv1d.py
and keras/layers/attention/multi_head_attention.py of 2.15; measured in tests/tensorflow.)
"""

from __future__ import annotations

import itertools
from typing import Any, ClassVar

import numpy as np

import tensorflow as tf
from tensorflow import keras

__all__ = ["LAYERS"]

# Arguments without an effect on a loaded model.
WITHOUT_EFFECT = (
    "kernel_initializer", "bias_initializer", "depthwise_initializer", "gamma_initializer",
    "beta_initializer", "implementation", "query_shape", "key_shape", "value_shape",
    "batch_input_shape", "input_shape", "seed", "flash_attention", "quantization_config",
)  # fmt: skip
COMMON = ("name", "trainable", "dtype")
# Values with which an argument has no effect in the release that wrote it either.
NEUTRAL: tuple = (None, False, 0, 1, "auto", [], {})


class StandIn(keras.layers.Layer):  # type: ignore[misc]
    """A layer whose arguments are attributes; ``DEFAULTS`` lists them."""

    DEFAULTS: ClassVar[dict] = {}

    def __init__(self, **arguments: Any) -> None:
        own = {key: arguments.pop(key) for key in list(arguments) if key in self.DEFAULTS}
        for key in [key for key in arguments if key not in COMMON]:
            if key not in WITHOUT_EFFECT and arguments[key] not in NEUTRAL:
                raise ValueError(f"{key} is not supported here")
            del arguments[key]
        super().__init__(**arguments)
        self.arguments = dict(self.DEFAULTS, **own)
        self.activate = keras.activations.get(self.arguments.get("activation", "linear"))

    def get_config(self) -> dict:
        """Return the arguments."""
        return dict(super().get_config(), **self.arguments)

    def weight(self, name: str, shape: tuple) -> Any:
        """Return a new weight, which is trained."""
        return self.add_weight(name=name, shape=shape, initializer="zeros", trainable=True)


class LocallyConnected(StandIn):
    """A convolution with other weights at each place; the last axis has the channels."""

    DEFAULTS: ClassVar[dict] = dict(
        filters=1, kernel_size=1, strides=1, padding="valid", data_format="channels_last",
        activation="linear", use_bias=True,
    )  # fmt: skip

    def build(self, input_shape: Any) -> None:
        """Create the weights."""
        if self.arguments["data_format"] == "channels_first":
            raise ValueError("channels_first is not supported here")
        sizes = [int(size) for size in list(input_shape)[1:]]
        self.kernel_size = _each(self.arguments["kernel_size"], len(sizes) - 1)
        self.steps = _each(self.arguments["strides"], len(sizes) - 1)
        self.places = [
            (size - kernel) // step + 1
            for size, kernel, step in zip(sizes, self.kernel_size, self.steps)
        ]
        count, filters = int(np.prod(self.places)), int(self.arguments["filters"])
        inputs = int(np.prod(self.kernel_size)) * sizes[-1]
        self.kernel = self.weight("kernel", (count, inputs, filters))
        if self.arguments["use_bias"]:
            self.bias = self.weight("bias", (*self.places, filters))
        super().build(input_shape)

    def call(self, inputs: Any) -> Any:
        """Return the outputs."""
        patches = []
        for place in itertools.product(*map(range, self.places)):
            cut = tuple(
                slice(number * step, number * step + size)
                for number, step, size in zip(place, self.steps, self.kernel_size)
            )
            part = inputs[(slice(None), *cut)]
            patches.append(tf.reshape(part, (-1, int(self.kernel.shape[1]))))
        flat = tf.einsum(
            "blk,lkf->blf", tf.stack(patches, axis=1), tf.convert_to_tensor(self.kernel)
        )
        outputs = tf.reshape(flat, (-1, *self.places, int(self.arguments["filters"])))
        return self.activate(outputs + self.bias if self.arguments["use_bias"] else outputs)


class LocallyConnected1D(LocallyConnected):
    """One axis."""


class LocallyConnected2D(LocallyConnected):
    """Two axes."""


class GroupNormalization(StandIn):
    """Normalizes groups of channels; the last axis has the channels."""

    DEFAULTS: ClassVar[dict] = dict(groups=32, axis=-1, epsilon=1e-3, center=True, scale=True)

    def build(self, input_shape: Any) -> None:
        """Create the weights."""
        channels = int(list(input_shape)[-1])
        if self.arguments["axis"] not in (-1, len(list(input_shape)) - 1):
            raise ValueError("another axis than the last one is not supported here")
        self.groups = channels if self.arguments["groups"] == -1 else self.arguments["groups"]
        if self.arguments["scale"]:
            self.gamma = self.weight("gamma", (channels,))
        if self.arguments["center"]:
            self.beta = self.weight("beta", (channels,))
        super().build(input_shape)

    def call(self, inputs: Any) -> Any:
        """Return the outputs."""
        sizes = [int(size) for size in list(inputs.shape)[1:]]
        grouped = tf.reshape(inputs, (-1, *sizes[:-1], self.groups, sizes[-1] // self.groups))
        axes = [*range(1, len(sizes)), len(sizes) + 1]
        mean, variance = tf.nn.moments(grouped, axes, keepdims=True)
        normal = (grouped - mean) * tf.math.rsqrt(variance + self.arguments["epsilon"])
        outputs = tf.reshape(normal, (-1, *sizes))
        if self.arguments["scale"]:
            outputs = outputs * self.gamma
        return outputs + self.beta if self.arguments["center"] else outputs


class DepthwiseConv1D(StandIn):
    """A convolution of each channel by itself."""

    DEFAULTS: ClassVar[dict] = dict(
        kernel_size=1, strides=1, padding="valid", depth_multiplier=1, dilation_rate=1,
        data_format="channels_last", activation="linear", use_bias=True,
    )  # fmt: skip

    def build(self, input_shape: Any) -> None:
        """Create the weights."""
        told = self.arguments
        if told["data_format"] == "channels_first" or _each(told["dilation_rate"], 1) != [1]:
            raise ValueError("channels_first and dilation are not supported here")
        channels, multiplier = int(list(input_shape)[-1]), int(told["depth_multiplier"])
        size = _each(told["kernel_size"], 1)[0]
        self.depthwise_kernel = self.weight("depthwise_kernel", (size, channels, multiplier))
        if told["use_bias"]:
            self.bias = self.weight("bias", (channels * multiplier,))
        super().build(input_shape)

    def call(self, inputs: Any) -> Any:
        """Return the outputs."""
        step = _each(self.arguments["strides"], 1)[0]
        outputs = tf.nn.depthwise_conv2d(
            tf.expand_dims(inputs, 1),
            tf.expand_dims(self.depthwise_kernel, 0),
            [1, step, step, 1],
            str(self.arguments["padding"]).upper(),
        )
        outputs = tf.squeeze(outputs, [1])
        return self.activate(outputs + self.bias if self.arguments["use_bias"] else outputs)


class Projection(keras.layers.Layer):  # type: ignore[misc]
    """A product with one array and a sum with another, as MultiHeadAttention uses it."""

    def __init__(self, equation: str, shape: tuple, bias: tuple, **arguments: Any) -> None:
        super().__init__(**arguments)
        self.equation = equation
        self.kernel = self.add_weight(name="kernel", shape=shape, initializer="zeros")
        self.bias = self.add_weight(name="bias", shape=bias, initializer="zeros") if bias else None
        self.built = True

    def call(self, inputs: Any) -> Any:
        """Return the outputs."""
        outputs = tf.einsum(self.equation, inputs, tf.convert_to_tensor(self.kernel))
        return outputs if self.bias is None else outputs + self.bias


class MultiHeadAttention(StandIn):
    """Attention of one axis to another, without masks."""

    DEFAULTS: ClassVar[dict] = dict(
        num_heads=1, key_dim=1, value_dim=None, dropout=0.0, use_bias=True, output_shape=None,
        attention_axes=None,
    )  # fmt: skip

    def build(self, input_shape: Any) -> None:
        """Create the weights; query, key and value have the same features."""
        told = self.arguments
        axes = told["attention_axes"]
        if told["output_shape"] is not None or axes not in (None, [1], (1,)):
            raise ValueError("output_shape and attention_axes are not supported here")
        shape = input_shape[0] if isinstance(input_shape, list) else input_shape
        features, heads, size = int(list(shape)[-1]), told["num_heads"], told["key_dim"]
        width = told["value_dim"] or size

        def project(name: str, depth: int) -> Projection:
            bias = (heads, depth) if told["use_bias"] else ()
            return Projection("abc,cde->abde", (features, heads, depth), bias, name=name)

        self._query_dense = project("query", size)
        self._key_dense = project("key", size)
        self._value_dense = project("value", width)
        bias = (features,) if told["use_bias"] else ()
        self._output_dense = Projection(
            "abcd,cde->abe", (heads, width, features), bias, name="attention_output"
        )
        super().build(input_shape)

    def call(self, query: Any, value: Any = None, key: Any = None, training: Any = None) -> Any:
        """Return the outputs."""
        value = query if value is None else value
        key = value if key is None else key
        scale = 1.0 / float(self.arguments["key_dim"]) ** 0.5
        scores = tf.einsum(
            "bqhd,bkhd->bhqk", self._query_dense(query) * scale, self._key_dense(key)
        )
        weights = tf.nn.softmax(scores)
        if training:
            weights = tf.nn.dropout(weights, rate=self.arguments["dropout"])
        return self._output_dense(tf.einsum("bhqk,bkhd->bqhd", weights, self._value_dense(value)))


def _each(value: Any, count: int) -> list:
    return [int(size) for size in value] if isinstance(value, (list, tuple)) else [value] * count


LAYERS = {
    layer.__name__: layer
    for layer in (
        LocallyConnected1D, LocallyConnected2D, GroupNormalization, DepthwiseConv1D,
        MultiHeadAttention,
    )
}  # fmt: skip
