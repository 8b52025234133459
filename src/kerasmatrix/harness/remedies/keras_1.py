"""Layers as Keras 1 wrote them, written as Keras 2 would have.

The weights stay as they are: the HDF5 loaders of Keras 2 and of TensorFlow up to 2.15 convert those
of Keras 1 themselves, as long as the file says which Keras wrote it. (Source: keras/legacy/
interfaces.py and keras/legacy/layers.py of Keras 2.3.1.)
"""

from __future__ import annotations

from typing import Any

__all__ = ["as_keras_2"]

CLASSES = {
    "Convolution1D": "Conv1D",
    "Convolution2D": "Conv2D",
    "Convolution3D": "Conv3D",
    "AtrousConvolution1D": "Conv1D",
    "AtrousConvolution2D": "Conv2D",
    "SeparableConvolution2D": "SeparableConv2D",
    "Deconvolution2D": "Conv2DTranspose",
}
# The layer of Keras 2 for each mode of a Merge.
MERGES = {
    "sum": "Add",
    "mul": "Multiply",
    "ave": "Average",
    "max": "Maximum",
    "concat": "Concatenate",
}
# Only these have arguments of these names in Keras 2, too.
KEPT = {"Embedding": ("output_dim", "input_dim", "input_length")}
RENAMED = {
    "output_dim": "units",
    "init": "kernel_initializer",
    "inner_init": "recurrent_initializer",
    "inner_activation": "recurrent_activation",
    "W_regularizer": "kernel_regularizer",
    "U_regularizer": "recurrent_regularizer",
    "b_regularizer": "bias_regularizer",
    "W_constraint": "kernel_constraint",
    "b_constraint": "bias_constraint",
    "bias": "use_bias",
    "dropout_W": "dropout",
    "dropout_U": "recurrent_dropout",
    "p": "rate",
    "sigma": "stddev",
    "nb_filter": "filters",
    "filter_length": "kernel_size",
    "subsample": "strides",
    "subsample_length": "strides",
    "border_mode": "padding",
    "atrous_rate": "dilation_rate",
    "pool_length": "pool_size",
    "stride": "strides",
    "length": "size",
    "dim_ordering": "data_format",
    "beta_init": "beta_initializer",
    "gamma_init": "gamma_initializer",
    "input_dtype": "dtype",
}
RENAMED_IN = {
    "Embedding": {
        "init": "embeddings_initializer",
        "W_regularizer": "embeddings_regularizer",
        "W_constraint": "embeddings_constraint",
    },
    "PReLU": {"init": "alpha_initializer"},
}
# Sizes that are one argument for each dimension.
SIZES = (("nb_row", "nb_col"), ("kernel_dim1", "kernel_dim2", "kernel_dim3"))
# Arguments without an effect on what is computed, or which the others contain.
DROPPED = {"consume_less", "forget_bias_init", "input_dim", "input_length"}
DATA_FORMATS = {"tf": "channels_last", "th": "channels_first", "default": None}
INITIALIZERS = {
    "one": "ones",
    "zero": "zeros",
    "normal": "random_normal",
    "uniform": "random_uniform",
}
# Arguments that no layer of Keras 2 writes, except for those of `KEPT`.
MARKS = {*RENAMED, *(name for sizes in SIZES for name in sizes), "consume_less", "forget_bias_init"}


def as_keras_2(name: str, config: dict, *, is_known: bool) -> tuple | None:
    """Return the class and the config of a layer as Keras 2 writes it; None if Keras 1 did not.

    ``is_known`` says whether a class of this name is one of Keras's own: others have arguments of
    their own.
    """
    if name == "Merge" and config.get("mode") in MERGES:
        concat = config["mode"] == "concat"
        more = dict(axis=config.get("concat_axis", -1)) if concat else {}
        return MERGES[config["mode"]], dict(name=config.get("name"), **more)
    marks = (set(config) & MARKS) - set(KEPT.get(name, ()))
    if not marks or not (is_known or name in CLASSES):
        return None
    written: dict = {}
    for key, value in config.items():
        if key in KEPT.get(name, ()) or key not in DROPPED:
            written[_renamed(name, key)] = _value(key, value)
    for sizes in SIZES:
        if all(size in config for size in sizes):
            written["kernel_size"] = [written.pop(size) for size in sizes]
    _adapt(name, config, written)
    return CLASSES.get(name, name), written


def _adapt(name: str, config: dict, written: dict) -> None:
    """Change what is special about some layers."""
    if name == "LSTM":
        written["unit_forget_bias"] = config.get("forget_bias_init") == "one"
    elif name == "GRU":
        written["reset_after"] = False
    elif name == "BatchNormalization" and written.get("mode") == 0:
        del written["mode"]
    elif name == "Embedding":
        written.pop("dropout", None)
    elif name == "Deconvolution2D":
        written.pop("output_shape", None)


def _renamed(name: str, key: str) -> str:
    if key in KEPT.get(name, ()):
        return key
    return RENAMED_IN.get(name, {}).get(key, RENAMED.get(key, key))


def _value(key: str, value: Any) -> Any:
    if key == "dim_ordering":
        return DATA_FORMATS.get(value, value)
    if key in ("init", "inner_init", "beta_init", "gamma_init") and isinstance(value, str):
        return INITIALIZERS.get(value, value)
    if isinstance(value, dict) and "name" in value and "class_name" not in value:
        return _penalty(value)
    return value


def _penalty(value: dict) -> dict:
    """Return a regularizer or a constraint, which Keras 1 writes without a config."""
    config = {key: inner for key, inner in value.items() if key != "name"}
    if "m" in config:
        config["max_value"] = config.pop("m")
    name = "L1L2" if value["name"].endswith("Regularizer") else value["name"]
    return dict(class_name=name, config=config)
