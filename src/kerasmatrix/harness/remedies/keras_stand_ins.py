"""Layers of Keras for releases that do not have them: they compute the same with the same weights.

Plain Keras, without a part of kerasmatrix. A program that loads a model with such a layer imports
this module first: Keras then finds the layers by their names. The layers take the arguments that
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

NAME = "keras_stand_ins"  # under which a program imports this file

# Arguments without an effect on a loaded model.
WITHOUT_EFFECT = (
    "kernel_initializer", "bias_initializer", "depthwise_initializer", "gamma_initializer",
    "beta_initializer", "recurrent_initializer", "unit_forget_bias", "implementation",
    "query_shape", "key_shape", "value_shape",
    "batch_input_shape", "input_shape", "seed", "flash_attention", "quantization_config",
)  # fmt: skip
COMMON = ("name", "trainable", "dtype")
# Values with which an argument has no effect in the release that wrote it either.
NEUTRAL: tuple = (None, False, 0, 1, "auto", [], {}, [1], [1, 1])


class StandIn(keras.layers.Layer):  # type: ignore[misc]
    """A layer whose arguments are attributes; ``DEFAULTS`` lists them."""

    DEFAULTS: ClassVar[dict] = {}

    def __init__(self, **arguments: Any) -> None:
        own = {key: arguments.pop(key) for key in list(arguments) if key not in COMMON}
        for key in set(own) - set(self.DEFAULTS) - set(WITHOUT_EFFECT):
            if own[key] not in NEUTRAL:
                raise ValueError(f"{key} is not supported here")
        super().__init__(**arguments)
        self.arguments = dict(self.DEFAULTS, **own)
        self.activate = keras.activations.get(self.arguments.get("activation", "linear"))

    def get_config(self) -> dict:
        """Return the arguments."""
        return dict(super().get_config(), **self.arguments)

    def compute_output_shape(self, input_shape: Any) -> Any:
        """Return the shape of the outputs, by default that of the inputs."""
        return input_shape

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
        self.places = list(map(_length, sizes, self.kernel_size, self.steps))
        count, filters = int(np.prod(self.places)), int(self.arguments["filters"])
        inputs = int(np.prod(self.kernel_size)) * sizes[-1]
        self.kernel = self.weight("kernel", (count, inputs, filters))
        if self.arguments["use_bias"]:
            self.bias = self.weight("bias", (*self.places, filters))
        super().build(input_shape)

    def compute_output_shape(self, input_shape: Any) -> Any:
        """Return the shape of the outputs."""
        sizes = list(input_shape)
        kernel, steps = (
            _each(self.arguments[key], len(sizes) - 2) for key in ("kernel_size", "strides")
        )
        places = map(_length, sizes[1:-1], kernel, steps)
        return (sizes[0], *places, int(self.arguments["filters"]))

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

    def compute_output_shape(self, input_shape: Any) -> Any:
        """Return the shape of the outputs."""
        rows, size, channels = list(input_shape)
        return (
            rows,
            _length_after(size, self.arguments),
            channels * int(self.arguments["depth_multiplier"]),
        )

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


class RMSNormalization(StandIn):
    """Divides by the root mean square along axes."""

    DEFAULTS: ClassVar[dict] = dict(axis=-1, epsilon=1e-6)

    def build(self, input_shape: Any) -> None:
        """Create the weights."""
        sizes = list(input_shape)
        axes = self.arguments["axis"]
        self.axes = [axis % len(sizes) for axis in (axes if isinstance(axes, list) else [axes])]
        self.scale = self.weight("scale", tuple(int(sizes[axis]) for axis in self.axes))
        super().build(input_shape)

    def call(self, inputs: Any) -> Any:
        """Return the outputs."""
        mean = tf.reduce_mean(tf.square(inputs), axis=self.axes, keepdims=True)
        sizes = [
            int(size) if axis in self.axes else 1 for axis, size in enumerate(list(inputs.shape))
        ]
        scale = tf.reshape(tf.convert_to_tensor(self.scale), sizes)
        return inputs * tf.math.rsqrt(mean + self.arguments["epsilon"]) * scale


class ConvLSTM1DCell(keras.layers.Layer):  # type: ignore[misc]
    """The weights of a ConvLSTM1D, and one step with them."""

    def __init__(self, told: dict, activate: Any, **arguments: Any) -> None:
        super().__init__(**arguments)
        self.told = told
        self.activate = activate
        self.open_gate = keras.activations.get(told["recurrent_activation"])

    def build(self, input_shape: Any) -> None:
        """Create the weights."""
        size, filters = _each(self.told["kernel_size"], 1)[0], int(self.told["filters"])
        shapes: dict = {
            "kernel": (size, int(list(input_shape)[-1]), 4 * filters),
            "recurrent_kernel": (size, filters, 4 * filters),
        }
        if self.told["use_bias"]:
            shapes["bias"] = (4 * filters,)
        for name, shape in shapes.items():
            setattr(self, name, self.add_weight(name=name, shape=shape, initializer="zeros"))
        super().build(input_shape)

    def call(self, inputs: Any, states: Any) -> Any:
        """Return the outputs of a step, and the new state."""
        hidden, carry = states
        gates = self.convolve(inputs)
        if hidden is None:
            hidden = carry = tf.zeros_like(gates[..., : int(self.told["filters"])])
        gates = gates + tf.nn.conv1d(
            hidden, tf.convert_to_tensor(self.recurrent_kernel), stride=1, padding="SAME"
        )
        into, forget, new, out = tf.split(gates, 4, axis=-1)
        carry = self.open_gate(forget) * carry + self.open_gate(into) * self.activate(new)
        return self.open_gate(out) * self.activate(carry), carry

    def convolve(self, inputs: Any) -> Any:
        """Return the part of the gates that a step's inputs make."""
        told = self.told
        gates = tf.nn.conv1d(
            inputs,
            tf.convert_to_tensor(self.kernel),
            stride=_each(told["strides"], 1)[0],
            padding=str(told["padding"]).upper(),
        )
        return gates + self.bias if told["use_bias"] else gates


