"""The classes of the Keras at hand and their arguments, read from Keras itself, not from a table.

The arguments of a class are those of its constructor and of its bases, as far as ``**kwargs``
passes them on. The keys that its ``from_config`` reads from a config, or demands, are in its
source.
"""

from __future__ import annotations

import importlib
import inspect
import re
from typing import Any

from .. import formats

__all__ = ["Reader"]

# The modules that are searched for classes, by their names in a config (Keras 3's public names).
PLACES = (
    "layers", "initializers", "regularizers", "constraints", "optimizers", "optimizers.schedules",
    "optimizers.legacy", "losses", "metrics", "layers.experimental.preprocessing",
    "layers.experimental",
)  # fmt: skip
# The keyword arguments of Keras 2's Layer (keras/engine/base_layer.py, `allowed_kwargs`).
LAYER_KEYWORDS = {
    "input_dim", "input_shape", "batch_input_shape", "batch_size", "weights",
    "activity_regularizer", "autocast", "implementation",
}  # fmt: skip
# Keys that its Lambda reads from a config by composed names (lambda_layer.py,
# `_parse_function_from_config`).
LAMBDA_KEYS = {
    "module", "function_type", "output_shape_module", "output_shape_type", "mask_module",
    "mask_type",
}  # fmt: skip
# The keyword arguments of Keras 2's optimizers (optimizer_v2.py, `allowed_kwargs`).
OPTIMIZER_KEYWORDS = {"clipnorm", "clipvalue", "lr", "decay"}
READ = re.compile(r"""config\s*\.\s*(?:pop|get)\(\s*["'](\w+)["']|config\[["'](\w+)["']\]""")
# `from_config` does not demand a key for which it tests first (measured: compiled_objects as h5,
# tf2.15 to tf2.2, whose metrics read `fn` only if it is there).
TESTED = re.compile(r"""["'](\w+)["']\s+in\s+config""")
# Keys that a constructor reads from its `**kwargs` (LayerNormalization of 3.9 and later:
# `rms_scaling`; CategoryEncoding of 2.6 and later: `max_tokens`).
POPPED = re.compile(r"""kwargs\s*(?:\.\s*(?:pop|get)\(\s*|\[\s*)["'](\w+)["']""")
# Constructors that refuse arguments that they do not know (`_process_kwargs`: optimizers of 2.11 to
# 2.15).
PASSED_ON = re.compile(r"\*\*kwargs|if kwargs|validate_kwargs|_process_kwargs")
DEMANDED = re.compile(r"""config\s*\.\s*pop\(\s*["'](\w+)["']\s*\)""")


