"""Rules about objects that are values of a config: dtype policies, tuples, functions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from .writer import Writer

__all__ = ["RULES", "write_function"]


class Rule(NamedTuple):
    """How values of one class are written, where the rule applies."""

    applies: Any
    write: Any


def write_function(writer: Writer, entry: dict) -> Any:
    """Return a reference to a function: in Keras 2 its name."""
    config = entry.get("config")
    is_function = entry.get("class_name") == "function" and isinstance(config, str)
    if writer.to_keras_3 or not is_function:
        return entry
    # Keras 2.13 and later write `function` for one that is not registered.
    registered = entry.get("registered_name")
    return registered if registered not in (None, "function") else config


def _has_config(writer: Writer, value: dict) -> bool:
    del writer
    return isinstance(value.get("config"), dict)


def _write_policy(writer: Writer, value: dict) -> Any:
    """Return a dtype policy: its name, except for mixed ones in Keras 2.

    Up to TensorFlow 2.4 a layer takes the name for that of a dtype (measured: mixed_precision as
    h5, tf2.15 to tf2.4).
    """
    name = value["config"].get("name")
    if writer.to_keras_3 or not str(name).startswith("mixed_"):
        writer.note("wrote dtype policies by their names")
        return name
    entry: dict = dict(class_name="Policy", config={"name": name})
    if writer.in_archive:
        entry.update(module="keras.mixed_precision", registered_name=None)
    return entry


def _is_tuple_for_keras_2(writer: Writer, value: dict) -> bool:
    return not writer.to_keras_3 and (value["class_name"] == "__tuple__" or "items" in value)


def _write_tuple(writer: Writer, value: dict) -> Any:
    """Return a tuple as a list: Keras 2 has no other way."""
    return writer.write_value(value["items"] if "items" in value else value.get("config"))


POLICY = Rule(_has_config, _write_policy)
TUPLE = Rule(_is_tuple_for_keras_2, _write_tuple)
RULES = {
    "DTypePolicy": POLICY,
    "Policy": POLICY,
    "PolicyV1": POLICY,
    "__tuple__": TUPLE,
    "TensorShape": TUPLE,
}
