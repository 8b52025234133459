"""The function of a Lambda layer, as Keras 2 and as Keras 3 write it.

Keras 2 writes the bytecode as a list and a ``function_type``, Keras 3 an object ``__lambda__``
(keras/layers/core/lambda_layer.py of 2.15, keras/src/saving/serialization_lib.py of 3.15; measured:
lambda_closure as h5, tf2.15 to tf2.16 and tf2.16 to tf2.12). The bytecode itself stays as it is:
only the same minor release of Python can run it, unless `translated` compiles it again.
"""

from __future__ import annotations

import base64
import binascii
import importlib
import marshal
import re
from typing import Any

from . import bytecode

__all__ = ["of_source", "to_keras_2", "to_keras_3", "translated", "with_translated"]

PARTS = ("function", "output_shape", "mask")
CODE = ("code", "defaults", "closure")
# The usual names of modules in programs; a Lambda is stored without its imports.
MODULES = {
    "tf": "import tensorflow as tf",
    "K": "from tensorflow.keras import backend as K",
    "keras": "from tensorflow import keras",
    "np": "import numpy as np",
    "numpy": "import numpy",
    "math": "import math",
    "tensorflow": "import tensorflow",
}
TENSORFLOW = "import tensorflow as tf"
# TensorFlow 2 keeps there what it moved or dropped (`tf.space_to_depth`).
TENSORFLOW_1 = "import tensorflow.compat.v1 as tf"
MEMBERS = re.compile(r"\btf((?:\.\w+)+)")


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


def translated(config: dict) -> tuple:
    """Return the config of a Lambda with bytecode of this Python, and the source of each function.

    Other code stays as it is, except for that of an output shape: Keras infers it.
    """
    written: dict = dict(config)
    sources: list = []
    for part in PARTS:
        value: Any = config.get(part)
        is_object = isinstance(value, dict) and value.get("class_name") == "__lambda__"
        stored: Any = [value["config"].get(key) for key in CODE] if is_object else value
        if not _is_code(stored):
            continue
        try:
            source = bytecode.translate(_bytes_of(stored[0]), stored[2])
        except bytecode.Untranslatable:
            if part == "output_shape" and sources:
                written.update({"output_shape": None, "output_shape_type": "raw"})
            continue
        text = _text(source)
        sources.append(text)
        # No closure: `bytecode.translate` writes its values into the text.
        compiled = [_compile(text), stored[1], None]
        written[part] = dict(value, config=dict(zip(CODE, compiled))) if is_object else compiled
    return written, sources


def with_translated(value: Any) -> tuple:
    """Return a config with every Lambda in it as by `translated`, and the sources."""
    if isinstance(value, list):
        members = [with_translated(member) for member in value]
        return [member for member, _ in members], [text for _, texts in members for text in texts]
    if not isinstance(value, dict):
        return value, []
    if value.get("class_name") == "Lambda" and isinstance(value.get("config"), dict):
        config, sources = translated(value["config"])
        return dict(value, config=config), sources
    pairs = {key: with_translated(member) for key, member in value.items()}
    sources = [text for _, texts in pairs.values() for text in texts]
    return {key: member for key, (member, _) in pairs.items()}, sources


def of_source(text: str, name: str) -> dict:
    """Return the config of a Lambda around the function that ``text`` defines, as in Keras 2."""
    config: dict = dict(name=name, trainable=True, dtype="float32", arguments={})
    for part in PARTS[:2]:
        config[part] = None
        config[f"{part}_type"] = "raw"
    config.update(function=[_compile(text), None, None], function_type="lambda", module=None)
    return dict(config, output_shape_module=None)


def _is_code(value: Any) -> bool:
    return isinstance(value, list) and len(value) == len(CODE) and isinstance(value[0], str)


def _bytes_of(code: str) -> bytes:
    """Return the marshalled code: in base64, or up to Keras 2.0 as it is."""
    try:
        return base64.b64decode("".join(code.split()), validate=True)
    except (binascii.Error, ValueError):
        return code.encode("raw_unicode_escape")


def _text(source: bytecode.Source) -> str:
    """Return a definition of the function, with the imports that it needs within it."""
    lines = [line for name, line in MODULES.items() if name in source.names] + list(source.lines)
    members = MEMBERS.findall(" ".join(source.lines))
    if (
        members
        and not _has_all("tensorflow", members)
        and _has_all("tensorflow.compat.v1", members)
    ):
        lines = [TENSORFLOW_1 if line == TENSORFLOW else line for line in lines]
    body = "".join(f"    {line}\n" for line in lines)
    return f"def function({', '.join(source.arguments)}):\n{body}"


def _has_all(module: str, members: list) -> bool:
    for path in members:
        holder: Any = importlib.import_module(module)
        for name in path.split(".")[1:]:
            holder = getattr(holder, name, None)
        if holder is None:
            return False
    return True


def _compile(text: str) -> str:
    names: dict = {}
    exec(compile(text, "<Lambda>", "exec"), names)
    code = names["function"].__code__
    if hasattr(code, "replace"):  # since Python 3.8, before which there is no Keras 3
        # Keras 3 saves the code of a function only under this name; of others it saves the name
        # (keras/src/layers/core/lambda_layer.py of 3.15).
        code = code.replace(co_name="<lambda>")
    return base64.encodebytes(marshal.dumps(code)).decode("ascii")