class Reader:
    """The Keras that reads a file."""

    def __init__(self, keras: Any) -> None:
        self.major = int(formats.keras_version(keras).split(".")[0])
        # Whether a program can register its own classes.
        self.registers = hasattr(keras.utils, "register_keras_serializable")
        # Whether it has layers around any function of TensorFlow (since 2.4, and not in Keras 3).
        self.has_operations = self.major < formats.KERAS_3 and _has_operators()
        self._keras = keras

    def find(self, name: str, where: str = "") -> tuple | None:
        """Return Keras's class called ``name`` and its module, or None.

        ``where`` is the module that is searched first: losses and metrics share names.
        """
        # `tf.keras` of Keras 3 has classes of Keras 2, too, which no loader accepts (measured:
        # ThresholdedReLU and RandomHeight as h5, tf2.15 to tf2.21).
        is_newer = self.major >= formats.KERAS_3
        root = importlib.import_module("keras") if is_newer else self._keras
        for place in sorted(PLACES, key=lambda place: place != where):
            holder: Any = root
            for part in place.split("."):
                holder = getattr(holder, part, None)
            kind = getattr(holder, name, None)
            if inspect.isclass(kind):
                return kind, place
        return None

    def accepted(self, kind: type) -> set | None:
        """Return the keys that a config for ``kind`` may have; None if it accepts all."""
        names = set(self._keys_in_source(kind, READ))
        open_end = False  # a class without a constructor has no arguments
        for base in kind.__mro__:
            init = base.__dict__.get("__init__")
            if init is None or base is object:
                continue
            parameters = _parameters(init)
            names |= {
                parameter.name
                for parameter in parameters
                if parameter.kind not in (parameter.VAR_KEYWORD, parameter.VAR_POSITIONAL)
            }
            open_end = any(parameter.kind is parameter.VAR_KEYWORD for parameter in parameters)
            if not open_end:
                break
            body = _source(init).split("):", 1)[-1]
            names |= set(POPPED.findall(body))
            if self._is_base(base):
                break
            # InputLayer of Keras 3.4 accepts any argument and ignores it (measured:
            # baseline_sequential as h5, tf2.15 to tf2.16).
            if body and not PASSED_ON.search(body):
                return None
        names.discard("self")
        if kind.__name__ == "Lambda" and self.major < formats.KERAS_3:
            names |= LAMBDA_KEYS
        if self._is(kind, "layers", "Layer"):
            names |= LAYER_KEYWORDS if self.major < formats.KERAS_3 else set()
        elif self._is(kind, "optimizers", "Optimizer"):
            names |= OPTIMIZER_KEYWORDS if self.major < formats.KERAS_3 else set()
        elif open_end:
            return None
        return names

    def has_activation(self, name: str) -> bool:
        """Whether an activation is known by this name."""
        return hasattr(self._keras.activations, name)

    def demanded(self, kind: type) -> set:
        """Return the keys that a config for ``kind`` must have; the value may be None."""
        return set(self._keys_in_source(kind, DEMANDED)) - set(self._keys_in_source(kind, TESTED))

    def call_names(self, kind: type) -> list | None:
        """Return the names of the arguments of a layer's ``call``; None if it accepts all."""
        parameters = _parameters(getattr(kind, "call", None))
        if not parameters or any(
            parameter.kind is parameter.VAR_KEYWORD for parameter in parameters
        ):
            return None
        return [parameter.name for parameter in parameters if parameter.name != "self"]

    def compile_names(self) -> set:
        """Return the names of the arguments of a model's ``compile``."""
        return {parameter.name for parameter in _parameters(self._keras.Model.compile)}

    def deserialize(self, config: dict, custom_objects: dict) -> Any:
        """Return the layer that ``config`` describes.

        Raises:
            Exception: the error of this Keras.
        """
        with self._keras.utils.custom_object_scope(custom_objects):
            if self.major >= formats.KERAS_3 and "module" in config:
                # Operations are not layers, but may be among them. (`tf.keras` has no `saving` in
                # Keras 3: measured with tf2.21.)
                return importlib.import_module("keras").saving.deserialize_keras_object(config)
            if self.major >= formats.KERAS_3:
                return self._deserialize_keras_2(config, custom_objects)
            make = self._keras.layers.deserialize
            older = any(parameter.name == "use_legacy_format" for parameter in _parameters(make))
            # HDF5's loader has no safe mode (measured: lambda_closure as h5, tf2.15).
            return make(config, use_legacy_format=True) if older else make(config)

    def deserialize_training(self, place: str, entry: Any, custom_objects: dict) -> Any:
        """Return a loss, metric or optimizer; ``place`` is ``losses``, ``metrics``, ``optimizers``.

        Raises:
            Exception: the error of this Keras.
        """
        with self._keras.utils.custom_object_scope(custom_objects):
            return getattr(self._keras, place).deserialize(entry)

    def _deserialize_keras_2(self, entry: dict, custom_objects: dict) -> Any:
        """Create a layer from Keras 2's form, like Keras 3 does when it loads HDF5.

        Its loader converts an input's shape first, and in later releases more. It is called if this
        release has it (keras/src/legacy/saving/saving_utils.py).
        """
        try:
            loader = importlib.import_module("keras.src.legacy.saving.saving_utils")
        except ImportError:
            loader = None
        if loader is not None:
            return loader.model_from_config(entry, custom_objects=custom_objects)
        name = str(entry["class_name"])
        match = self.find(name)
        kind = custom_objects.get(name) or (match[0] if match else None)
        if kind is None:
            raise ValueError(f"Unknown layer: '{name}'")
        config = dict(entry["config"])
        shape = config.pop("batch_input_shape", None)
        if shape is not None and name == "InputLayer":
            config["batch_shape"] = shape
        return kind.from_config(config)

    def _keys_in_source(self, kind: type, pattern: Any) -> list:
        """Return the keys in the source of a class's ``from_config`` that match ``pattern``."""
        source = _source(getattr(kind, "from_config", None))
        return [name for match in pattern.findall(source) for name in _groups(match) if name]

    def _is_base(self, kind: type) -> bool:
        return kind is getattr(self._keras.layers, "Layer", None)

    def _is(self, kind: type, place: str, name: str) -> bool:
        base = getattr(getattr(self._keras, place, None), name, None)
        return inspect.isclass(base) and issubclass(kind, base)


def _has_operators() -> bool:
    import tensorflow as tf

    return hasattr(tf, "__operators__")


def _groups(match: Any) -> tuple:
    return match if isinstance(match, tuple) else (match,)


def _source(function: Any) -> str:
    try:
        return inspect.getsource(function)
    except (OSError, TypeError):
        return ""


def _parameters(function: Any) -> list:
    try:
        return list(inspect.signature(function).parameters.values())
    except (TypeError, ValueError):
        return []
