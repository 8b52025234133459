"""Draws random layers of the Keras that this interpreter has, for `random_models.py`."""

from __future__ import annotations

import random

import tensorflow as tf

keras = tf.keras
L = keras.layers
KERAS_3 = hasattr(keras, "ops") or (
    not hasattr(keras.utils, "get_source_inputs") and hasattr(keras, "random")
)
DRAW = random.Random(0)


def pick(*values):
    """Return one of the values."""
    return DRAW.choice(values)


def find(name):
    """Return a layer, also one that is experimental in this release."""
    experimental = getattr(getattr(L, "experimental", None), "preprocessing", None)
    found = getattr(L, name, None) or getattr(experimental, name)
    if KERAS_3 and not found.__module__.startswith("keras"):
        raise AttributeError(name)  # one of Keras 2, which no model of Keras 3 takes
    return found


def make(name, *arguments, **settings):
    """Return a layer of this name, with some settings that any layer with weights may have."""
    return find(name)(*arguments, **settings)


def activation():
    """Return the name of an activation."""
    return pick(
        "relu",
        "tanh",
        "elu",
        "selu",
        "sigmoid",
        "swish",
        "softplus",
        "linear",
        "hard_sigmoid",
        "gelu" if hasattr(keras.activations, "gelu") else "exponential",
    )


def initial():
    """Return a random initializer, by its name or as an object."""
    return pick(
        "he_normal",
        "glorot_normal",
        "lecun_uniform",
        keras.initializers.VarianceScaling(2.0, "fan_out"),
        keras.initializers.TruncatedNormal(stddev=0.3),
    )


def penalty():
    """Return a regularizer or none."""
    return pick(None, None, "l2", keras.regularizers.l1_l2(1e-4, 1e-3), keras.regularizers.l1(1e-4))


def bound():
    """Return a constraint or none."""
    return pick(None, None, "non_neg", keras.constraints.MaxNorm(3.0))


def cell():
    """Return a cell of a recurrent layer."""
    return pick(lambda: L.LSTMCell(3), lambda: L.GRUCell(3), lambda: L.SimpleRNNCell(3))()


def recurrent(**settings):
    """Return a recurrent layer."""
    name = pick("LSTM", "GRU", "SimpleRNN")
    if name != "SimpleRNN":
        settings["recurrent_activation"] = pick("sigmoid", "sigmoid", "hard_sigmoid")
    if name == "GRU":
        settings["reset_after"] = pick(True, True, False)
    return make(
        name, pick(3, 4), dropout=pick(0.0, 0.1), go_backwards=pick(False, False, True), **settings
    )


