"""Reads an architecture's config, in the words of any Keras, as a tree of parts. Pure."""

from __future__ import annotations

import base64
import binascii
import itertools
from collections.abc import Iterator, Mapping
from functools import cache
from importlib import resources
from typing import Any

from kerasmatrix.filesystem.yaml_source import YamlSource
from kerasmatrix.inspection.model_info import Lambda, Part, Training

__all__ = [
    "INNER",
    "custom_objects",
    "dtype_policies",
    "inside",
    "is_custom",
    "lambdas",
    "read_architecture",
    "read_training",
    "words",
]

Config = Mapping[str, Any]

# Under these keys a layer's config holds further layers.
INNER = ("layer", "forward_layer", "backward_layer", "cell", "cells", "model", "layers")
OWN_MODULES = ("keras", "tf_keras", "tensorflow")
# The first byte of a marshalled code object, with and without the flag for references.
CODE = {0xE3, 0x63}
WITH_POSITIONAL_ONLY = 6
# What a function begins with from 3.11 on, after at most a few instructions that make its cells.
RESUME_3_11, RESUME_3_13 = 151, 149
PROLOGUE = 4
# Nothing that is built nests like this, nor is that large.
DEEPEST = 64
MOST_PARTS = 100_000
MOST_AXES = 32  # of a tensor, to TensorFlow as well
MOST_NAMES, DEEPEST_NAME = 1000, 8  # of losses and metrics, which are lists and maps of them
LONGEST_NAME = 500  # characters; more of it is left out
# What Keras makes of a function that is used as a loss or metric.
WRAPPERS = {"LossFunctionWrapper", "MeanMetricWrapper"}


def read_architecture(config: Config, parameters: Mapping[str, int]) -> Part:
    """Return the tree of what ``config`` describes.

    Args:
        config: as stored: ``class_name``, ``config`` and whatever the release adds.
        parameters: how many each layer has, by its name, where that is known.

    Raises:
        ValueError: it describes more than any model has.
    """
    return _part(config, parameters, 0, itertools.count(1))


def words(value: object) -> str:
    """Return a name or the like as text that can be written down, and of a bearable length."""
    text = value if isinstance(value, str) else _told(value)
    text = text.encode("utf-8", "replace").decode("utf-8")
    return text if len(text) <= LONGEST_NAME else f"{text[:LONGEST_NAME]}…"


def _told(value: object) -> str:
    # The text of a list or an object could be endless.
    return str(value) if isinstance(value, int | float | None) else f"({type(value).__name__})"


def custom_objects(root: Part) -> tuple[str, ...]:
    """Return the classes that a program must bring along, each once."""
    return tuple(dict.fromkeys(part.class_name for part in root.walk() if part.custom))


def dtype_policies(config: Config) -> tuple[str, ...]:
    """Return the policies that layers name, each once; plain ``float32`` says nothing."""
    found = dict.fromkeys(
        policy
        for _, layer in _layers(config)
        if (policy := _dtype(layer.get("config"))) not in {None, "float32"}
    )
    return tuple(str(policy) for policy in found)


def lambdas(config: Config) -> tuple[Lambda, ...]:
    """Return where the file holds Python bytecode."""
    found = []
    for name, layer in _layers(config):
        inner = layer.get("config")
        if layer.get("class_name") == "Lambda" and isinstance(inner, Mapping):
            found.append(Lambda(layer=name, python=_python_of(inner.get("function"))))
    return tuple(found)


def read_training(
    training: Config, *, state: bool | None, slots: int = 0, steps: int = 0
) -> Training:
    """Return what a compile config says, in the words of any release."""
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
        parts=tuple(_part(each, parameters, depth + 1, number) for each in inside(config))
        if depth < DEEPEST
        else (),
    )


