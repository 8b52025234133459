"""The function of a Lambda layer, between the ways in which Keras 2 and 3 write it down.

Keras 2 has the bytecode as a list beside a ``function_type``, Keras 3 an object ``__lambda__``
(keras/layers/core/lambda_layer.py of 2.15, keras/src/saving/serialization_lib.py of 3.15; measured:
lambda_closure as h5, tf2.15 to tf2.16 and tf2.16 to tf2.12). Bytecode stays what it is: only the
same minor release of Python reads it.
"""

from __future__ import annotations

from typing import Any

__all__ = ["to_newer", "to_older"]

PARTS = ("function", "output_shape", "mask")
CODE = ("code", "defaults", "closure")


def to_newer(config: dict) -> dict:
    """Return the config of a Lambda layer as Keras 3 writes it."""
    made = dict(config)
    for part in PARTS:
        made.pop("module" if part == "function" else f"{part}_module", None)
        kind = made.pop(f"{part}_type", None)
        value = made.get(part)
        if kind == "lambda" and isinstance(value, list) and len(value) == len(CODE):
            made[part] = dict(class_name="__lambda__", config=dict(zip(CODE, value)))
        elif kind == "function" and isinstance(value, str):
            made[part] = dict(
                module="builtins", class_name="function", config=value, registered_name="function"
            )
    return made


def to_older(config: dict) -> dict:
    """Return the config of a Lambda layer as Keras 2 writes it."""
    made = dict(config)
    for part in PARTS:
        if part not in made and part == "mask":
            continue  # the others Keras 2 cannot do without
        value: Any = made.setdefault(part, None)
        kind = "raw"
        if isinstance(value, dict) and value.get("class_name") == "__lambda__":
            kind = "lambda"
            made[part] = [value["config"].get(each) for each in CODE]
        elif isinstance(value, dict) and value.get("class_name") == "function":
            kind = "function"
            made[part] = value.get("config")
        elif part == "function" and isinstance(value, str):
            kind = "function"
        elif isinstance(value, list) and part == "function":
            kind = "lambda"
        made.setdefault(f"{part}_type", kind)
        made.setdefault("module" if part == "function" else f"{part}_module", None)
    return made
