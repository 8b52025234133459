"""What the Keras at hand has and accepts, asked of itself: no table of versions could keep up.

A class's arguments are those of its constructor and of its bases', as far as ``**kwargs`` hands
them on; what its ``from_config`` takes out of a config, or cannot do without, stands in its source.
"""

from __future__ import annotations

import importlib
import inspect
import re
from typing import Any

from .. import formats

__all__ = ["Reader"]

# Where classes are looked for, and what a config calls the place (Keras 3's public names).
PLACES = (
    "layers", "initializers", "regularizers", "constraints", "optimizers", "optimizers.schedules",
    "optimizers.legacy", "losses", "metrics", "layers.experimental.preprocessing",
)  # fmt: skip
# What Keras 2's Layer takes through `**kwargs` (keras/engine/base_layer.py, `allowed_kwargs`).
LAYER_KEYWORDS = {
    "input_dim", "input_shape", "batch_input_shape", "batch_size", "weights",
    "activity_regularizer", "autocast", "implementation",
}  # fmt: skip
# What its Lambda takes out of a config by names that it puts together (lambda_layer.py,
# `_parse_function_from_config`).
LAMBDA_KEYS = {
    "module", "function_type", "output_shape_module", "output_shape_type", "mask_module",
    "mask_type",
}  # fmt: skip
# What Keras 2's optimizers take in the same way (optimizer_v2.py, `allowed_kwargs`).
OPTIMIZER_KEYWORDS = {"clipnorm", "clipvalue", "lr", "decay"}
TAKEN = re.compile(r"""config\s*\.\s*(?:pop|get)\(\s*["'](\w+)["']|config\[["'](\w+)["']\]""")
# What it looks for before it takes it is not demanded (measured: compiled_objects as h5, tf2.15 to
# tf2.2, whose metrics take `fn` only if it is there).
LOOKED_FOR = re.compile(r"""["'](\w+)["']\s+in\s+config""")
# What a constructor takes out of what it is handed beyond its arguments (LayerNormalization of 3.9
# and later: `rms_scaling`).
POPPED = re.compile(r"""kwargs\s*\.\s*(?:pop|get)\(\s*["'](\w+)["']""")
HANDED_ON = re.compile(r"\*\*kwargs|if kwargs|validate_kwargs")
DEMANDED = re.compile(r"""config\s*\.\s*pop\(\s*["'](\w+)["']\s*\)""")


class Reader:
    """The Keras that is to read a file."""

    def __init__(self, keras: Any) -> None:
        self.major = int(formats.keras_version(keras).split(".")[0])
        # Whether classes of a program's own can be registered under a name.
        self.registers = hasattr(keras.utils, "register_keras_serializable")
        self._keras = keras

    def find(self, name: str, where: str = "") -> tuple | None:
        """Return the class called ``name`` and the place it is in, or None: it is not Keras's.

        ``where`` is the place to look at first: losses and metrics share names.
        """
        for place in sorted(PLACES, key=lambda each: each != where):
            holder: Any = self._keras
            for part in place.split("."):
                holder = getattr(holder, part, None)
            found = getattr(holder, name, None)
            if inspect.isclass(found):
                return found, place
        return None

    def accepted(self, kind: type) -> set | None:
        """Return the keys that a config for ``kind`` may have; None where anything goes."""
        names = set(self._taken(kind, TAKEN))
        open_end = False  # a class without any constructor takes nothing
        for base in kind.__mro__:
            init = base.__dict__.get("__init__")
            if init is None or base is object:
                continue
            parameters = _parameters(init)
            names |= {
                each.name
                for each in parameters
                if each.kind not in (each.VAR_KEYWORD, each.VAR_POSITIONAL)
            }
            open_end = any(each.kind is each.VAR_KEYWORD for each in parameters)
            if not open_end:
                break
            body = _source(init).split("):", 1)[-1]
            names |= set(POPPED.findall(body))
            if self._is_base(base):
                break
            # InputLayer of Keras 3.4 takes anything, and neither hands it on nor refuses it
            # (measured: baseline_sequential as h5, tf2.15 to tf2.16).
            if body and not HANDED_ON.search(body):
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

    def demanded(self, kind: type) -> set:
        """Return the keys that a config for ``kind`` must have, were they null."""
        return set(self._taken(kind, DEMANDED)) - set(self._taken(kind, LOOKED_FOR))

    def call_names(self, kind: type) -> list | None:
        """Return the names of the arguments of a layer's ``call``; None where anything goes."""
        parameters = _parameters(getattr(kind, "call", None))
        if not parameters or any(each.kind is each.VAR_KEYWORD for each in parameters):
            return None
        return [each.name for each in parameters if each.name != "self"]

    def compile_names(self) -> set:
        """Return the names of the arguments of a model's ``compile``."""
        return {each.name for each in _parameters(self._keras.Model.compile)}

    def deserialize(self, config: dict, custom_objects: dict) -> Any:
        """Return the layer that ``config`` describes.

        Raises:
            Exception: whatever this Keras raises about it.
        """
        with self._keras.utils.custom_object_scope(custom_objects):
            if self.major >= formats.KERAS_3 and "module" in config:
                # Operations are no layers, but stand among them. (TensorFlow's own face of Keras 3
                # has no `saving`: measured with tf2.21.)
                return importlib.import_module("keras").saving.deserialize_keras_object(config)
            if self.major >= formats.KERAS_3:
                return self._deserialize_older(config, custom_objects)
            make = self._keras.layers.deserialize
            older = any(each.name == "use_legacy_format" for each in _parameters(make))
            # HDF5's loader knows no safe mode (measured: lambda_closure as h5, tf2.15).
            return make(config, use_legacy_format=True) if older else make(config)

    def deserialize_training(self, place: str, told: Any, custom_objects: dict) -> Any:
        """Return a loss, metric or optimizer; ``place`` is ``losses``, ``metrics``, ``optimizers``.

        Raises:
            Exception: whatever this Keras raises about it.
        """
        with self._keras.utils.custom_object_scope(custom_objects):
            return getattr(self._keras, place).deserialize(told)

    def _deserialize_older(self, told: dict, custom_objects: dict) -> Any:
        """Make a layer as Keras 3 does when it loads HDF5 in Keras 2's form.

        Its loader moves an input's shape out of the way first, and later releases mend more; it is
        asked itself where it is found (keras/src/legacy/saving/saving_utils.py).
        """
        try:
            loader = importlib.import_module("keras.src.legacy.saving.saving_utils")
        except ImportError:
            loader = None
        if loader is not None:
            return loader.model_from_config(told, custom_objects=custom_objects)
        name = str(told["class_name"])
        found = self.find(name)
        kind = custom_objects.get(name) or (found[0] if found else None)
        if kind is None:
            raise ValueError(f"Unknown layer: '{name}'")
        config = dict(told["config"])
        shape = config.pop("batch_input_shape", None)
        if shape is not None and name == "InputLayer":
            config["batch_shape"] = shape
        return kind.from_config(config)

    def _taken(self, kind: type, pattern: Any) -> list:
        """Return the keys that a ``from_config`` of its own mentions."""
        source = _source(getattr(kind, "from_config", None))
        return [name for match in pattern.findall(source) for name in _groups(match) if name]

    def _is_base(self, kind: type) -> bool:
        return kind is getattr(self._keras.layers, "Layer", None)

    def _is(self, kind: type, place: str, name: str) -> bool:
        base = getattr(getattr(self._keras, place, None), name, None)
        return inspect.isclass(base) and issubclass(kind, base)


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
