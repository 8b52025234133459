"""What in a stored architecture a release of Keras cannot make, as it comes upon it. Pure.

The walk is that of Keras's own deserializers: a functional model's class is looked up before its
layers, a wrapper's layer is made before the wrapper, keys are refused before values are read.
"""

from __future__ import annotations

from collections.abc import Container, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal

from kerasmatrix.environments.keras_version import is_keras_3
from kerasmatrix.inspection.architecture import inside, is_custom
from kerasmatrix.prediction.keras_api import Surface
from kerasmatrix.versions import minor_of

__all__ = ["Obstacle", "find_obstacles", "find_training_obstacles"]

Kind = Literal[
    "class", "custom", "key", "absent", "function", "module", "policy", "own-policy", "bare"
]
Config = Mapping[str, Any]

MODELS = {"Functional", "Model", "Sequential"}
# What Keras takes out of an old Lambda's config (LAMBDA_DEP_ARGS of the same module).
LAMBDA = {"module", "function_type", "output_shape_type", "output_shape_module"}
# Where a class is looked for whose config stands under a key that ends so.
PLACES = {
    "initializer": "initializers",
    "regularizer": "regularizers",
    "constraint": "constraints",
    "activation": "activations",
}
# What Keras 2 calls them (measured: mixed_precision, tf2.4 to tf2.21); Keras 3, since 3.4,
# DTypePolicy and kin (keras-team/keras pull 19752).
KERAS_2_POLICIES = {"Policy", "PolicyV1"}
# What `Operation.from_config` and `Layer.__init__` of Keras 3 take out of any layer's config.
MENDED = {"input_shape", "input_dim", "dtype", "name", "trainable"}
# What they take out of a layer that does not name its module, as up to 2.12 none did (legacy/
# saving/saving_utils.py), and InputLayer of any.
MENDED_OF_OLD = {"batch_input_shape"}
DEEPEST = 200


@dataclass(frozen=True)
class Obstacle:
    """Something that cannot be made.

    ``name`` is the class or function it is about, ``layer`` the layer's name, ``key`` the key of
    its config that is too many or missing, or that holds what is meant.
    """

    kind: Kind
    name: str
    layer: str
    key: str = ""


class _Walk:
    def __init__(self, surface: Surface, release: str, brought: Container[str]) -> None:
        self.surface = surface
        self.release = release
        self.keras_3 = is_keras_3(release)
        self.brought = brought

    def model(self, told: Config, depth: int = 0) -> Iterator[Obstacle]:
        """Yield what is in the way of a model's or layer's config, as stored."""
        if depth > DEEPEST:
            return
        name, layer = _class(told), _name(told)
        config, module = told.get("config"), told.get("module")
        own = name in self.brought or is_custom(
            str(told.get("class_name")), module, told.get("registered_name")
        )
        yield from self.lookup(name, layer, module, own=own)
        for each in inside(config):
            if self.keras_3 and name not in MODELS and "module" not in each:
                yield Obstacle("bare", _class(each), layer)
            yield from self.model(each, depth + 1)
        if not isinstance(config, Mapping) or name in MODELS:
            return
        if own:
            # What else a program's own class takes, only the program knows.
            for found in self.policy(layer, config.get("dtype")):
                yield replace(found, kind="own-policy")
        else:
            yield from self.layer(name, layer, config, old=not isinstance(module, str))

    def lookup(self, name: str, layer: str, module: object, *, own: bool) -> Iterator[Obstacle]:
        """Yield a class that is not found, or the module that it should be found in."""
        if name in MODELS and isinstance(module, str) and not self._has_module(module):
            yield Obstacle("module", name, layer, module)
        if own:
            if name not in self.brought:
                yield Obstacle("custom", name, layer)
        elif (name not in MODELS and not self._has(name, module)) or (
            name == "Functional"
            and not self.keras_3
            and not self.surface.has("layers", name, self.release)
        ):
            yield Obstacle("class", name, layer)

    def layer(self, name: str, layer: str, config: Config, *, old: bool) -> Iterator[Obstacle]:
        """Yield what is in the way of a layer's own config: its keys, then its values.

        An ``old`` one does not name its module.
        """
        mended = MENDED | MENDED_OF_OLD if old or name == "InputLayer" else MENDED
        mended = mended | LAMBDA if old and name == "Lambda" else mended
        yield from self.keys("layers", name, layer, config, mended if self.keras_3 else ())
        for key, value in config.items():
            if key == "dtype":
                yield from self.policy(layer, value)
                continue
            place = PLACES.get(key.rpartition("_")[2])
            if place and old and _is_wrapped(value) and not self.keras_3:
                # As 2.13 to 2.15 write it and their own reader of HDF5 does not understand it.
                yield Obstacle("function", "function", layer, key)
            elif place:
                yield from self.value(place, layer, key, value)

    def policy(self, layer: str, value: object) -> Iterator[Obstacle]:
        """Yield a dtype policy that is written as another Keras writes it."""
        if not isinstance(value, Mapping):
            return
        name = str(value.get("class_name"))
        if (name in KERAS_2_POLICIES) == self.keras_3:
            yield Obstacle("policy", name, layer, "dtype")

    def keys(
        self, place: str, name: str, layer: str, config: Config, mended: Container[str] = ()
    ) -> Iterator[Obstacle]:
        """Yield the keys of a config that its class does not take, and those it misses.

        Those ``mended`` Keras takes out before it makes the class.
        """
        if not self.surface.has(place, name, self.release):
            return
        takes = self.surface.takes(place, name, self.release)
        if takes is not None:
            for key in config:
                if key not in takes and key not in mended:
                    yield Obstacle("key", name, layer, key)
        for key in sorted(self.surface.needs(place, name, self.release) - set(config)):
            yield Obstacle("absent", name, layer, key)

    def value(self, place: str, layer: str, key: str, value: object) -> Iterator[Obstacle]:
        """Yield what is in the way of an initializer, regularizer, constraint or activation."""
        if isinstance(value, str):
            yield from self.function(place, value, layer, key)
        elif isinstance(value, Mapping) and "class_name" in value:
            name, inner = _class(value), value.get("config")
            if name == "function" and isinstance(inner, str):
                yield from self.function(place, inner, layer, key)
            elif not self.surface.is_known(place, name):
                if place != "activations" and name not in self.brought:
                    yield Obstacle("custom", name, layer, key)
            elif not self.surface.has(place, name, self.release):
                yield Obstacle("function", name, layer, key)
            elif isinstance(inner, Mapping):
                yield from self.keys(place, name, layer, inner)

    def function(self, place: str, name: str, layer: str, key: str) -> Iterator[Obstacle]:
        """Yield a function that is not found by its name."""
        plain = name.rpartition(">")[2]
        if self.surface.is_function(place, plain):
            if not self.surface.has_function(place, plain, self.release):
                yield Obstacle("function", plain, layer, key)
        elif plain not in self.brought:
            yield Obstacle("custom", plain, layer, key)

    def _has(self, name: str, module: object) -> bool:
        if isinstance(module, str) and ".ops" in module:
            return self.surface.has_operation(name, self.release)
        return self.surface.has("layers", name, self.release)

    def _has_module(self, module: str) -> bool:
        package, _, rest = module.partition(".")
        if not rest:
            return True
        if package == "tf_keras":
            return not self.keras_3 and minor_of(self.release) >= (2, 16)
        if rest.startswith("src.models"):
            return self.keras_3
        if rest.startswith("src.engine"):
            return (2, 13) <= minor_of(self.release) <= (2, 16)
        return minor_of(self.release) <= (2, 12)


