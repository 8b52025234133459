"""Classes that compute the same as one that the reader lacks, with the same weights.

A rule gets the name of a class and its config, and returns another class and its config, or None.
A Lambda is returned as its source, where no class does the same.
"""

from __future__ import annotations

from typing import Any, NamedTuple

__all__ = ["Substitute", "find_substitute", "is_never_usable"]

# Initializers that were functions up to TensorFlow 2.3: scale and distribution of the class that
# they returned (tensorflow/python/ops/init_ops_v2.py; measured: objects_as_arguments as h5, tf2.15
# to tf2.2).
SCALED = {
    "HeNormal": (2.0, "truncated_normal"),
    "HeUniform": (2.0, "uniform"),
    "LecunNormal": (1.0, "truncated_normal"),
    "LecunUniform": (1.0, "uniform"),
}
# Layers of TensorFlow 1 that compute on a GPU only, as those that compute everywhere. The HDF5
# loaders of Keras 2 convert their weights. (Source: keras/layers/rnn/cudnn_lstm.py of 2.12.)
CUDNN: dict = {
    "CuDNNLSTM": ("LSTM", {"activation": "tanh", "recurrent_activation": "sigmoid"}),
    "CuDNNGRU": (
        "GRU",
        {"activation": "tanh", "recurrent_activation": "sigmoid", "reset_after": True},
    ),
}
# Layers that pass on what they get, except in training (keras/src/layers/preprocessing of 3.15).
RANDOM = (
    "RandomHeight", "RandomWidth", "RandomFlip", "RandomRotation", "RandomTranslation",
    "RandomZoom", "RandomContrast", "RandomBrightness", "RandomShear", "RandomErasing",
    "RandomHue", "RandomSaturation", "RandomSharpness", "RandomColorJitter",
    "RandomColorDegeneration", "RandomGrayscale", "RandomInvert", "RandomPosterization",
    "RandomPerspective", "RandomElasticTransform", "RandomGaussianBlur", "RandAugment", "AugMix",
    "MixUp", "CutMix",
)  # fmt: skip
KEPT = ("name", "trainable", "dtype")


class Substitute(NamedTuple):
    """A class and its config, or a function's ``source`` for a Lambda; ``note`` on a loss."""

    name: str
    config: dict
    source: str = ""
    note: str = ""


def is_never_usable(name: str) -> bool:
    """Whether a layer is replaced although the reader has it: it cannot be called on a CPU."""
    return name in CUDNN


def find_substitute(name: str, config: dict) -> Substitute | None:
    """Return what computes the same; None if nothing is known."""
    for rule in RULES:
        found = rule(name, config)
        if found is not None:
            return found
    return None


def _l1_or_l2(name: str, config: dict) -> Substitute | None:
    return Substitute("L1L2", config) if name in ("L1", "L2") else None


def _scaled_initializer(name: str, config: dict) -> Substitute | None:
    if name not in SCALED:
        return None
    scale, distribution = SCALED[name]
    return Substitute(
        "VarianceScaling",
        dict(scale=scale, mode="fan_in", distribution=distribution, seed=config.get("seed")),
    )


def _without_cudnn(name: str, config: dict) -> Substitute | None:
    if name not in CUDNN:
        return None
    plain, more = CUDNN[name]
    return Substitute(plain, dict(config, **more))


def _thresholded(name: str, config: dict) -> Substitute | None:
    if name != "ThresholdedReLU":
        return None
    return Substitute("ReLU", dict(_kept(config), threshold=config.get("theta", 1.0)))


def _nothing(name: str, config: dict) -> Substitute | None:
    if name != "Identity" and name not in RANDOM:
        return None
    note = "" if name == "Identity" else f"left out {name}, which changes nothing but the training"
    return Substitute("Activation", dict(_kept(config), activation="linear"), note=note)


def _unit_normalization(name: str, config: dict) -> Substitute | None:
    if name != "UnitNormalization":
        return None
    axis = config.get("axis", -1)
    return _lambda(config, f"tf.compat.v2.math.l2_normalize(x, axis={axis!r})")


def _rescaling(name: str, config: dict) -> Substitute | None:
    scale, offset = config.get("scale"), config.get("offset", 0.0)
    if name != "Rescaling" or not _are_numbers(scale, offset):
        return None
    return _lambda(config, f"tf.cast(x, tf.float32) * {scale!r} + {offset!r}")


def _normalization(name: str, config: dict) -> Substitute | None:
    """Return a Lambda for a Normalization whose statistics are arguments, not weights."""
    mean = [float(number) for number in _flat(config.get("mean"))]
    variance = [float(number) for number in _flat(config.get("variance"))]
    along_last = config.get("axis") in (-1, [-1], None)
    if name != "Normalization" or not mean or not variance or not along_last:
        return None
    if config.get("invert"):
        return _lambda(config, f"x * tf.maximum(tf.sqrt({variance!r}), 1e-7) + {mean!r}")
    return _lambda(config, f"(x - {mean!r}) / tf.maximum(tf.sqrt({variance!r}), 1e-7)")


def _resizing(name: str, config: dict) -> Substitute | None:
    if name != "Resizing" or config.get("crop_to_aspect_ratio"):
        return None
    size = [config.get("height"), config.get("width")]
    method = config.get("interpolation", "bilinear")
    return _lambda(config, f"tf.compat.v2.image.resize(x, {size!r}, method={method!r})")


RULES = (
    _l1_or_l2,
    _scaled_initializer,
    _without_cudnn,
    _thresholded,
    _nothing,
    _unit_normalization,
    _rescaling,
    _normalization,
    _resizing,
)


def _lambda(config: dict, expression: str) -> Substitute:
    source = f"def function(x):\n    import tensorflow as tf\n    return {expression}\n"
    return Substitute("Lambda", dict(_kept(config)), source)


def _kept(config: dict) -> dict:
    return {key: config[key] for key in KEPT if key in config}


def _are_numbers(*values: Any) -> bool:
    members = [member for value in values for member in _flat(value)]
    return bool(members) and all(isinstance(member, (int, float)) for member in members)


def _flat(value: Any) -> list:
    """Return the numbers in a nested list with one axis."""
    while isinstance(value, list) and len(value) == 1 and isinstance(value[0], list):
        value = value[0]
    if value is None:
        return []
    return value if isinstance(value, list) else [value]
