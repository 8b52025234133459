"""The layer check: creates every part of a stored architecture by itself, and lists the failures.

A load stops at the first part that it cannot create. Created by themselves, all parts report their
errors, with the arguments that are refused or missing. If every part can be created, the wiring,
the weights or the file format is at fault.
"""

from __future__ import annotations

import copy
import re
from typing import Any

from .. import formats
from .architecture import Stored

__all__ = ["check_layers"]

MISSING = re.compile(r"KeyError: ['\"](\w+)['\"]|missing \d+ required [^:\n]{0,60}: (.*)")
MAX_LENGTH = 300  # of a reported line
# Keras 3 reads an optimizer of TensorFlow 2.11 to 2.15 from HDF5 without its arguments (measured:
# trained_adam as h5, tf2.15 to tf2.21).
PACKAGE, RESET = "Custom>", "read without its arguments: they are this Keras's defaults"
# `compile` itself chooses a function for these by the model's outputs: no loader looks them up.
CHOSEN_BY_COMPILE = {"accuracy", "acc", "crossentropy", "ce"}
ALWAYS = {"name", "trainable", "dtype"}


def check_layers(stored: Stored, reader: Any, custom_objects: dict) -> list:
    """Return the parts that cannot be created: ``layer``, ``class_name``, ``keys``, ``error``.

    It never raises: an object that is not a part of a model is skipped, and the load reports it.

    Args:
        stored: the architecture.
        reader: the Keras at hand (see `classes.Reader`).
        custom_objects: classes and functions of the loading program.
    """
    failing: list = []
    for layer in _leaves(stored.config):
        error = _failure(reader.deserialize, layer, custom_objects)
        if error is not None:
            part = _failing_layer(layer, reader, error)
            part["keys"] = part["keys"] or _offending_keys(layer, reader, custom_objects)
            failing.append(part)
    return failing + _check_training(stored, reader, custom_objects)


def _check_training(stored: Stored, reader: Any, custom_objects: dict) -> list:
    """Return the optimizer, losses and metrics that cannot be created."""
    training = stored.training if isinstance(stored.training, dict) else {}
    failing: list = []
    optimizer = _optimizer(training)
    if optimizer is not None:
        name = str(optimizer["class_name"])
        error = _failure(reader.deserialize_training, "optimizers", optimizer, custom_objects)
        if error is not None:
            keys = _refused(optimizer, reader, "optimizers")
            failing.append(_of_training("optimizer", name, keys, _first_line(error)))
        elif reader.major >= formats.KERAS_3 and name.startswith(PACKAGE):
            failing.append(_of_training("optimizer", name, [], RESET))
    for part, place in (("loss", "losses"), ("metrics", "metrics")):
        for entry in _parts(training.get(part)):
            name = entry if isinstance(entry, str) else _bare(entry)
            # From an archive the name goes to `compile`; HDF5's loaders look it up themselves.
            if isinstance(entry, str) and (stored.archive or entry in CHOSEN_BY_COMPILE):
                continue
            error = _failure(reader.deserialize_training, place, entry, custom_objects)
            if error is not None:
                keys = _refused(entry, reader, place) if isinstance(entry, dict) else []
                failing.append(_of_training(part, name, keys, _first_line(error)))
    return failing


def _of_training(part: str, name: str, keys: list, error: str) -> dict:
    return dict(layer=None, class_name=f"{part} {name}", keys=keys, error=error)


def _parts(value: Any) -> list:
    """Return the losses or metrics in any nesting of lists and dictionaries by output."""
    if isinstance(value, str) or (isinstance(value, dict) and "class_name" in value):
        return [value]
    if isinstance(value, dict):
        value = list(value.values())
    return [part for member in value for part in _parts(member)] if isinstance(value, list) else []


def _failure(create: Any, *arguments: Any) -> Any:
    """Return the exception of ``create``, or None; it gets copies of all arguments but the last."""
    try:
        create(*(copy.deepcopy(argument) for argument in arguments[:-1]), arguments[-1])
    except Exception as error:
        return error
    return None


def _offending_keys(layer: dict, reader: Any, custom_objects: dict) -> list:
    """Return the arguments without which the layer can be created, each taken by itself."""
    config = layer.get("config")
    if not isinstance(config, dict):
        return []
    keys = []
    for key in config:
        without = dict(layer, config={name: config[name] for name in config if name != key})
        if _failure(reader.deserialize, without, custom_objects) is None:
            keys.append(str(key))
    return keys


def _leaves(entry: Any) -> list:
    """Return the layers of a model, including those of models in it."""
    if not isinstance(entry, dict):
        return []
    config = entry.get("config")
    layers = config.get("layers") if isinstance(config, dict) else None
    if not isinstance(layers, list):
        return [entry]
    return [leaf for layer in layers for leaf in _leaves(layer)]


def _failing_layer(layer: dict, reader: Any, error: Exception) -> dict:
    text = f"{type(error).__name__}: {error}"
    keys = _refused(layer, reader, "layers")
    for match in MISSING.finditer(text):
        keys += list(re.findall(r"\w+", match.group(1) or match.group(2)))
    config = layer.get("config")
    name = layer.get("name") or (config.get("name") if isinstance(config, dict) else None)
    return dict(
        layer=None if name is None else str(name),
        class_name=str(layer.get("class_name")),
        keys=sorted(set(keys) - {"and"}),
        error=_first_line(error),
    )


def _first_line(error: Exception) -> str:
    text = f"{type(error).__name__}: {error}"
    return next(iter(text.strip().splitlines()), "")[:MAX_LENGTH]


def _find(reader: Any, entry: dict, place: str = "") -> Any:
    """Return the class of an object; None if there is none, or the name is malformed."""
    try:
        return reader.find(_bare(entry), place)
    except Exception:
        return None


def _refused(entry: dict, reader: Any, place: str = "") -> list:
    """Return the arguments in a config that the class of this Keras does not accept."""
    match = _find(reader, entry, place)
    config = entry.get("config")
    if match is None or not isinstance(config, dict):
        return []
    accepted = reader.accepted(match[0])
    refused = set() if accepted is None else set(config) - set(accepted) - ALWAYS
    if reader.major >= formats.KERAS_3 and "module" not in entry:
        refused.discard("batch_input_shape")  # Keras 3's loader of HDF5 converts it
    for key, value in _objects(config):
        if key == "dtype" and reader.major < formats.KERAS_3:
            refused.add(key)  # Keras 2 expects a name, or a policy of a class of its own
        else:
            refused.update(f"{key}.{inner}" for inner in _refused(value, reader))
    return sorted(refused)


def _objects(config: dict) -> list:
    """Return the objects in a config, including those in lists (``cells``), with their keys."""
    objects: list = []
    for key, value in config.items():
        members = enumerate(value) if isinstance(value, list) else ()
        entries = [(key, value), *((f"{key}.{index}", member) for index, member in members)]
        objects += [
            (name, entry)
            for name, entry in entries
            if isinstance(entry, dict) and isinstance(entry.get("config"), dict)
        ]
    return objects


def _optimizer(training: dict | None) -> dict | None:
    entry = (training or {}).get("optimizer_config") or (training or {}).get("optimizer")
    return entry if isinstance(entry, dict) and "class_name" in entry else None


def _bare(entry: dict) -> str:
    return str(entry.get("class_name")).rpartition(">")[2]