def find_obstacles(
    architecture: Config, surface: Surface, release: str, brought: Container[str] = ()
) -> Iterator[Obstacle]:
    """Yield what ``release`` cannot make of an architecture, in the order it comes upon it.

    Args:
        architecture: ``class_name``, ``config`` and what else the file has beside them.
        surface: what releases have.
        release: of the Keras that is to load it.
        brought: names of the classes and functions that the loading program hands over.
    """
    return _Walk(surface, release, brought).model(architecture)


def find_training_obstacles(
    training: Config, surface: Surface, release: str, brought: Container[str] = ()
) -> Iterator[Obstacle]:
    """Yield what ``release`` cannot make of a compile config; arguments as `find_obstacles`."""
    walk = _Walk(surface, release, brought)
    optimizer = training.get("optimizer", training.get("optimizer_config"))
    if isinstance(optimizer, Mapping):
        name = _class(optimizer)
        inner = optimizer.get("config")
        if surface.is_known("optimizers", name) and not surface.has("optimizers", name, release):
            yield Obstacle("class", name, "optimizer")
        elif isinstance(inner, Mapping):
            yield from walk.keys("optimizers", name, "optimizer", inner)
    for place in ("loss", "metrics", "weighted_metrics"):
        for name in _leaves(training.get(place)):
            if _is_listed(surface, name):
                continue
            if name not in brought:
                yield Obstacle("custom", name, place)


def _is_listed(surface: Surface, name: str) -> bool:
    return any(
        surface.is_known(place, name) or surface.is_function(place, name)
        for place in ("losses", "metrics")
    ) or name in {"accuracy", "acc", "ce", "crossentropy"}


def _leaves(told: object) -> Iterator[str]:
    """Yield the names of the losses or metrics in a compile config."""
    if isinstance(told, str):
        yield told.rpartition(">")[2]
    elif isinstance(told, Mapping) and "class_name" in told:
        name, config = _class(told), told.get("config")
        if name == "function" and isinstance(config, str):
            yield config.rpartition(">")[2]
        elif name in {"LossFunctionWrapper", "MeanMetricWrapper"} and isinstance(config, Mapping):
            yield from _leaves(config.get("fn", config.get("name")))
        else:
            yield name
    elif isinstance(told, Mapping):
        for each in told.values():
            yield from _leaves(each)
    elif isinstance(told, list | tuple):
        for each in told:
            yield from _leaves(each)


def _is_wrapped(value: object) -> bool:
    return (
        isinstance(value, Mapping)
        and value.get("class_name") == "function"
        and value.get("module") == "builtins"
    )


def _class(told: Config) -> str:
    return str(told.get("class_name", "?")).rpartition(">")[2]


def _name(told: Config) -> str:
    config = told.get("config")
    name = config.get("name") if isinstance(config, Mapping) else None
    return str(name or told.get("name") or _class(told))
