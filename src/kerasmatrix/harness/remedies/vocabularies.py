"""Gives the lookup layers of a model the vocabularies that an archive has as text files.

A vocabulary is not a weight. Keras writes those of `adapt` to ``assets/`` in an archive, under the
path of the layer, with the special tokens first. (measured: published archive of Keras 3.10, and
preprocessing_text as keras, tf2.15 to tf2.21)
"""

from __future__ import annotations

import re
from typing import Any

__all__ = ["load_vocabularies"]

FILE = "vocabulary.txt"
# The layer within a TextVectorization, which has the same vocabulary.
WITHIN = "_lookup_layer"
SPECIAL = ("", "[UNK]", -1)


def load_vocabularies(model: Any, archive: Any) -> int:
    """Set the vocabularies in an open archive; return their number.

    Raises:
        ValueError: the archive has other lookup layers than the model.
    """
    folders: dict = {}
    for path in archive.namelist():
        folder, _, name = path.rpartition("/")
        if name == FILE and not folder.endswith(WITHIN):
            folders.setdefault(_kind(folder.rpartition("/")[2]), []).append(folder)
    layers: dict = {}
    for layer in _lookups(model):
        layers.setdefault(_kind(_snake_case(type(layer).__name__)), []).append(layer)
    count = 0
    for kind, found in folders.items():
        if len(found) != len(layers.get(kind, ())):
            raise ValueError(
                f"the file has {len(found)} vocabularies of {kind}, the model has "
                f"{len(layers.get(kind, ()))} such layers"
            )
        for folder, layer in zip(sorted(found, key=_number), layers[kind]):
            text = archive.read(f"{folder}/{FILE}").decode("utf-8")
            _set_vocabulary(layer, text.split("\n"))
            count += 1
    return count


def _set_vocabulary(layer: Any, words: list) -> None:
    if type(layer).__name__.startswith("Integer"):
        words = [int(word) for word in words]
    # TensorFlow 2.4 counts the special tokens twice if the words include them (index_lookup.py,
    # `_set_forward_vocabulary`; measured: TextVectorization as keras, tf2.21 to tf2.4).
    try:
        layer.set_vocabulary([word for word in words if word not in SPECIAL])
        is_same = list(layer.get_vocabulary()) == words
    except ValueError:
        is_same = False
    if not is_same:
        layer.set_vocabulary(words)


def _lookups(model: Any) -> list:
    found: list = []
    for layer in getattr(model, "layers", None) or ():
        if hasattr(layer, "set_vocabulary"):
            found.append(layer)
        else:
            found += _lookups(layer)
    return found


def _kind(name: str) -> str:
    return re.sub(r"_\d+$", "", name)


def _number(folder: str) -> tuple:
    match = re.search(r"_(\d+)$", folder)
    return (folder.count("/"), int(match.group(1)) if match else 0)


def _snake_case(name: str) -> str:
    return re.sub(r"(?<=[a-z0-9])([A-Z])", r"_\1", name).lower()