class ConvLSTM1D(StandIn):
    """An LSTM whose products are convolutions along one axis; the last axis has the channels."""

    DEFAULTS: ClassVar[dict] = dict(
        filters=1, kernel_size=1, strides=1, padding="valid", data_format="channels_last",
        activation="tanh", recurrent_activation="hard_sigmoid", use_bias=True,
        return_sequences=False, go_backwards=False,
    )  # fmt: skip

    def build(self, input_shape: Any) -> None:
        """Create the weights."""
        if self.arguments["data_format"] == "channels_first":
            raise ValueError("channels_first is not supported here")
        sizes = list(input_shape)
        self.cell = ConvLSTM1DCell(self.arguments, self.activate, name="cell")
        self.cell.build((sizes[0], *sizes[2:]))
        super().build(input_shape)

    def compute_output_shape(self, input_shape: Any) -> Any:
        """Return the shape of the outputs."""
        rows, steps, size, _ = list(input_shape)
        shape = (_length_after(size, self.arguments), int(self.arguments["filters"]))
        return (rows, steps, *shape) if self.arguments["return_sequences"] else (rows, *shape)

    def call(self, inputs: Any) -> Any:
        """Return the outputs."""
        steps = tf.unstack(inputs, axis=1)
        states: tuple = (None, None)
        outputs = []
        for step in reversed(steps) if self.arguments["go_backwards"] else steps:
            states = self.cell(step, states)
            outputs.append(states[0])
        return tf.stack(outputs, axis=1) if self.arguments["return_sequences"] else outputs[-1]


def _length(size: Any, kernel: int, step: int, padding: str = "valid") -> Any:
    """Return the length after a convolution along one axis."""
    if size is None:
        return None
    return -(-(size if padding == "same" else size - kernel + 1) // step)


def _length_after(size: Any, told: dict) -> Any:
    kernel, step = (_each(told[key], 1)[0] for key in ("kernel_size", "strides"))
    return _length(size, kernel, step, told["padding"])


def _each(value: Any, count: int) -> list:
    return [int(size) for size in value] if isinstance(value, (list, tuple)) else [value] * count


def _registered(layer: Any) -> Any:
    """Make Keras find a layer in the files that it writes from now on."""
    layer.__module__ = NAME
    register = getattr(keras.utils, "register_keras_serializable", None)
    if register is None:  # TensorFlow 1.15, which writes the bare name
        keras.utils.get_custom_objects()[layer.__name__] = layer
        return layer
    return register(package=NAME)(layer)


LAYERS = {
    layer.__name__: _registered(layer)
    for layer in (
        LocallyConnected1D, LocallyConnected2D, GroupNormalization, RMSNormalization,
        DepthwiseConv1D, ConvLSTM1D, MultiHeadAttention,
    )
}  # fmt: skip
