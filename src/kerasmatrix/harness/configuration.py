"""The settings of a model as plain data: what `get_config` and `compile` were given, by value.

Nothing is interpreted here. Releases spell one setting differently, and which spellings mean the
same is decided where settings are compared (`kerasmatrix.results.equal_settings`).
"""

from __future__ import annotations

import base64
import hashlib
import inspect
import json
import zlib
from typing import Any

import numpy as np

__all__ = ["compile_arguments", "described", "layers", "packed"]

DEEPEST = 24
# Longer lists (vocabularies, tables) are represented by their digest.
LONGEST_LIST = 256
LONGEST_TEXT = 4096
LIBRARIES = ("keras", "tensorflow", "tensorflow_core", "tf_keras")
# The packed text may not be longer: an observation is kept for every cell.
LONGEST_PACKED = 1 << 20


def layers(model: Any) -> list:
    """Return the settings of every layer in order, those of nested models too.

    Each is ``path`` (names from the outermost model), ``class``, ``trainable``, and ``config``;
    ``unknown`` says why there is no config.
    """
    found: list = []
    _collect(model, (), found, set())
    return found


def packed(settings: Any) -> str | None:
    """Return settings as compressed JSON in base64; None where they are too long to be kept."""
    text = json.dumps(settings, sort_keys=True, separators=(",", ":"))
    short = base64.b64encode(zlib.compress(text.encode("utf-8", "surrogatepass"), 9))
    return short.decode("ascii") if len(short) <= LONGEST_PACKED else None


def compile_arguments(model: Any) -> dict:
    """Return what a compiled model was compiled with, but for the optimizer."""
    losses = getattr(model, "compiled_loss", None)
    metrics = getattr(model, "compiled_metrics", None)
    if hasattr(model, "_compile_loss"):  # Keras 3
        losses = getattr(model, "_compile_loss", None)
        metrics = getattr(model, "_compile_metrics", None)
    weights = getattr(losses, "_user_loss_weights", None)
    if weights is None and not callable(getattr(model, "loss_weights", None)):
        weights = getattr(model, "loss_weights", None)
    usual = getattr(metrics, "_user_metrics", None)
    weighted = getattr(metrics, "_user_weighted_metrics", None)
    if (metrics is None) or not hasattr(metrics, "_user_metrics"):
        # TensorFlow 1 keeps the lists themselves.
        usual = _list_of(model, "_compile_metrics")
        weighted = _list_of(model, "_compile_weighted_metrics")
    return dict(
        loss=described(getattr(model, "loss", None)),
        loss_weights=described(weights),
        metrics=described(usual),
        weighted_metrics=described(weighted),
        run_eagerly=bool(getattr(model, "_run_eagerly", False)),
    )


def described(value: Any, depth: int = 0) -> Any:  # noqa: C901, PLR0911 - one line for each kind
    """Return ``value`` as JSON; an object is its class and config, a function its name."""
    if value is None or isinstance(value, (bool, int)):
        return value
    if isinstance(value, str):
        return _short(value)
    if isinstance(value, bytes):
        return _short(value.decode("utf-8", "replace"))
    if isinstance(value, (float, np.floating)):
        return float(value) if np.isfinite(value) else str(float(value))
    if isinstance(value, np.integer):
        return int(value)
    if depth > DEEPEST:
        return "…"
    if isinstance(value, dict):
        return {str(key): described(inner, depth + 1) for key, inner in value.items()}
    if isinstance(value, (list, tuple, set, frozenset)):
        return _listed(value, depth)
    if isinstance(value, np.ndarray):
        return _listed(value.tolist(), depth) if value.ndim else described(value.item(), depth)
    if isinstance(value, np.dtype):
        return value.name
    if hasattr(value, "as_list") and hasattr(value, "ndims"):  # TensorShape
        return described(value.as_list() if value.ndims is not None else None, depth + 1)
    if hasattr(value, "as_datatype_enum"):  # DType
        return value.name
    return _object(value, depth)


def _object(value: Any, depth: int) -> Any:
    kind = type(value)
    if hasattr(value, "get_config") and not isinstance(value, type):
        try:
            config = described(value.get_config(), depth + 1)
        except Exception as error:
            config = {"unknown": type(error).__name__}
        if isinstance(config, dict):
            config = {**_hidden(value, config, depth), **config}
        return dict(class_name=kind.__name__, config=config, **_whose(value))
    if hasattr(value, "numpy") or hasattr(value, "_shared_name"):
        from . import model_facts

        try:
            return described(model_facts.array_of(value), depth + 1)
        except Exception:
            return kind.__name__
    name = getattr(value, "__name__", None)
    if isinstance(name, str):
        return name
    if kind.__module__.split(".")[0] in LIBRARIES or not hasattr(value, "__dict__"):
        return dict(class_name=kind.__name__, config={})
    own = {key: inner for key, inner in vars(value).items() if _is_plain(inner)}
    return dict(class_name=kind.__name__, config=described(own, depth + 1), custom=True)


