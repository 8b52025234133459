"""Rules about the arguments of Keras's own classes. Each changes a config in place."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .rewrite_classes import OLDER_PLACE, KerasClass

if TYPE_CHECKING:
    from .writer import Writer

__all__ = ["apply"]

# Values that an argument may have without an effect: Keras writes them even if the program did not
# give them.
NEUTRAL: tuple = (
    None,
    False,
    0,
    0.0,
    1,
    True,
    "",
    [],
    {},
    "auto",
    "channels_last",
    "glorot_uniform",
)
# Layers whose dtype is `float32` in Keras 3, and which Keras 2 refuses with any other than `string`
# (measured: preprocessing_text as h5, tf2.21 to tf2.15).
TEXT_LAYERS = {"TextVectorization"}
SCHEDULES = "optimizers.schedules"
# Keys that every layer accepts, even if its constructor does not name them.
LAYER_KEYS = {"name", "trainable", "dtype"}
# Names of activations since Keras 3 or late in Keras 2, and earlier ones of the same functions.
OLDER_NAMES = {"silu": "swish"}
# Defaults that are names of functions, too: from HDF5, Keras 3.15 passes the function for the name
# (measured: Attention as h5, tf2.21 in itself).
LOOKED_UP = {"Attention": {"score_mode": "dot"}}
# Layers whose dtype is that of their inputs up to TensorFlow 2.5, later that of their outputs, and
# `float32` in Keras 3; the default is right in each (measured: StringLookup as h5 and keras, tf2.15
# and tf2.21 to tf2.4 and tf2.15).
LOOKUPS = {"StringLookup", "IntegerLookup"}
# Arguments with another name up to TensorFlow 2.5 (keras/layers/preprocessing of 2.4 and 2.6).
OLDER_ARGUMENTS = {
    "Discretization": {"bins": "bin_boundaries"},
    "CategoryEncoding": {"max_tokens": "num_tokens"},
    "IntegerLookup": {
        "max_values": "max_tokens", "mask_value": "mask_token", "oov_value": "oov_token",
    },
}  # fmt: skip
# A value with another name there; later releases of Keras 2 take both.
OLDER_MODES = {"multi_hot": "binary"}
MAX_LENGTH = 60  # of a value in a note


def apply(writer: Writer, kind: KerasClass, config: dict) -> None:
    """Change ``config`` to the arguments that the class has in the reader's Keras."""
    for rule in RULES:
        rule(writer, kind, config)


def _rename_input_shape(writer: Writer, kind: KerasClass, config: dict) -> None:
    if kind.name != "InputLayer":
        return
    names = ("batch_input_shape", "batch_shape")
    other, wanted = names if writer.to_keras_3 else reversed(names)
    if other in config:
        writer.note(f"renamed {other} to {wanted}")
        config[wanted] = config.pop(other)


def _leave_out_looked_up(writer: Writer, kind: KerasClass, config: dict) -> None:
    if not writer.to_keras_3 or writer.in_archive:
        return
    for key, default in LOOKED_UP.get(kind.name, {}).items():
        if config.get(key) == default:
            del config[key]
            writer.note(f"left out {key} ({default}), the default of {kind.name}")


def _rename_learning_rate(writer: Writer, kind: KerasClass, config: dict) -> None:
    del writer, kind
    if "lr" in config and "learning_rate" not in config:
        config["learning_rate"] = config.pop("lr")


def _leave_out_schedule_name(writer: Writer, kind: KerasClass, config: dict) -> None:
    """Leave out a name that is not set: Keras 3 does not train with it.

    (measured: Adam with ExponentialDecay as h5, tf2.4 and tf2.12 to tf2.21)
    """
    if kind.place == SCHEDULES and writer.to_keras_3 and config.get("name", "") is None:
        del config["name"]
        writer.note(f"left out the name (None) of {kind.name}")


def _set_text_dtype(writer: Writer, kind: KerasClass, config: dict) -> None:
    if kind.name in TEXT_LAYERS and not writer.to_keras_3:
        config["dtype"] = "string"


def _leave_out_lookup_dtype(writer: Writer, kind: KerasClass, config: dict) -> None:
    if kind.name in LOOKUPS and not (writer.from_keras_3 and writer.to_keras_3):
        config.pop("dtype", None)


def _rename_preprocessing(writer: Writer, kind: KerasClass, config: dict) -> None:
    """Write arguments of preprocessing layers by the names that the reader has."""
    names = OLDER_ARGUMENTS.get(kind.name)
    accepted = writer.reader.accepted(kind.type) if names else None
    if names is None or accepted is None:
        return
    is_older = kind.place.startswith(OLDER_PLACE) and bool(set(names) & accepted)
    for old, new in names.items():
        before, after = (new, old) if is_older else (old, new)
        if before in config and after in accepted:
            writer.note(f"renamed {before} to {after}")
            config[after] = config.pop(before)
    modes = OLDER_MODES if is_older else {old: new for new, old in OLDER_MODES.items()}
    if config.get("output_mode") in modes:
        config["output_mode"] = modes[config["output_mode"]]


