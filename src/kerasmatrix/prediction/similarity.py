"""Decides which files are similar, so that the results of one predict those of the other. Pure.

Similar files have the same format and the same release of Keras, and their layers have the same
classes and settings. The number, size and names of the layers may differ.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Container, Iterator, Mapping
from typing import Any

from kerasmatrix.inspection.architecture import INNER, inside, is_custom
from kerasmatrix.prediction.features import FEATURES, LOADER_FEATURES, Features, features_of
from kerasmatrix.prediction.target import Target
from kerasmatrix.versions import minor_text

__all__ = ["loader_key", "similarity_key"]

# Names, connections, and the shapes that layers were built from.
NAMES = {
    "name", "inbound_nodes", "input_layers", "output_layers", "build_config", "shared_object_id",
    "keras_version", "backend",
}  # fmt: skip
# Python's bytecode; the Pythons that can read it are a feature of their own.
CODE = {"function"}
# A longer text is content, such as a vocabulary, and not a setting.
LONGEST_SETTING = 80
DEEPEST = 200
SEVERAL = 2


def similarity_key(features: Features, custom_names: Container[str] = ()) -> str:
    """Return a digest that is equal for similar files.

    Args:
        features: of the file.
        custom_names: names of the custom objects that the loading program passes. A missing class
            makes a difference.
    """
    layers = set(_layers(features.config, custom_names, ""))
    classes = Counter(str(layer.get("class_name")) for layer in features.layers)
    facts = [
        features.kind,
        features.writer,
        sorted(layers),
        sorted(name for name, count in classes.items() if count >= SEVERAL),
        _settings(features.training, custom_names, 0),
        sorted(
            name for name in FEATURES.keys() - LOADER_FEATURES if FEATURES[name](features, None)
        ),
        sorted({str(layer.python) for layer in features.lambdas}),
    ]
    second = features.contents.second
    if second:
        held = second.contents
        facts += [
            second.container,
            similarity_key(features_of(held), custom_names) if held else None,
        ]
    return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()[:32]


def loader_key(features: Features, target: Target) -> str:
    """Return the properties of an environment on which the result for such a file depends."""
    parts = [target.release]
    if features.kind == "saved-model":
        parts.append(minor_text(target.tensorflow))
    if any(layer.python for layer in features.lambdas):
        parts.append(target.python)
    return " ".join(parts)


def _layers(layer: Mapping[str, Any], custom_names: Container[str], within: str) -> Iterator[str]:
    """Yield each layer as text: its parents, its class and its settings."""
    if not layer:
        return
    full, config = str(layer.get("class_name")), layer.get("config")
    name = full.rpartition(">")[2]
    own = is_custom(full, layer.get("module"), layer.get("registered_name"))
    missing = own and name not in custom_names
    settings: object = None
    if isinstance(config, Mapping) and not missing:
        outer = {key: value for key, value in config.items() if key not in INNER}
        settings = _settings(outer, custom_names, 0)
    class_name = "a class of its own" if missing else full
    yield json.dumps([within, class_name, layer.get("module"), settings], sort_keys=True)
    path = f"{within}/{class_name}"
    if path.count("/") < DEEPEST:
        for inner in inside(config):
            yield from _layers(inner, custom_names, path)


def _settings(value: object, custom_names: Container[str], depth: int) -> object:
    """Return a config without names and sizes: every number is 0, a list has distinct items."""
    if depth > DEEPEST:
        return None
    if isinstance(value, Mapping):
        return {
            str(key): _settings(inner, custom_names, depth + 1)
            for key, inner in value.items()
            if key not in NAMES and key not in CODE
        }
    if isinstance(value, list | tuple):
        items = [_settings(item, custom_names, depth + 1) for item in value]
        return [item for place, item in enumerate(items) if item not in items[:place]][:SEVERAL]
    if isinstance(value, str):
        return value if len(value) <= LONGEST_SETTING else "a text"
    return value if value is None or isinstance(value, bool) else 0
