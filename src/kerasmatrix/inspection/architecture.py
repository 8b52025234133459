"""Reads an architecture's config, as any Keras writes it, as a tree of parts. Pure."""

from __future__ import annotations

import itertools
import tomllib
from collections import Counter
from collections.abc import Iterator, Mapping
from functools import cache
from importlib import resources
from typing import Any

from kerasmatrix.inspection.facts import Part, Training

__all__ = [
    "DEEPEST",
    "FUNCTIONAL",
    "INNER",
    "MODELS",
    "OWN_MODULES",
    "WRAPPERS",
    "custom_objects",
    "dtype_policies",
    "inside",
    "is_custom",
    "layers_of",
    "quantized_layers",
    "read_architecture",
    "read_training",
    "words",
]

Config = Mapping[str, Any]

FUNCTIONAL = frozenset({"Functional", "Model"})
MODELS = FUNCTIONAL | {"Sequential"}
# Under these keys a layer's config holds further layers.
INNER = ("layer", "forward_layer", "backward_layer", "cell", "cells", "model", "layers")
OWN_MODULES = ("keras", "tf_keras", "tensorflow")
# No real model is nested this deeply, or this large.
DEEPEST = 64
MOST_PARTS = 100_000
MOST_AXES = 32  # of a tensor, as in TensorFlow
MOST_NAMES, DEEPEST_NAME = 1000, 8  # of losses and metrics, which can be nested lists and maps
LONGEST_NAME = 500  # characters; longer names are truncated
# Keras wraps a function that is used as a loss or metric in one of these.
WRAPPERS = {"LossFunctionWrapper", "MeanMetricWrapper"}


def read_architecture(config: Config, parameters: Mapping[str, int]) -> Part:
    """Return the tree of parts that ``config`` describes.

    Args:
        config: as stored: ``class_name``, ``config`` and the additions of the release.
        parameters: their number by the layer's name, where known.

    Raises:
        ValueError: it describes more than any model has.
    """
    return _part(config, parameters, 0, itertools.count(1))


def words(value: object) -> str:
    """Return a name as valid Unicode of limited length."""
    text = value if isinstance(value, str) else _describe(value)
    text = text.encode("utf-8", "replace").decode("utf-8")
    return text if len(text) <= LONGEST_NAME else f"{text[:LONGEST_NAME]}…"


def _describe(value: object) -> str:
    # The text of a list or an object could be very long.
    return str(value) if isinstance(value, int | float | None) else f"({type(value).__name__})"


def quantized_layers(config: Config) -> Mapping[str, int]:
    """Return how many layers are quantized, by mode, such as ``int8``."""
    modes = (
        policy.partition("_from_")[0]
        for _, layer in layers_of(config)
        if "_from_" in (policy := _dtype(layer.get("config")) or "")
    )
    return Counter(modes)


def custom_objects(root: Part) -> tuple[str, ...]:
    """Return the custom classes, without duplicates."""
    return tuple(dict.fromkeys(part.class_name for part in root.walk() if part.custom))


def dtype_policies(config: Config) -> tuple[str, ...]:
    """Return the dtype policies of layers, without duplicates and ``float32``."""
    policies = dict.fromkeys(
        policy
        for _, layer in layers_of(config)
        if (policy := _dtype(layer.get("config"))) not in {None, "float32"}
    )
    return tuple(str(policy) for policy in policies)


def read_training(
    training: Config, *, state: bool | None, slots: int = 0, steps: int = 0
) -> Training:
    """Return the compile settings in a compile config, as any release writes it."""
    optimizer = training.get("optimizer", training.get("optimizer_config"))
    metrics = training.get("metrics") or training.get("weighted_metrics") or ()
    return Training(
        optimizer=_named(optimizer),
        optimizer_state=state,
        optimizer_slots=slots,
        optimizer_steps=steps,
        loss=_named(training.get("loss")),
        metrics=tuple(itertools.islice(_names(metrics), MOST_NAMES)),
    )


def _part(layer: Config, parameters: Mapping[str, int], depth: int, number: Iterator[int]) -> Part:
    if next(number) > MOST_PARTS:
        raise ValueError(f"it describes more than {MOST_PARTS:,} layers")
    config = layer.get("config")
    inner = config if isinstance(config, Mapping) else {}
    name = inner.get("name", layer.get("name"))
    class_name = words(layer.get("class_name", "?"))
    module, registered = layer.get("module"), layer.get("registered_name")
    return Part(
        name=None if name is None else words(name),
        class_name=class_name.rpartition(">")[2],
        module=None if module is None else words(module),
        registered_name=None if registered is None else words(registered),
        custom=is_custom(class_name, module, registered),
        shape=_shape(inner),
        dtype=_dtype(inner),
        parameters=parameters.get(name) if isinstance(name, str) else None,
        parts=tuple(
            _part(inner_layer, parameters, depth + 1, number) for inner_layer in inside(config)
        )
        if depth < DEEPEST
        else (),
    )


