"""Writes objects of a stored architecture as the Keras at hand would have written them."""

from __future__ import annotations

import copy
from typing import Any

from .. import formats
from . import (
    keras_1,
    lambdas,
    operations,
    rewrite_arguments,
    rewrite_classes,
    rewrite_models,
    rewrite_values,
)
from .architecture import Stored, is_from_keras_3

__all__ = ["VALUES", "Writer"]

# Layers that the loader of HDF5 in Keras 2 does not know (measured: h5, tf2.21 to tf2.15).
UNLISTED = {"SpectralNormalization"}

# Names in a config that look like classes of layers and are values.
TENSOR = "__keras_tensor__"
VALUES = {TENSOR, *rewrite_values.RULES}


class Writer:
    """Writes for one reader, and notes the changes.

    Rules (the functions of the ``rewrite_`` modules) ask it for the two dialects, and let it write
    the objects within theirs.

    Attributes:
        reader: the Keras that is to read the architecture (see `classes.Reader`).
        functions: names for which the caller passes functions in place of Keras's own.
        to_keras_3: whether the reader is Keras 3.
        from_keras_3: whether Keras 3 wrote the architecture.
        in_archive: whether it is in an archive, and not in HDF5.
        writes_modules: whether an object of Keras is written with its module.
        experimental: classes that the reader has and does not find by their names.
        changes: what was changed, in short sentences.
    """

    def __init__(self, stored: Stored, reader: Any, functions: Any) -> None:
        self.reader = reader
        self.functions = functions
        self.to_keras_3 = reader.major >= formats.KERAS_3
        self.from_keras_3 = is_from_keras_3(stored)
        self.in_archive = stored.archive
        self.changes: list = []
        self.writes_modules = self.to_keras_3
        self.experimental: dict = {}

    def for_training(self) -> Writer:
        """Return a writer for the training configuration, with the same list of changes.

        Keras 2 finds layers by their names, but not the losses and metrics of an archive (measured:
        compiled_objects as keras, tf2.21 to tf2.15).
        """
        writer = copy.copy(self)
        writer.writes_modules = self.to_keras_3 or self.in_archive
        return writer

    def note(self, change: str) -> None:
        """Add to `changes`, once."""
        if change not in self.changes:
            self.changes.append(change)

    def write(self, entry: dict) -> Any:
        """Return a serialized object: a layer, a model, an initializer, an optimizer."""
        name = rewrite_classes.rename(self, bare_name(entry["class_name"]))
        config = entry.get("config")
        if isinstance(config, dict) and isinstance(config.get("layers"), list):
            return rewrite_models.write_model(self, entry, name, config)
        if not isinstance(config, dict):
            return rewrite_values.write_function(self, entry)
        if operations.is_keras_3_operation(entry):
            return self.write_operation(dict(dict(module=operations.MODULE), **entry), config)
        kind = rewrite_classes.find(self, name, str(entry.get("module")))
        if kind is not None and kind.place == "initializers" and "trainable" in config:
            kind = None  # a layer that the reader lacks and that is called like an initializer
        modern = keras_1.as_keras_2(name, config, is_known=kind is not None)
        if modern is not None:
            self.note(f"wrote {name} of Keras 1 as Keras 2 does")
            name, config = modern
            kind = rewrite_classes.find(self, name)
        if kind is None or not rewrite_classes.is_usable(kind, config):
            kind, config = rewrite_classes.substitute(self, name, config)
        if kind is None:
            config = {key: self.write_value(value) for key, value in config.items()}
            return self.write_own(entry, config)
        if kind.place.startswith(rewrite_classes.OLDER_PLACE) or self._is_unlisted(kind.name):
            self.experimental[kind.name] = kind.type
        if kind.name == "Lambda":
            return self.write_lambda(entry, config)
        config = {key: self.write_value(value) for key, value in config.items()}
        rewrite_arguments.apply(self, kind, config)
        return self.write_keras(entry, kind.name, config, f"keras.{kind.place}")

    def write_operation(self, entry: dict, config: dict) -> dict:
        """Return an operation of Keras 3."""
        if self.to_keras_3:
            config = operations.arguments_for_keras_3(entry, config)
        return self.write_own(entry, config)

    def _is_unlisted(self, name: str) -> bool:
        return name in UNLISTED and not self.to_keras_3 and not self.in_archive

    def write_value(self, value: Any) -> Any:
        """Return any value of a config."""
        if isinstance(value, list):
            return [self.write_value(member) for member in value]
        if not isinstance(value, dict):
            return value
        name = value.get("class_name")
        if name == TENSOR or not isinstance(name, str):
            return {key: self.write_value(member) for key, member in value.items()}
        rule = rewrite_values.RULES.get(name)
        if rule is not None and rule.applies(self, value):
            return rule.write(self, value)
        return self.write(value) if "config" in value else value

    def write_own(self, entry: dict, config: dict) -> dict:
        """Return an object that is not Keras's own, under the name by which it is registered."""
        name = str(entry["class_name"])
        registered = entry.get("registered_name") or name
        if self.to_keras_3:
            written = dict(class_name=bare_name(name), config=config, registered_name=registered)
            if "build_config" in entry:
                written["build_config"] = entry["build_config"]
            return dict(written, module=entry.get("module"))
        # TensorFlow 1.15 registers nothing: its programs pass classes by their own names.
        class_name = registered if self.reader.registers else bare_name(registered)
        written = dict(class_name=class_name, config=config)
        if self.in_archive and "build_config" in entry:
            # Without it Keras 2 creates no weights and reports no error (measured:
            # subclassed_with_config as keras, tf2.21 to tf2.15).
            written["build_config"] = entry["build_config"]
        return written

    def write_keras(self, entry: dict, name: str, config: dict, module: str) -> dict:
        """Return an object of Keras's own, with the keys that the reader's Keras adds."""
        written: dict = dict(class_name=name, config=config)
        if self.writes_modules:
            written.update(module=module, registered_name=None)
        # Keras 2 has a `build_config` of another form.
        if self.to_keras_3 and self.from_keras_3 and "build_config" in entry:
            written["build_config"] = entry["build_config"]
        return written

    def write_lambda(self, entry: dict, config: dict) -> dict:
        """Return a Lambda layer, its function compiled for this Python if it is a simple one.

        HDF5's loader takes the form of Keras 2 in Keras 3 as well. Up to Keras 3.11 it takes no
        other, since it has no way to trust the code (measured: lambda_closure as h5, tf2.15 to
        tf2.16).
        """
        config, sources = lambdas.translated(config)
        for source in sources:
            self.note(f"compiled the code of a Lambda for this Python: {' '.join(source.split())}")
        if "dtype" in config:
            config["dtype"] = self.write_value(config["dtype"])
        if self.to_keras_3 and not self.from_keras_3 and not self.in_archive:
            return dict(class_name="Lambda", config=config)
        if not sources:
            self.note("kept the bytecode of a Lambda, which no other release of Python can run")
        translate = lambdas.to_keras_3 if self.to_keras_3 else lambdas.to_keras_2
        return self.write_keras(entry, "Lambda", translate(config), "keras.layers")


def bare_name(name: Any) -> str:
    """Return a class's name without the package under which it is registered."""
    return str(name).rpartition(">")[2]
