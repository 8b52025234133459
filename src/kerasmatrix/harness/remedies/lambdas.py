"""The function of a Lambda layer, as Keras 2 and as Keras 3 write it.

Keras 2 writes the bytecode as a list and a ``function_type``, Keras 3 an object ``__lambda__``
(keras/layers/core/lambda_layer.py of 2.15, keras/src/saving/serialization_lib.py of 3.15; measured:
lambda_closure as h5, tf2.15 to tf2.16 and tf2.16 to tf2.12). The bytecode itself stays as it is:
only the same minor release of Python can run it.
"""

from __future__ import annotations

from typing import Any

__all__ = ["to_keras_2", "to_keras_3"]

PARTS = ("function", "output_shape", "mask")
CODE = ("code", "defaults", "closure")


def to_keras_3(config: dict) -> dict:
    """Return the config of a Lambda layer as Keras 3 writes it."""
    written = dict(config)
    for part in PARTS:
        written.pop("module" if part == "function" else f"{part}_module", None)
        kind = written.pop(f"{part}_type", None)
        value = written.get(part)
        if kind == "lambda" and isinstance(value, list) and len(value) == len(CODE):
            written[part] = dict(class_name="__lambda__", config=dict(zip(CODE, value)))
        elif kind == "function" and isinstance(value, str):
            written[part] = dict(
                module="builtins", class_name="function", config=value, registered_name="function"
            )
    return written


def to_keras_2(config: dict) -> dict:
    """Return the config of a Lambda layer as Keras 2 writes it."""
    written = dict(config)
    for part in PARTS:
        if part not in written and part == "mask":
            continue  # Keras 2 demands the others
        value: Any = written.setdefault(part, None)
        kind = "raw"
        if isinstance(value, dict) and value.get("class_name") == "__lambda__":
            kind = "lambda"
            written[part] = [value["config"].get(key) for key in CODE]
        elif isinstance(value, dict) and value.get("class_name") == "function":
            kind = "function"
            written[part] = value.get("config")
        elif part == "function" and isinstance(value, str):
            kind = "function"
        elif isinstance(value, list) and part == "function":
            kind = "lambda"
        written.setdefault(f"{part}_type", kind)
        written.setdefault("module" if part == "function" else f"{part}_module", None)
    return written