def inside(config: object) -> Iterator[Config]:
    """Yield the configs of the layers directly inside a layer's or model's config."""
    if isinstance(config, list):  # a Sequential of Keras 2.2 and before
        yield from (item for item in config if _is_layer(item))
    elif isinstance(config, Mapping):
        for key in INNER:
            value = config.get(key)
            for item in value if isinstance(value, list) else [value]:
                if isinstance(item, Mapping) and _is_layer(item):
                    yield item


def _is_layer(value: object) -> bool:
    return isinstance(value, Mapping) and "class_name" in value and "config" in value


def layers_of(config: Config, depth: int = 0) -> Iterator[tuple[str, Config]]:
    """Yield every layer with its name, outermost first."""
    inner = config.get("config")
    name = inner.get("name") if isinstance(inner, Mapping) else None
    yield words(name or config.get("name") or config.get("class_name")), config
    if depth < DEEPEST:
        for inner_layer in inside(inner):
            yield from layers_of(inner_layer, depth + 1)


def is_custom(class_name: str, module: object, registered: object) -> bool:
    """Return whether a class is not part of any Keras, by its module or else by its name."""
    if isinstance(module, str):
        return module.partition(".")[0] not in OWN_MODULES
    if registered is not None or ">" in class_name:
        return True
    return class_name not in _builtin_names()


@cache
def _builtin_names() -> frozenset[str]:
    source = resources.files("kerasmatrix.inspection").joinpath("builtins.toml")
    names = tomllib.loads(source.read_text(encoding="utf-8"))
    return frozenset((*names["layers"], *names["keras-1"], *names["operations"]))


def _shape(config: Config) -> tuple[int | None, ...] | None:
    for key in ("batch_shape", "batch_input_shape"):
        shape = config.get(key)
        if (
            isinstance(shape, list)
            and len(shape) <= MOST_AXES
            and all(size is None or (type(size) is int and size < 1 << 63) for size in shape)
        ):
            return tuple(shape)
    return None


def _dtype(config: object) -> str | None:
    """Return the dtype or policy that a layer's config names."""
    dtype = config.get("dtype") if isinstance(config, Mapping) else None
    if isinstance(dtype, Mapping):
        inner = dtype.get("config")
        inner = inner if isinstance(inner, Mapping) else {}
        dtype = inner.get("name")
        if dtype is None and isinstance(mode := inner.get("mode"), str):
            # The name of a policy for quantized layers (Keras 3 dtype_policies/dtype_policy.py).
            dtype = f"{mode}_from_{words(inner.get('source_name'))}"
    return words(dtype) if isinstance(dtype, str) else None


def _named(stored: object, depth: int = 0) -> str | None:
    """Return the name of a loss, metric or optimizer, in any stored form."""
    if depth > DEEPEST_NAME:
        return None
    if isinstance(stored, Mapping):
        if "class_name" in stored:
            return _class_or_function(words(stored["class_name"]), stored.get("config"))
        pairs = itertools.islice(stored.items(), MOST_NAMES)
        return ", ".join(f"{words(key)}: {_named(item, depth + 1)}" for key, item in pairs) or None
    if isinstance(stored, list):
        return ", ".join(str(_named(item, depth + 1)) for item in stored[:MOST_NAMES]) or None
    return words(stored) if isinstance(stored, str) else None


def _class_or_function(class_name: str, config: object) -> str:
    if class_name == "function" and isinstance(config, str):
        return words(config)
    if class_name in WRAPPERS and isinstance(config, Mapping):
        return words(config.get("fn", config.get("name")))
    return class_name.rpartition(">")[2]


def _names(metrics: object, depth: int = 0) -> Iterator[str]:
    if depth > DEEPEST_NAME:
        return
    if isinstance(metrics, Mapping) and "class_name" not in metrics:
        for value in metrics.values():
            yield from _names(value, depth + 1)
    elif isinstance(metrics, list | tuple):
        for item in metrics:
            yield from _names(item, depth + 1)
    else:
        name = _named(metrics)
        if name is not None:
            yield name
