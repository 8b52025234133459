"""The layer probe: makes every part of a stored architecture by itself, and names those that fail.

A load stops at the first part that it cannot make. Taken by itself each part says so, with the
arguments that are refused or missed. Where every part can be made, the wiring, the weights or the
container is at fault.
"""

from __future__ import annotations

import copy
import re
from typing import Any

from .. import formats
from .architecture import Stored

__all__ = ["probe"]

MISSED = re.compile(r"KeyError: ['\"](\w+)['\"]|missing \d+ required [^:\n]{0,60}: (.*)")
FIRST = 300
# What Keras 3 makes of an optimizer of TensorFlow 2.11 to 2.15 in HDF5 (measured: trained_adam as
# h5, tf2.15 to tf2.21).
PACKAGE, RESET = "Custom>", "read without its arguments: they are this Keras's defaults"
# What `compile` itself makes of these depends on the model, so no loader looks for them.
BY_COMPILE = {"accuracy", "acc", "crossentropy", "ce"}
ALWAYS = {"name", "trainable", "dtype"}


def probe(stored: Stored, reader: Any, custom_objects: dict) -> list:
    """Return what cannot be made: ``layer``, ``class_name``, ``keys`` at fault and ``error``.

    It never raises: what it cannot make sense of is not a part, and the loader will say so.

    Args:
        stored: the architecture.
        reader: the Keras at hand (see `classes.Reader`).
        custom_objects: what the loading program has of its own.
    """
    found: list = []
    for layer in _leaves(stored.config):
        error = _failure(reader.deserialize, layer, custom_objects)
        if error is not None:
            culprit = _culprit(layer, reader, error)
            culprit["keys"] = culprit["keys"] or _cures(layer, reader, custom_objects)
            found.append(culprit)
    return found + _compiled_with(stored, reader, custom_objects)


def _compiled_with(stored: Stored, reader: Any, custom_objects: dict) -> list:
    """Return the optimizer, the losses and the metrics that are at fault."""
    training = stored.training if isinstance(stored.training, dict) else {}
    found: list = []
    optimizer = _optimizer(training)
    if optimizer is not None:
        name = str(optimizer["class_name"])
        error = _failure(reader.deserialize_training, "optimizers", optimizer, custom_objects)
        if error is not None:
            keys = _refused(optimizer, reader, "optimizers")
            found.append(_of_training("optimizer", name, keys, _first_line(error)))
        elif reader.major >= formats.KERAS_3 and name.startswith(PACKAGE):
            found.append(_of_training("optimizer", name, [], RESET))
    for part, place in (("loss", "losses"), ("metrics", "metrics")):
        for told in _parts(training.get(part)):
            name = told if isinstance(told, str) else _bare(told)
            # In an archive a name is what `compile` is given; HDF5's loaders look it up themselves.
            if isinstance(told, str) and (stored.archive or told in BY_COMPILE):
                continue
            error = _failure(reader.deserialize_training, place, told, custom_objects)
            if error is not None:
                keys = _refused(told, reader, place) if isinstance(told, dict) else []
                found.append(_of_training(part, name, keys, _first_line(error)))
    return found


def _of_training(part: str, name: str, keys: list, error: str) -> dict:
    return dict(layer=None, class_name=f"{part} {name}", keys=keys, error=error)


def _parts(value: Any) -> list:
    """Return the losses or metrics in any nesting of lists and dictionaries by output."""
    if isinstance(value, str) or (isinstance(value, dict) and "class_name" in value):
        return [value]
    if isinstance(value, dict):
        value = list(value.values())
    return [part for each in value for part in _parts(each)] if isinstance(value, list) else []


def _failure(make: Any, *arguments: Any) -> Any:
    """Return what ``make`` raises, or None; what it is given stays as it is."""
    try:
        make(*(copy.deepcopy(each) for each in arguments[:-1]), arguments[-1])
    except Exception as error:
        return error
    return None


def _cures(layer: dict, reader: Any, custom_objects: dict) -> list:
    """Return the arguments without any one of which the layer can be made."""
    config = layer.get("config")
    if not isinstance(config, dict):
        return []
    found = []
    for key in config:
        without = dict(layer, config={name: config[name] for name in config if name != key})
        if _failure(reader.deserialize, without, custom_objects) is None:
            found.append(str(key))
    return found


def _leaves(told: Any) -> list:
    """Return the layers of a model, those of models in it included."""
    if not isinstance(told, dict):
        return []
    config = told.get("config")
    layers = config.get("layers") if isinstance(config, dict) else None
    if not isinstance(layers, list):
        return [told]
    return [leaf for layer in layers for leaf in _leaves(layer)]


def _culprit(layer: dict, reader: Any, error: Exception) -> dict:
    text = f"{type(error).__name__}: {error}"
    keys = _refused(layer, reader, "layers")
    for match in MISSED.finditer(text):
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
    return next(iter(text.strip().splitlines()), "")[:FIRST]


def _find(reader: Any, told: dict, place: str = "") -> Any:
    """Return the class that is meant; what cannot even be looked for is none."""
    try:
        return reader.find(_bare(told), place)
    except Exception:
        return None


def _refused(told: dict, reader: Any, place: str = "") -> list:
    """Return the arguments in a config that the class here does not have."""
    found = _find(reader, told, place)
    config = told.get("config")
    if found is None or not isinstance(config, dict):
        return []
    accepted = reader.accepted(found[0])
    refused = set() if accepted is None else set(config) - set(accepted) - ALWAYS
    if reader.major >= formats.KERAS_3 and "module" not in told:
        refused.discard("batch_input_shape")  # its loader moves it out of the way
    for key, value in _objects(config):
        if key == "dtype" and reader.major < formats.KERAS_3:
            refused.add(key)  # a policy, where a name or a policy of another class is expected
        else:
            refused.update(f"{key}.{inner}" for inner in _refused(value, reader))
    return sorted(refused)


def _objects(config: dict) -> list:
    """Return the objects in a config, those in lists (``cells``) included, and where they stand."""
    found = []
    for key, value in config.items():
        members = enumerate(value) if isinstance(value, list) else ()
        entries = [(key, value), *((f"{key}.{index}", each) for index, each in members)]
        found += [
            (name, each)
            for name, each in entries
            if isinstance(each, dict) and isinstance(each.get("config"), dict)
        ]
    return found


def _optimizer(training: dict | None) -> dict | None:
    told = (training or {}).get("optimizer_config") or (training or {}).get("optimizer")
    return told if isinstance(told, dict) and "class_name" in told else None


def _bare(told: dict) -> str:
    return str(told.get("class_name")).rpartition(">")[2]
