"""The parts of a file that the zoo exhibits: layers, their values, compile arguments. Pure."""

from __future__ import annotations

from collections.abc import Container, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from kerasmatrix.inspection.architecture import FUNCTIONAL, WRAPPERS, inside, is_custom
from kerasmatrix.prediction.file_features import Features
from kerasmatrix.prediction.incompatibilities import PLACES

__all__ = ["Part", "parts_of"]

DEEPEST = 200


@dataclass(frozen=True, eq=False)
class Part:
    """A class or function in a file, with its settings.

    Attributes:
        place: its module of Keras, such as ``layers`` or ``optimizers.schedules``.
        name: the class or function.
        config: its settings.
        where: the layer, or the argument of ``compile``.
        wirings: how it is wired, as the names of exhibits say it: ``in-Sequential``.
    """

    place: str
    name: str
    config: Mapping[str, Any] = field(default_factory=dict)
    where: str = ""
    wirings: tuple[str, ...] = ()


def parts_of(features: Features, own: Container[str] = ()) -> tuple[Part, ...]:
    """Return the parts of a file at every depth, without the program's own classes.

    Args:
        features: of the file.
        own: names of the custom objects that the loading program passes.
    """
    found = (*_layers(features.config, ()), *_compiled(features.training))
    return tuple(part for part in found if part.name not in own)


def _layers(stored: Mapping[str, Any], wirings: tuple[str, ...], depth: int = 0) -> Iterator[Part]:
    if depth > DEEPEST or not stored:
        return
    name, config = _class(stored), stored.get("config")
    settings = config if isinstance(config, Mapping) else {}
    where = str(settings.get("name") or name)
    module, registered = stored.get("module"), stored.get("registered_name")
    if name not in FUNCTIONAL and not is_custom(str(stored.get("class_name")), module, registered):
        yield Part("layers", name, settings, where, wirings)
        for key, value in settings.items():
            place = PLACES.get(key.rpartition("_")[2])
            if place:
                yield from _value(place, value, where)
    inner = () if name in FUNCTIONAL else (f"in-{name}",)
    for layer in inside(config):
        yield from _layers(layer, inner, depth + 1)


def _value(place: str, value: object, where: str) -> Iterator[Part]:
    """Yield a class with its settings, or a function by its name."""
    if isinstance(value, str):
        yield Part(place, value.rpartition(">")[2], where=where)
    elif isinstance(value, Mapping) and "class_name" in value and _is_of_keras(value):
        name, config = _class(value), value.get("config")
        if name == "function" and isinstance(config, str):
            yield from _value(place, config, where)
        elif isinstance(config, Mapping):
            if name in WRAPPERS:
                yield from _value(place, config.get("fn", config.get("name")), where)
            else:
                yield Part(place, name, config, where)


def _compiled(training: Mapping[str, Any]) -> Iterator[Part]:
    optimizer = training.get("optimizer_config", training.get("optimizer"))
    if isinstance(optimizer, Mapping):
        is_legacy = str(optimizer.get("module")).endswith(".legacy")
        yield from _value(
            "optimizers.legacy" if is_legacy else "optimizers", optimizer, "optimizer"
        )
        config = optimizer.get("config")
        rate = config.get("learning_rate") if isinstance(config, Mapping) else None
        if isinstance(rate, Mapping):
            yield from _value("optimizers.schedules", rate, "optimizer")
    for key, place in (("loss", "losses"), ("metrics", "metrics"), ("weighted_metrics", "metrics")):
        for value in _leaves(training.get(key)):
            yield from _value(place, value, key)


def _leaves(stored: object, depth: int = 0) -> Iterator[object]:
    """Yield the losses or metrics of all outputs."""
    if isinstance(stored, str) or (isinstance(stored, Mapping) and "class_name" in stored):
        yield stored
    elif isinstance(stored, Mapping | list | tuple) and depth < DEEPEST:
        for inner in stored.values() if isinstance(stored, Mapping) else stored:
            yield from _leaves(inner, depth + 1)


def _is_of_keras(stored: Mapping[str, Any]) -> bool:
    """Return whether an object in a config is one of Keras, as far as the file shows."""
    module, name = stored.get("module"), str(stored.get("class_name"))
    if isinstance(module, str) and module != "builtins":
        return not is_custom(name, module, None)
    # Optimizers of TensorFlow 2.11 and 2.12 are registered under this name.
    return ">" not in name or name.startswith("Custom>")


def _class(stored: Mapping[str, Any]) -> str:
    return str(stored.get("class_name")).rpartition(">")[2]