def _normalize_all_alike(writer: Writer, kind: KerasClass, config: dict) -> None:
    """Write no axis where one mean and one variance are for all values.

    Keras 3.4 reshapes the numbers to the size of the axis (measured: Normalization as h5, tf2.21 to
    tf2.16).
    """
    numbers = (config.get("mean"), config.get("variance"))
    if kind.name != "Normalization" or not writer.to_keras_3 or config.get("axis") is None:
        return
    if all(isinstance(number, (int, float)) for number in numbers):
        writer.note("wrote no axis of a Normalization with one mean")
        config["axis"] = None


def _write_axis_as_number(writer: Writer, kind: KerasClass, config: dict) -> None:
    del kind
    axis = config.get("axis")
    if writer.to_keras_3 and isinstance(axis, list) and len(axis) == 1:
        writer.note("wrote an axis as a number")
        config["axis"] = axis[0]


def _replace_auto_reduction(writer: Writer, kind: KerasClass, config: dict) -> None:
    del kind
    if writer.to_keras_3 and config.get("reduction") == "auto":
        config["reduction"] = "sum_over_batch_size"


def _drop_wrapped_function(writer: Writer, kind: KerasClass, config: dict) -> None:
    """Drop the function that a loss or metric wraps, except for wrappers.

    A class with a name of its own knows its function (measured: compiled_objects as h5, tf2.15 to
    tf2.2).
    """
    del writer
    if kind.place in ("losses", "metrics") and not kind.name.endswith("Wrapper"):
        config.pop("fn", None)


def _refer_to_functions(writer: Writer, kind: KerasClass, config: dict) -> None:
    """Write a function that the caller passes as a reference, not by its name alone.

    Keras 3 takes its own function for a bare name (measured: hard_sigmoid as keras, tf2.15 to
    tf2.21).
    """
    del kind
    for key, value in config.items():
        is_handed_over = isinstance(value, str) and value in writer.functions
        if writer.to_keras_3 and key.endswith("activation") and is_handed_over:
            config[key] = dict(
                module=None, class_name="function", config=value, registered_name=value
            )


def _use_older_names(writer: Writer, kind: KerasClass, config: dict) -> None:
    """Write activations by the names that the reader knows."""
    del kind
    for key, value in config.items():
        older = OLDER_NAMES.get(value) if isinstance(value, str) else None
        if older and key.endswith("activation") and not writer.reader.has_activation(value):
            writer.note(f"wrote activation {value} as {older}")
            config[key] = older


def _add_backward_layer(writer: Writer, kind: KerasClass, config: dict) -> None:
    """Add the second layer of a Bidirectional whose first one goes backwards.

    Keras 2 turns the direction round for it, Keras 3 always makes one that goes backwards.
    """
    layer = config.get("layer")
    if kind.name != "Bidirectional" or not writer.to_keras_3 or not isinstance(layer, dict):
        return
    if config.get("backward_layer") is None and layer.get("config", {}).get("go_backwards"):
        writer.note("wrote down the second layer of a Bidirectional")
        name = f"backward_{layer['config'].get('name')}"
        second = dict(layer["config"], go_backwards=False, name=name)
        config["backward_layer"] = dict(layer, config=second)


def _drop_unknown(writer: Writer, kind: KerasClass, config: dict) -> None:
    """Drop the arguments that the class does not accept."""
    accepted = writer.reader.accepted(kind.type)
    if accepted is None:
        return
    always = LAYER_KEYS if kind.place.startswith("layers") else set()
    if writer.to_keras_3:
        # Some layers of Keras 3 refuse it (measured: SpatialDropout1D and Discretization as h5,
        # tf2.15 to tf2.21).
        always = always - {"trainable"}
    for key in [key for key in config if key not in accepted | always]:
        value = config.pop(key)
        if key in ("batch_input_shape", "input_shape"):
            continue  # the wiring has it, too
        change = f"left out {key} ({_shortened(value)}) of {kind.name}"
        writer.note(change if value in NEUTRAL else f"{change}, which was not a default")


def _add_demanded(writer: Writer, kind: KerasClass, config: dict) -> None:
    """Add the arguments that the class demands.

    Only for layers: the keys that the source of a metric mentions are for its base class (measured:
    compiled_objects as h5, tf2.15 to tf2.2).
    """
    if not kind.place.startswith("layers"):
        return
    for key in writer.reader.demanded(kind.type) - set(config):
        writer.note(f"added {key} (None) to {kind.name}")
        config[key] = None


# In this order: an argument must have its new name before unknown ones are dropped.
RULES = (
    _leave_out_looked_up,
    _rename_input_shape,
    _rename_learning_rate,
    _leave_out_schedule_name,
    _set_text_dtype,
    _leave_out_lookup_dtype,
    _rename_preprocessing,
    _normalize_all_alike,
    _write_axis_as_number,
    _replace_auto_reduction,
    _drop_wrapped_function,
    _refer_to_functions,
    _use_older_names,
    _add_backward_layer,
    _drop_unknown,
    _add_demanded,
)


def _shortened(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= MAX_LENGTH else f"{text[: MAX_LENGTH - 1]}…"
