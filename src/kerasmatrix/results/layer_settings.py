"""The settings of layers, compared: which layer is which, and what is another than it was. Pure."""

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
LARGEST_SETTINGS = 32 << 20
# More layers than this with one and the same loss are counted.
MOST_LAYERS_NAMED = 3
# What comes back of a SavedModel as a graph.
GRAPHS = {"TFSMLayer", "Signature"}
# Layers to some releases only: inputs, and what Keras 2 makes of an operation in a model. Of their
# settings the outputs tell.
NOT_LAYERS = {
    "inputlayer", "tfoplambda", "slicingoplambda", "tensorflowoplayer", "classmethod",
    "instancemethod", "instanceproperty",
}  # fmt: skip


def lost_settings(saved: SaveFacts, loaded: LoadFacts) -> list[str]:
    """List the settings of layers that are not what they were."""
    if not saved.layers or not loaded.layers or not has_layers(loaded):
        return []
    return list(_lost_settings(saved.layers, loaded.layers))


@lru_cache(maxsize=4096)
def _lost_settings(saved: str, loaded: str) -> tuple[str, ...]:
    ours, theirs = unpacked(saved), unpacked(loaded)
    if not theirs:
        return ()  # the architecture is lost, with all that it has
    # Few cells of a run have settings that no other has.
    found: dict[tuple[str, str, str], list[str]] = defaultdict(list)
    pairs, missing, new = _matched(ours, theirs)
    for before, after in pairs:
        for each in _layer_differences(before, after):
            key = (".".join(each.path), shown(each.before), shown(each.after))
            found[key].append(before["path"][-1])
    said = [
        f"the {setting} of {_layers(names)} ({before} became {after})"
        for (setting, before, after), names in found.items()
    ]
    said += [f"the layer {layer['path'][-1]} ({layer['class']})" for layer in missing]
    if new and not missing:
        said += [f"the layers as they were ({layer['path'][-1]} is new)" for layer in new]
    return tuple(said)


@lru_cache(maxsize=4096)
def narrow_epsilon(settings: str) -> float:
    """Return the spacing at 1 of the narrowest type that a layer computes in, or 0."""
    found = (compute_type(layer.get("config", {}).get("dtype")) for layer in unpacked(settings))
    return max((NARROW.get(name, 0.0) for name in found), default=0.0)


def unpacked(settings: str) -> list[dict[str, Any]]:
    """Return the settings of layers that `harness/configuration.py` has packed; never too many."""
    try:
        reader = zlib.decompressobj()
        text = reader.decompress(base64.b64decode(settings), LARGEST_SETTINGS)
        found = json.loads(text.decode("utf-8", "surrogatepass")) if reader.eof else []
    except (ValueError, RecursionError, binascii.Error, zlib.error):
        return []
    return [each for each in found if _is_entry(each)] if isinstance(found, list) else []


def _is_entry(value: Any) -> bool:
    """Whether a value is the settings of a layer: what an environment reports may be anything."""
    if not isinstance(value, dict) or not isinstance(value.get("config", {}), dict):
        return False
    path = value.get("path")
    return isinstance(path, list) and bool(path) and all(isinstance(name, str) for name in path)


def has_layers(loaded: LoadFacts) -> bool:
    """Whether a model with layers came back, and not a graph."""
    return loaded.model not in GRAPHS


@lru_cache(maxsize=4096)
def unknown_settings(saved: str, loaded: str) -> tuple[str, ...]:
    """Return of which layers the settings cannot be compared, each with the reason."""
    pairs, _, _ = _matched(unpacked(saved), unpacked(loaded))
    reasons = (
        (before["path"][-1], before.get("unknown") or after.get("unknown"))
        for before, after in pairs
    )
    return tuple(f"the settings of {name}: {why}" for name, why in reasons if why)


def _matched(
    before: list[dict[str, Any]], after: list[dict[str, Any]]
) -> tuple[list[tuple[dict[str, Any], dict[str, Any]]], list[dict[str, Any]], list[dict[str, Any]]]:
    """Return which layer is which, and those of either side that are none of the other's.

    Of two layers of one class those of one name are the same.
    """
    ours, theirs = ([each for each in side if _is_layer(each)] for side in (before, after))
    if [_kind(each) for each in ours] == [_kind(each) for each in theirs]:
        return list(zip(ours, theirs, strict=True)), [], []
    pairs, left = [], []
    free = list(theirs)
    for layer in ours:
        same_name = next((each for each in free if each["path"][-1] == layer["path"][-1]), None)
        twin = same_name or next((each for each in free if _kind(each) == _kind(layer)), None)
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