# Layers by what they take; a second word says what they return if that is something else.
VECTOR = [
    lambda: make("Dense", pick(3, 4, 6), activation=activation(), kernel_initializer=initial()),
    lambda: make("Dense", 4, kernel_regularizer=penalty(), kernel_constraint=bound()),
    lambda: make("Dense", 4, use_bias=False, bias_regularizer=penalty()),
    lambda: make("EinsumDense", "ab,bc->ac", output_shape=4, bias_axes="c"),
    lambda: make("BatchNormalization", momentum=0.9),
    lambda: make("LayerNormalization", epsilon=1e-4),
    lambda: make("UnitNormalization"),
    lambda: make("PReLU"),
    lambda: make("LeakyReLU"),
    lambda: make("ELU"),
    lambda: make("ThresholdedReLU", 0.2),
    lambda: make("ReLU", max_value=6.0),
    lambda: make("Softmax"),
    lambda: make("Activation", activation()),
    lambda: make("Dropout", 0.2),
    lambda: make("GaussianNoise", 0.1),
    lambda: make("GaussianDropout", 0.1),
    lambda: make("AlphaDropout", 0.1),
    lambda: make("ActivityRegularization", l2=1e-4),
    lambda: make("Identity"),
    lambda: make("Normalization", mean=0.5, variance=2.0),
    lambda: make("Rescaling", 0.5, offset=0.1),
    lambda: make("SpectralNormalization", L.Dense(4)),
    lambda: L.Lambda(lambda x: x * 2.0 + 1.0),
]
SEQUENCE = [
    lambda: recurrent(return_sequences=True),
    lambda: L.Bidirectional(
        recurrent(return_sequences=True), merge_mode=pick("concat", "sum", "ave")
    ),
    lambda: L.RNN(pick(cell(), [cell(), cell()]), return_sequences=True),
    lambda: L.TimeDistributed(L.Dense(4, activation=activation())),
    lambda: make("Conv1D", 4, 3, padding=pick("same", "causal"), dilation_rate=pick(1, 2)),
    lambda: make("SeparableConv1D", 4, 3, padding="same", depth_multiplier=2),
    lambda: make("DepthwiseConv1D", 3, padding="same", depth_multiplier=pick(1, 2)),
    lambda: make("Conv1DTranspose", 3, 3, padding="same"),
    lambda: make("LocallyConnected1D", 3, 2),
    lambda: make("MaxPooling1D", 2, padding="same"),
    lambda: make("AveragePooling1D", 2, padding="same"),
    lambda: make("UpSampling1D", 2),
    lambda: make("ZeroPadding1D", 1),
    lambda: make("Cropping1D", (0, 1)),
    lambda: make("SpatialDropout1D", 0.1),
    lambda: make("LayerNormalization"),
    lambda: make("BatchNormalization"),
    lambda: make("GroupNormalization", 1),
    lambda: make("Masking"),
    lambda: make("Dense", 3),
    lambda: make("EinsumDense", "abc,cd->abd", output_shape=(None, 4), bias_axes="d"),
    lambda: make("Permute", (1, 2)),
    lambda: make("RMSNormalization"),
]
IMAGE = [
    lambda: make("Conv2D", 4, 3, padding="same", activation=activation()),
    lambda: make("Conv2D", 4, 3, strides=2, padding="same", groups=1),
    lambda: make("Conv2DTranspose", 3, 3, padding="same"),
    lambda: make("DepthwiseConv2D", 3, padding="same"),
    lambda: make("SeparableConv2D", 4, 3, padding="same"),
    lambda: make("LocallyConnected2D", 2, 2),
    lambda: make("MaxPooling2D", 2, padding="same"),
    lambda: make("AveragePooling2D", 2, padding="same"),
    lambda: make("BatchNormalization", axis=-1),
    lambda: make("GroupNormalization", 1),
    lambda: make("LayerNormalization"),
    lambda: make("UpSampling2D", 2),
    lambda: make("ZeroPadding2D", 1),
    lambda: make("Cropping2D", ((0, 1), (1, 0))),
    lambda: make("SpatialDropout2D", 0.1),
    lambda: make("RandomFlip"),
    lambda: make("RandomRotation", 0.1),
    lambda: make("RandomZoom", 0.1),
    lambda: make("RandomContrast", 0.1),
    lambda: make("RandomTranslation", 0.1, 0.1),
    lambda: make("RandomBrightness", 0.1),
    lambda: make("Resizing", 8, 8),
    lambda: make("Rescaling", 1.0 / 255),
    lambda: make("CenterCrop", 4, 4),
    lambda: make("Dense", 3),
]
VIDEO = [
    lambda: make(
        "ConvLSTM2D",
        2,
        3,
        padding="same",
        return_sequences=True,
        recurrent_activation=pick("sigmoid", "hard_sigmoid"),
    ),
    lambda: L.TimeDistributed(L.Conv2D(2, 3, padding="same")),
    lambda: make("Conv3D", 2, 3, padding="same"),
    lambda: make("MaxPooling3D", (1, 2, 2)),
    lambda: make("Conv3DTranspose", 2, 3, padding="same"),
]
ROWS = [
    lambda: make("ConvLSTM1D", 2, 3, padding="same", return_sequences=True),
    lambda: L.TimeDistributed(L.Conv1D(2, 3, padding="same")),
    lambda: L.TimeDistributed(L.LSTM(3, return_sequences=True)),
]
KINDS = {"vector": VECTOR, "sequence": SEQUENCE, "image": IMAGE, "video": VIDEO, "rows": ROWS}
SHAPES = {
    "vector": (6,),
    "sequence": (6, 4),
    "image": (8, 8, 3),
    "video": (3, 6, 6, 2),
    "rows": (3, 6, 2),
}
ENDS = {
    "vector": [lambda: L.Dense(4)],
    "sequence": [
        L.GlobalAveragePooling1D,
        L.GlobalMaxPooling1D,
        L.Flatten,
        recurrent,
        lambda: L.Bidirectional(recurrent()),
        lambda: L.RNN(cell()),
    ],
    "image": [L.GlobalAveragePooling2D, L.Flatten, L.GlobalMaxPooling2D],
    "video": [L.Flatten, L.GlobalAveragePooling3D],
    "rows": [L.Flatten, lambda: L.Reshape((-1,))],
}


def drawn(kind, count):
    """Return random layers for inputs of one kind; the last one makes a vector of them."""
    layers = []
    while len(layers) < count:
        try:
            layers.append(DRAW.choice(KINDS[kind])())
        except (AttributeError, TypeError):
            continue  # this release lacks the layer or an argument
    return [*layers, DRAW.choice(ENDS[kind])()]


def applied(layers, tensor):
    """Return the outputs of layers in a row; those that refuse their input are skipped."""
    for layer in layers:
        try:
            tensor = layer(tensor)
        except (ValueError, TypeError, tf.errors.InvalidArgumentError):
            if layer is layers[-1]:
                raise
    return tensor
