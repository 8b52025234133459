"""The layer probe: makes every part of a stored architecture by itself, and names those that fail.

A load stops at the first part that it cannot make. Taken by itself each part says so, with the
arguments that are refused or missed. Where every part can be made, the wiring, the weights or the
container is at fault.
"""

from __future__ import annotations

import copy
import re
from typing import Any

from .. import storage
from .architecture import Stored

__all__ = ["probe"]

MISSED = re.compile(r"KeyError: ['\"](\w+)['\"]|missing \d+ required .*?: (.*)")
FIRST = 300
ALWAYS = {"name", "trainable", "dtype"}


def probe(stored: Stored, reader: Any, custom_objects: dict) -> list:
    """Return what cannot be made: ``layer``, ``class_name``, ``keys`` at fault and ``error``.

    Args:
        stored: the architecture.
        reader: the Keras at hand (see `classes.Reader`).
        custom_objects: what the loading program has of its own.
    """
    found: list = []
    for layer in _leaves(stored.config):
        try:
            reader.deserialize(copy.deepcopy(layer), custom_objects)
        except Exception as error:  # noqa: PERF203 - each by itself is the point
            found.append(_culprit(layer, reader, error))
    optimizer = _optimizer(stored.training)
    if optimizer is not None:
        keys = _refused(optimizer, reader)
        known = reader.find(_bare(optimizer))
        if keys or (known is None and ">" in str(optimizer["class_name"])):
            found.append(
                dict(
                    layer=None,
                    class_name=f"optimizer {optimizer['class_name']}",
                    keys=keys,
                    error="this Keras has no such optimizer"
                    if known is None
                    else "other arguments",
                )
            )
    return found


def _leaves(told: dict) -> list:
    """Return the layers of a model, those of models in it included."""
    config = told.get("config")
    layers = config.get("layers") if isinstance(config, dict) else None
    if not isinstance(layers, list):
        return [told]
    return [leaf for layer in layers for leaf in _leaves(layer)]


def _culprit(layer: dict, reader: Any, error: Exception) -> dict:
    text = f"{type(error).__name__}: {error}"
    keys = _refused(layer, reader)
    for match in MISSED.finditer(text):
        keys += list(re.findall(r"\w+", match.group(1) or match.group(2)))
    config = layer.get("config")
    name = layer.get("name") or (config.get("name") if isinstance(config, dict) else None)
    return dict(
        layer=None if name is None else str(name),
        class_name=str(layer.get("class_name")),
        keys=sorted(set(keys) - {"and"}),
        error=next(iter(text.strip().splitlines()), "")[:FIRST],
    )


def _refused(told: dict, reader: Any) -> list:
    """Return the arguments in a config that the class here does not have."""
    found = reader.find(_bare(told))
    config = told.get("config")
    if found is None or not isinstance(config, dict):
        return []
    accepted = reader.accepted(found[0])
    refused = set() if accepted is None else set(config) - set(accepted) - ALWAYS
    if reader.major >= storage.KERAS_3 and "module" not in told:
        refused.discard("batch_input_shape")  # its loader moves it out of the way
    for key, value in config.items():
        if not isinstance(value, dict) or not isinstance(value.get("config"), dict):
            continue
        if key == "dtype" and reader.major < storage.KERAS_3:
            refused.add(key)  # a policy, where a name or a policy of another class is expected
        else:
            refused.update(f"{key}.{inner}" for inner in _refused(value, reader))
    return sorted(refused)


def _optimizer(training: dict | None) -> dict | None:
    told = (training or {}).get("optimizer_config") or (training or {}).get("optimizer")
    return told if isinstance(told, dict) and "class_name" in told else None


def _bare(told: dict) -> str:
    return str(told.get("class_name")).rpartition(">")[2]
