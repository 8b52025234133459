"""Rules about the training configuration: optimizer, losses and metrics."""

from __future__ import annotations

from typing import Any

from .writer import Writer, bare_name

__all__ = ["write_training"]

# Short names of losses and metrics that Keras 3's loaders do not find, as functions that they do
# (measured: compiled_strings as h5, tf2.15 to tf2.21).
FULL_NAMES = {
    "mse": "mean_squared_error",
    "MSE": "mean_squared_error",
    "mae": "mean_absolute_error",
    "MAE": "mean_absolute_error",
    "mape": "mean_absolute_percentage_error",
    "MAPE": "mean_absolute_percentage_error",
    "msle": "mean_squared_logarithmic_error",
    "MSLE": "mean_squared_logarithmic_error",
    "kld": "kl_divergence",
    "KLD": "kl_divergence",
}
# TensorFlow 2.11 to 2.15 write the optimizers of their generation under this package, and take a
# bare name for one of the generation before (measured: compiled_strings as h5, tf2.21 to tf2.15).
PACKAGE = "Custom>"
NEW_OPTIMIZER_ARGUMENT = "weight_decay"  # which the generation before lacks
TRAINING_KEYS = ("loss", "metrics", "weighted_metrics", "loss_weights", "sample_weight_mode")
WRAPPERS = ("MeanMetricWrapper", "LossFunctionWrapper")


def write_training(writer: Writer, stored: dict) -> dict:
    """Return the arguments of ``compile`` as the reader's Keras stores them."""
    writer = writer.for_training()
    optimizer_key = "optimizer_config" if "optimizer_config" in stored else "optimizer"
    if not writer.to_keras_3 and optimizer_key == "optimizer_config":
        # Loaders up to TensorFlow 2.2 fail where one is missing (measured: tf2.21 to tf2.2).
        stored = dict(dict.fromkeys(TRAINING_KEYS), **stored)
    written = {}
    for key, value in stored.items():
        if key == optimizer_key and isinstance(value, dict):
            written[key] = _write_optimizer(writer, value)
        elif key in ("loss", "metrics", "weighted_metrics"):
            written[key] = _write_functions(writer, value, "losses" if key == "loss" else "metrics")
        elif writer.to_keras_3 and value is None and key not in TRAINING_KEYS:
            # The argument's default is not None: `predict` of Keras 3 compares the number of
            # steps_per_execution, which Keras 2 stores as null (measured: keras, tf2.15 to tf2.21).
            continue
        elif not writer.to_keras_3 or value or key in writer.reader.compile_names():
            written[key] = value
    return written


def _write_optimizer(writer: Writer, entry: dict) -> dict:
    """Return an optimizer under the name by which the reader finds its own generation."""
    name = bare_name(entry["class_name"])
    written: dict = writer.write(dict(entry, class_name=name))
    # Without an argument the optimizer uses the default; older ones take None for a value.
    written["config"] = {
        key: value for key, value in written["config"].items() if value is not None
    }
    match = writer.reader.find(name)
    if writer.to_keras_3 or match is None or writer.in_archive:
        return written
    if NEW_OPTIMIZER_ARGUMENT in (writer.reader.accepted(match[0]) or ()):
        written["class_name"] = PACKAGE + name
    if written["class_name"] != entry["class_name"]:
        writer.note(f"renamed optimizer {entry['class_name']} to {written['class_name']}")
    return written


def _write_functions(writer: Writer, value: Any, place: str) -> Any:
    """Return losses or metrics, in any nesting of lists and of dictionaries by output."""
    if isinstance(value, list):
        return [_write_functions(writer, member, place) for member in value]
    if isinstance(value, dict):
        if value.get("class_name") in WRAPPERS:
            wrapped = value["config"].get("fn", value["config"].get("name"))
            return _write_functions(writer, wrapped, place)
        if "class_name" in value:
            # Losses and metrics share names, and HDF5 of Keras 2 has no module.
            return writer.write(dict(dict(module=f"keras.{place}"), **value))
        return {key: _write_functions(writer, member, place) for key, member in value.items()}
    if writer.to_keras_3 and value in FULL_NAMES:
        writer.note(f"wrote {value} as {FULL_NAMES[value]}")
        return FULL_NAMES[value]
    return value
