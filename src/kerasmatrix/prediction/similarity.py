"""What makes two files alike, so that what became of one says what becomes of the other. Pure.

Alike are files of one format, of one release of Keras, whose layers are of the same classes with
the same settings: how many there are, how large they are and what they are called may differ.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Container, Iterator, Mapping
from typing import Any

from kerasmatrix.inspection.architecture import INNER, inside, is_custom
from kerasmatrix.prediction.features import SIGNS, SIGNS_OF_READERS, Features, features_of
from kerasmatrix.prediction.target import Target
from kerasmatrix.versions import minor_text

__all__ = ["likeness", "reader_of"]

# What a file calls things, how they hang together, and what its layers were built from.
NAMES = {
    "name", "inbound_nodes", "input_layers", "output_layers", "build_config", "shared_object_id",
    "keras_version", "backend",
}  # fmt: skip
# Python's bytecode; which Python reads it is a fact of its own.
CODE = {"function"}
# A text is a setting; what is longer is content, such as a vocabulary.
LONGEST_SETTING = 80
DEEPEST = 200
SEVERAL = 2


def likeness(features: Features, brought: Container[str] = ()) -> str:
    """Return a digest that files have in common that are alike.

    Args:
        features: of the file.
        brought: names of the classes and functions that the loading program hands over: a class
            that is there is another thing than one that is missing.
    """
    layers = set(_layers(features.config, brought, ""))
    classes = Counter(str(layer.get("class_name")) for layer in features.layers)
    facts = [
        features.kind,
        features.writer,
        sorted(layers),
        sorted(name for name, count in classes.items() if count >= SEVERAL),
        _settings(features.training, brought, 0),
        sorted(name for name in SIGNS.keys() - SIGNS_OF_READERS if SIGNS[name](features, None)),
        sorted({str(python) for python in features.pythons}),
    ]
    second = features.contents.second
    if second:
        held = second.contents
        facts += [second.container, likeness(features_of(held), brought) if held else None]
    return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()[:32]


def reader_of(features: Features, target: Target) -> str:
    """Return what of an environment decides what becomes of such a file."""
    parts = [target.release]
    if features.kind == "saved-model":
        parts.append(minor_text(target.tensorflow))
    if any(features.pythons):
        parts.append(target.python)
    return " ".join(parts)


def _layers(told: Mapping[str, Any], brought: Container[str], within: str) -> Iterator[str]:
    """Yield each layer as text: what it is inside of, its class, its settings."""
    if not told:
        return
    full, config = str(told.get("class_name")), told.get("config")
    name = full.rpartition(">")[2]
    own = is_custom(full, told.get("module"), told.get("registered_name"))
    missing = own and name not in brought
    settings: object = None
    if isinstance(config, Mapping) and not missing:
        outer = {key: value for key, value in config.items() if key not in INNER}
        settings = _settings(outer, brought, 0)
    called = "a class of its own" if missing else full
    yield json.dumps([within, called, told.get("module"), settings], sort_keys=True)
    path = f"{within}/{called}"
    if path.count("/") < DEEPEST:
        for each in inside(config):
            yield from _layers(each, brought, path)


def _settings(value: object, brought: Container[str], depth: int) -> object:
    """Return a config without names and sizes: a number is a number, a list what is in it."""
    if depth > DEEPEST:
        return None
    if isinstance(value, Mapping):
        return {
            str(key): _settings(inner, brought, depth + 1)
            for key, inner in value.items()
            if key not in NAMES and key not in CODE
        }
    if isinstance(value, list | tuple):
        inner = [_settings(each, brought, depth + 1) for each in value]
        return [each for place, each in enumerate(inner) if each not in inner[:place]][:SEVERAL]
    if isinstance(value, str):
        return value if len(value) <= LONGEST_SETTING else "a text"
    return value if value is None or isinstance(value, bool) else 0