def inside(config: object) -> Iterator[Config]:
    """Yield the configs of the layers directly inside a layer's or model's config."""
    if isinstance(config, list):  # a Sequential of Keras 2.2 and before
        yield from (each for each in config if _is_layer(each))
    elif isinstance(config, Mapping):
        for key in INNER:
            value = config.get(key)
            for each in value if isinstance(value, list) else [value]:
                if isinstance(each, Mapping) and _is_layer(each):
                    yield each


def _is_layer(value: object) -> bool:
    return isinstance(value, Mapping) and "class_name" in value and "config" in value


def _layers(config: Config, depth: int = 0) -> Iterator[tuple[str, Config]]:
    """Yield every layer with its name, outermost first."""
    inner = config.get("config")
    name = inner.get("name") if isinstance(inner, Mapping) else None
    yield words(name or config.get("name") or config.get("class_name")), config
    if depth < DEEPEST:
        for each in inside(inner):
            yield from _layers(each, depth + 1)


def is_custom(class_name: str, module: object, registered: object) -> bool:
    """Say whether no Keras has it: by its module where that is told, else by its name."""
    if isinstance(module, str):
        return module.partition(".")[0] not in OWN_MODULES
    if registered is not None or ">" in class_name:
        return True
    return class_name not in _builtin_names()


@cache
def _builtin_names() -> frozenset[str]:
    with resources.as_file(resources.files("kerasmatrix.inspection")) as folder:
        told = YamlSource(folder / "builtins.yaml").data
    return frozenset((*told["layers"], *told["operations"]))


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
    told = config.get("dtype") if isinstance(config, Mapping) else None
    if isinstance(told, Mapping):
        inner = told.get("config")
        told = inner.get("name") if isinstance(inner, Mapping) else None
    return words(told) if isinstance(told, str) else None


def _named(told: object, depth: int = 0) -> str | None:
    """Return what a loss, metric or optimizer is called, however it is written down."""
    if depth > DEEPEST_NAME:
        return None
    if isinstance(told, Mapping):
        if "class_name" in told:
            return _class_or_function(words(told["class_name"]), told.get("config"))
        pairs = itertools.islice(told.items(), MOST_NAMES)
        return ", ".join(f"{words(key)}: {_named(each, depth + 1)}" for key, each in pairs) or None
    if isinstance(told, list):
        return ", ".join(str(_named(each, depth + 1)) for each in told[:MOST_NAMES]) or None
    return words(told) if isinstance(told, str) else None


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
        for each in metrics:
            yield from _names(each, depth + 1)
    else:
        name = _named(metrics)
        if name is not None:
            yield name


def _python_of(function: object) -> str | None:
    """Return which Pythons can read the bytecode of a Lambda.

    A marshalled code object does not say; its fields do. Before 3.8 it has no number of
    positional-only arguments, from 3.11 on none of locals (CPython, Python/marshal.c).
    """
    code: object = function[0] if isinstance(function, list) and function else function
    if isinstance(code, Mapping):
        inner = code.get("config")
        code = inner.get("code") if isinstance(inner, Mapping) else None
    if not isinstance(code, str):
        return None
    try:
        raw = base64.b64decode(code, validate=False)
    except (binascii.Error, ValueError):
        return None
    if not raw or raw[0] not in CODE:
        return None
    # Five or six numbers of four bytes, then a string of bytes: its type, its length, its content.
    for count in (6, 5):
        place = 1 + 4 * count
        if raw[place : place + 1] in {b"s", b"\xf3"}:
            return "3.8 to 3.10" if count == WITH_POSITIONAL_ONLY else _by_opcodes(raw[place + 5 :])
    return None


def _by_opcodes(code: bytes) -> str:
    """Tell 3.11 and later, whose code begins with RESUME, from 3.7 (their opcode tables)."""
    first = code[: 2 * PROLOGUE : 2]
    if RESUME_3_11 in first:
        return "3.11 to 3.12"
    return "3.13" if RESUME_3_13 in first else "3.7 and before"