def _whose(value: Any) -> dict:
    """Say of an object that its class is not Keras's own."""
    return {} if type(value).__module__.split(".")[0] in LIBRARIES else dict(custom=True)


def _hidden(value: Any, config: dict, depth: int) -> dict:
    """Return arguments that an object was made with and its config does not mention.

    Keras 3 leaves the arguments of wrapped losses and metrics out (``Huber``'s ``delta``), and
    layers forget arguments of theirs: those that a user wrote, and ``ELU`` in Keras 3.
    """
    found: dict = {}
    wrapped = getattr(value, "_fn_kwargs", None)
    if isinstance(wrapped, dict):
        found.update(described(wrapped, depth + 1))
    function = getattr(value, "_fn", None) or getattr(value, "fn", None)
    if function is not None and "fn" not in config:
        found["fn"] = described(function, depth + 1)
    # Only a class of the user's own keeps an argument under another name than Keras would read.
    prefixes = ("",) if type(value).__module__.split(".")[0] in LIBRARIES else ("", "_")
    try:
        names = list(inspect.signature(type(value).__init__).parameters)[1:]
    except (TypeError, ValueError):
        return found
    for name in names:
        for prefix in prefixes:
            kept = vars(value).get(prefix + name, value)
            if name not in config and kept is not value and _is_plain(kept):
                found[name] = described(kept, depth + 1)
    return found


def _collect(model: Any, path: tuple, found: list, seen: set) -> None:
    for layer in list(getattr(model, "layers", None) or ()):
        if id(layer) in seen:
            continue
        seen.add(id(layer))
        place = (*path, str(getattr(layer, "name", "")))
        if getattr(layer, "layers", None) and hasattr(layer, "save"):
            _collect(layer, place, found, seen)
            continue
        found.append(_layer(layer, place))


def _layer(layer: Any, path: tuple) -> dict:
    told: dict = {"path": list(path), "class": type(layer).__name__, **_whose(layer)}
    told["trainable"] = bool(getattr(layer, "trainable", True))
    try:
        config = described(layer.get_config())
    except Exception as error:
        told["unknown"] = f"get_config() raises {type(error).__name__}"
        return told
    if not isinstance(config, dict):
        told["unknown"] = "get_config() returns something else than a dictionary"
        return told
    told["config"] = {**_hidden(layer, config, 0), **config}
    for name in ("activity_regularizer", "stateful"):
        kept = getattr(layer, name, None)
        if name not in config and kept:
            told["config"][name] = described(kept, 1)
    if hasattr(layer, "get_vocabulary"):
        # The config has at most the one that the layer was made with.
        try:
            told["vocabulary"] = _digest([_known(word) for word in layer.get_vocabulary()])
            told["config"].pop("vocabulary", None)
        except Exception:
            told["vocabulary"] = None
    return told


def _known(word: Any) -> str:
    return word.decode("utf-8", "replace") if isinstance(word, bytes) else str(word)


def _list_of(model: Any, name: str) -> Any:
    kept = getattr(model, name, None)
    return kept if isinstance(kept, (list, tuple, dict)) else None


def _listed(value: Any, depth: int) -> Any:
    values = sorted(value, key=str) if isinstance(value, (set, frozenset)) else list(value)
    if len(values) > LONGEST_LIST:
        return dict(class_name="__digest__", config=_digest(described_leaves(values)))
    return [described(inner, depth + 1) for inner in values]


def described_leaves(values: list) -> list:
    """Return a long list as data whose digest does not depend on how a number is stored."""
    return [f"{inner:.6g}" if isinstance(inner, float) else described(inner, 1) for inner in values]


def _digest(values: list) -> str:
    return hashlib.sha256(json.dumps(values, sort_keys=True).encode("utf-8")).hexdigest()


def _short(text: str) -> str:
    if len(text) <= LONGEST_TEXT:
        return text
    return "sha256:" + hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def _is_plain(value: Any) -> bool:
    if value is None or isinstance(value, (bool, int, float, str)):
        return True
    if isinstance(value, (list, tuple)):
        return len(value) <= LONGEST_LIST and all(_is_plain(inner) for inner in value)
    return isinstance(value, dict) and all(_is_plain(inner) for inner in value.values())
