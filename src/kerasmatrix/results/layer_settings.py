"""Compares the settings of layers: matches layers, and lists settings that differ. Pure."""

from __future__ import annotations

import base64
import binascii
import json
import zlib
from collections import defaultdict
from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from kerasmatrix.results.equal_settings import Difference, compute_type, differences, fold, shown

if TYPE_CHECKING:
    from kerasmatrix.results.observations import LoadFacts, SaveFacts

__all__ = ["has_layers", "lost_settings", "narrow_epsilon", "unknown_settings", "unpacked"]

# The spacing of numbers at 1.
NARROW = {"float16": 2.0**-10, "bfloat16": 2.0**-7}
# Unpacked, in bytes: a megabyte that was packed to do harm unpacks to a thousand of them.
LARGEST_SETTINGS = 32 << 20
# If more layers than this have the same loss, they are counted.
MOST_LAYERS_NAMED = 3
# The classes of a SavedModel that was loaded as a graph.
GRAPHS = {"TFSMLayer", "Signature"}
# Only some releases have these as layers: inputs, and operations in a model of Keras 2. Their
# settings show in the outputs.
NOT_LAYERS = {
    "inputlayer", "tfoplambda", "slicingoplambda", "tensorflowoplayer", "classmethod",
    "instancemethod", "instanceproperty",
}  # fmt: skip


def lost_settings(saved: SaveFacts, loaded: LoadFacts) -> list[str]:
    """List the settings of layers that differ."""
    if not saved.layers or not loaded.layers or not has_layers(loaded):
        return []
    return list(_lost_settings(saved.layers, loaded.layers))


@lru_cache(maxsize=4096)
def _lost_settings(saved: str, loaded: str) -> tuple[str, ...]:
    ours, theirs = unpacked(saved), unpacked(loaded)
    if not theirs:
        return ()  # the architecture is lost, and reported as such
    names_of: dict[tuple[str, str, str], list[str]] = defaultdict(list)
    pairs, missing, new = _matched(ours, theirs)
    for before, after in pairs:
        for difference in _layer_differences(before, after):
            # A layer that another class stands for differs as a whole.
            path = ".".join(difference.path) or "class"
            key = (path, shown(difference.before), shown(difference.after))
            names_of[key].append(before["path"][-1])
    lost = [
        f"the {setting} of {_layers(names)} ({before} became {after})"
        for (setting, before, after), names in names_of.items()
    ]
    lost += [f"the layer {layer['path'][-1]} ({layer['class']})" for layer in missing]
    if new and not missing:
        lost += [f"the layers as they were ({layer['path'][-1]} is new)" for layer in new]
    return tuple(lost)


@lru_cache(maxsize=4096)
def narrow_epsilon(settings: str) -> float:
    """Return the spacing at 1 of the narrowest type that a layer computes in, or 0."""
    types = (compute_type(layer.get("config", {}).get("dtype")) for layer in unpacked(settings))
    return max((NARROW.get(name, 0.0) for name in types), default=0.0)


def unpacked(settings: str) -> list[dict[str, Any]]:
    """Return the settings of layers that `harness/configuration.py` has packed; never too many."""
    try:
        reader = zlib.decompressobj()
        text = reader.decompress(base64.b64decode(settings), LARGEST_SETTINGS)
        entries = json.loads(text.decode("utf-8", "surrogatepass")) if reader.eof else []
    except (ValueError, RecursionError, binascii.Error, zlib.error):
        return []
    if not isinstance(entries, list):
        return []
    return [entry for entry in entries if _is_entry(entry)]


def _is_entry(value: Any) -> bool:
    """Whether a value has the settings of a layer; an environment may report anything."""
    if not isinstance(value, dict) or not isinstance(value.get("config", {}), dict):
        return False
    path = value.get("path")
    return isinstance(path, list) and bool(path) and all(isinstance(name, str) for name in path)


def has_layers(loaded: LoadFacts) -> bool:
    """Whether a model with layers came back, and not a graph."""
    return loaded.model not in GRAPHS


@lru_cache(maxsize=4096)
def unknown_settings(saved: str, loaded: str) -> tuple[str, ...]:
    """Return the layers whose settings cannot be compared, each with the reason."""
    pairs, _, _ = _matched(unpacked(saved), unpacked(loaded))
    reasons = (
        (before["path"][-1], before.get("unknown") or after.get("unknown"))
        for before, after in pairs
    )
    return tuple(f"the settings of {name}: {why}" for name, why in reasons if why)


def _matched(
    before: list[dict[str, Any]], after: list[dict[str, Any]]
) -> tuple[list[tuple[dict[str, Any], dict[str, Any]]], list[dict[str, Any]], list[dict[str, Any]]]:
    """Return pairs of layers, and the layers that only one side has.

    Of two layers of one class those of one name are the same.
    """
    ours, theirs = ([layer for layer in side if _is_layer(layer)] for side in (before, after))
    if [_kind(layer) for layer in ours] == [_kind(layer) for layer in theirs]:
        return list(zip(ours, theirs, strict=True)), [], []
    pairs, left = [], []
    free = list(theirs)
    for layer in ours:
        same_name = next((other for other in free if other["path"][-1] == layer["path"][-1]), None)
        twin = same_name or next((other for other in free if _kind(other) == _kind(layer)), None)
        if twin is None:
            left.append(layer)
        else:
            free.remove(twin)
            pairs.append((layer, twin))
    return pairs, left, free


def _is_layer(layer: Mapping[str, Any]) -> bool:
    return _kind(layer) not in NOT_LAYERS


def _kind(layer: Mapping[str, Any]) -> str:
    return fold(str(layer.get("class")))


def _layer_differences(before: dict[str, Any], after: dict[str, Any]) -> Iterator[Difference]:
    if before.get("trainable") != after.get("trainable"):
        yield Difference(("trainable",), before.get("trainable"), after.get("trainable"))
    words = before.get("vocabulary"), after.get("vocabulary")
    if words[0] and words[1] and words[0] != words[1]:
        yield Difference(("vocabulary",), *words)
    if "config" not in before or "config" not in after:
        return
    sides = [
        {
            "class_name": layer["class"],
            # An attribute of the layer, which a config may have as it was when it was made.
            "config": {**layer["config"], "trainable": True, "name": layer["path"][-1]},
            "custom": layer.get("custom", False),
        }
        for layer in (before, after)
    ]
    yield from differences(*sides)


def _layers(names: list[str]) -> str:
    if len(names) > MOST_LAYERS_NAMED:
        return f"{len(names)} layers, the first {names[0]}"
    return ("layer " if len(names) == 1 else "layers ") + ", ".join(names)
