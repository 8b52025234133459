"""Finds the parts of a stored architecture that a release of Keras cannot deserialize. Pure.

The walk has the order of Keras's own deserializers: the class of a functional model is looked up
before its layers, a wrapper's layer is created before the wrapper, keys are checked before values.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import islice
from typing import Any, Literal

from kerasmatrix.environments.keras_version import is_keras_3
from kerasmatrix.inspection.architecture import MODELS, inside, is_custom
from kerasmatrix.inspection.lambdas import named_function
from kerasmatrix.prediction.keras_api import KerasApi
from kerasmatrix.versions import minor_of

__all__ = [
    "PLACES",
    "Incompatibility",
    "IncompatibilityKind",
    "find_custom_objects",
    "find_incompatibilities",
    "find_training_incompatibilities",
]

IncompatibilityKind = Literal[
    "class", "coming", "custom", "key", "absent", "function", "module", "policy", "own-policy",
    "bare", "value", "operation",
]  # fmt: skip
Config = Mapping[str, Any]

# Keys that Keras removes from an old Lambda's config (LAMBDA_DEP_ARGS of the same module).
LAMBDA = {"module", "function_type", "output_shape_type", "output_shape_module"}
# The module with the classes for the values of keys with these endings.
PLACES = {
    "initializer": "initializers",
    "regularizer": "regularizers",
    "constraint": "constraints",
    "activation": "activations",
}
# The dtype policies of Keras 2 (measured: mixed_precision, tf2.4 to tf2.21). Keras 3 has, since
# 3.4, DTypePolicy and others (keras-team/keras pull 19752).
KERAS_2_POLICIES = {"Policy", "PolicyV1"}
# Keys that `Operation.from_config` and `Layer.__init__` of Keras 3 remove from any config.
REMOVED = {"input_shape", "input_dim", "dtype", "name"}
# Keys that they remove from a layer without a module, as all were up to 2.12 (legacy/saving/
# saving_utils.py), and from any InputLayer.
REMOVED_OF_OLD = {"batch_input_shape"}
# The module in which an archive of Keras 3 finds layers of Keras 2 that it cannot find by name.
LEGACY_MODULE = "keras._legacy."
# Values of arguments that some releases refuse in some formats: the rules tell which.
DOUBTFUL: Mapping[tuple[str, str], Callable[[object], bool]] = {
    ("Attention", "score_mode"): lambda value: value == "dot",
    ("BatchNormalization", "axis"): lambda value: isinstance(value, list),
}
DEEPEST = 200
MOST_OBJECTS = 200
# Objects of the program are found alike in every release of one major version of Keras.
EACH_MAJOR = ("2.15", "3.15")


@dataclass(frozen=True)
class Incompatibility:
    """A part of a model that cannot be deserialized.

    Attributes:
        kind: the kind of problem; with ``value``, only if a rule says so.
        name: the class or function.
        layer: the layer's name.
        key: the key of its config that is unknown or missing, or that has the problematic value.
        has_module: whether the file names the layer's module, which decides how Keras 3 reads it.
    """

    kind: IncompatibilityKind
    name: str
    layer: str
    key: str = ""
    has_module: bool = False


class _Walk:
    def __init__(self, api: KerasApi, release: str, custom_names: Container[str]) -> None:
        self.api = api
        self.release = release
        self.keras_3 = is_keras_3(release)
        self.custom_names = custom_names

    def model(self, stored: Config, depth: int = 0) -> Iterator[Incompatibility]:
        """Yield the incompatibilities of a model's or layer's config, as stored."""
        if depth > DEEPEST:
            return
        name, layer = _class(stored), _name(stored)
        config, module = stored.get("config"), stored.get("module")
        own = name in self.custom_names or is_custom(
            str(stored.get("class_name")), module, stored.get("registered_name")
        )
        has_module = isinstance(module, str)
        for each in self.lookup(name, layer, module, own=own):
            yield replace(each, has_module=has_module)
        for inner in inside(config):
            if self.keras_3 and name not in MODELS and "module" not in inner:
                yield Incompatibility("bare", _class(inner), layer)
            yield from self.model(inner, depth + 1)
        if not isinstance(config, Mapping) or name in MODELS:
            return
        if own:
            # Only the program knows the other keys of its own class.
            for policy in self.policy(layer, config.get("dtype")):
                yield replace(policy, kind="own-policy")
        else:
            for each in self.layer(name, layer, config, old=not has_module):
                yield replace(each, has_module=has_module)

    def lookup(
        self, name: str, layer: str, module: object, *, own: bool
    ) -> Iterator[Incompatibility]:
        """Yield a class that does not exist, or the module that does not."""
        if name in MODELS and isinstance(module, str) and not self._has_module(module):
            yield Incompatibility("module", name, layer, module)
        if own:
            if name not in self.custom_names:
                yield Incompatibility("custom", name, layer)
        elif (name not in MODELS and not self._has(name, module)) or (
            name == "Functional"
            and not self.keras_3
            and not self.api.has("layers", name, self.release)
        ):
            yield Incompatibility(self._missing(name, module), name, layer)

    def _missing(self, name: str, module: object) -> IncompatibilityKind:
        """Return the kind of a class of Keras that the release does not find."""
        is_layer = self.api.is_known("layers", name) or name in MODELS
        if _is_of_operations(module) or (self.api.is_operation(name) and not is_layer):
            return "operation"
        comes = name not in MODELS and self.api.comes("layers", name, self.release)
        return "coming" if comes else "class"

    def layer(
        self, name: str, layer: str, config: Config, *, old: bool
    ) -> Iterator[Incompatibility]:
        """Yield the incompatibilities of a layer's own config: its keys, then its values.

        An ``old`` one does not name its module.
        """
        if name == "Lambda":
            function = config.get("function")
            # Keras 3 refuses first the keys of a Lambda that Keras 2 wrote with its module.
            is_read = old or isinstance(function, Mapping) or not self.keras_3
            if named_function(function) is None and is_read:
                yield Incompatibility("value", name, layer, "function")
            yield from self.named_function(layer, config)
        removed = REMOVED | REMOVED_OF_OLD if old or name == "InputLayer" else REMOVED
        removed = removed | LAMBDA if old and name == "Lambda" else removed
        yield from self.keys("layers", name, layer, config, removed if self.keras_3 else ())
        for key, value in config.items():
            if key == "dtype":
                yield from self.policy(layer, value)
                continue
            place = PLACES.get(key.rpartition("_")[2])
            if place and old and _is_wrapped(value) and not self.keras_3:
                # 2.13 to 2.15 write it so, and cannot read it from HDF5 themselves.
                yield Incompatibility("function", "function", layer, key)
            elif place:
                yield from self.value(place, layer, key, value)
            elif (name, key) in DOUBTFUL and DOUBTFUL[name, key](value):
                yield Incompatibility("value", name, layer, key)

    def named_function(self, layer: str, config: Config) -> Iterator[Incompatibility]:
        """Yield the function of a Lambda that the file names and the program does not pass."""
        function = config.get("function")
        stored = named_function(function)
        module = function.get("module") if isinstance(function, Mapping) else None
        is_own = not isinstance(module, str) or is_custom("", module, None)
        name = stored.rpartition(">")[2] if stored else None
        if not stored or not name or not is_own:
            return
        if name in self.custom_names or stored in self.custom_names or self._finds(function, name):
            return
        yield Incompatibility("custom", name, layer, "function")

    def _finds(self, function: object, name: str) -> bool:
        """Return whether Keras 3 finds a function by name: `_retrieve_class_or_fn`."""
        is_listed = isinstance(function, Mapping) and function.get("module") == "builtins"
        places = ("activations", "losses", "metrics")
        return (
            self.keras_3
            and is_listed
            and any(self.api.has_function(place, name, self.release) for place in places)
        )

    def policy(self, layer: str, value: object) -> Iterator[Incompatibility]:
        """Yield a dtype policy in the form of the other major version of Keras."""
        if not isinstance(value, Mapping):
            return
        name = str(value.get("class_name"))
        if (name in KERAS_2_POLICIES) == self.keras_3:
            yield Incompatibility("policy", name, layer, "dtype")

    def keys(
        self, place: str, name: str, layer: str, config: Config, removed: Container[str] = ()
    ) -> Iterator[Incompatibility]:
        """Yield the keys of a config that its class does not accept, and those it requires.

        Keras removes the keys ``removed`` before it creates the class.
        """
        if not self.api.has(place, name, self.release):
            return
        takes = self.api.takes(place, name, self.release)
        if takes is not None:
            for key in config:
                if key not in takes and key not in removed:
                    yield Incompatibility("key", name, layer, key)
        for key in sorted(self.api.needs(place, name, self.release) - set(config)):
            yield Incompatibility("absent", name, layer, key)

    def value(self, place: str, layer: str, key: str, value: object) -> Iterator[Incompatibility]:
        """Yield the incompatibilities of an initializer, regularizer, constraint or activation."""
        if isinstance(value, str):
            yield from self.function(place, value, layer, key)
        elif isinstance(value, Mapping) and "class_name" in value:
            name, inner = _class(value), value.get("config")
            if name == "function" and isinstance(inner, str):
                yield from self.function(place, inner, layer, key)
            elif not self.api.is_known(place, name):
                if place != "activations" and name not in self.custom_names:
                    yield Incompatibility("custom", name, layer, key)
            elif not self.api.has(place, name, self.release):
                yield Incompatibility("function", name, layer, key)
            elif isinstance(inner, Mapping):
                yield from self.keys(place, name, layer, inner)

    def function(self, place: str, name: str, layer: str, key: str) -> Iterator[Incompatibility]:
        """Yield a function that does not exist."""
        plain = name.rpartition(">")[2]
        if self.api.is_function(place, plain):
            if not self.api.has_function(place, plain, self.release):
                yield Incompatibility("function", plain, layer, key)
        elif plain not in self.custom_names:
            yield Incompatibility("custom", plain, layer, key)

    def _has(self, name: str, module: object) -> bool:
        if _is_of_operations(module):
            return self.api.has_operation(name, self.release)
        if isinstance(module, str) and module.startswith(LEGACY_MODULE) and self.keras_3:
            return True
        return self.api.has("layers", name, self.release)

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


def find_incompatibilities(
    architecture: Config, api: KerasApi, release: str, custom_names: Container[str] = ()
) -> Iterator[Incompatibility]:
    """Yield the incompatibilities of an architecture, in the order in which ``release`` meets them.

    Args:
        architecture: ``class_name``, ``config`` and their siblings in the file.
        api: the API of the releases.
        release: of the Keras that has to load it.
        custom_names: names of the custom objects that the loading program passes.
    """
    return _Walk(api, release, custom_names).model(architecture)


def find_training_incompatibilities(
    training: Config, api: KerasApi, release: str, custom_names: Container[str] = ()
) -> Iterator[Incompatibility]:
    """Yield those of a compile config; arguments as for `find_incompatibilities`."""
    walk = _Walk(api, release, custom_names)
    optimizer = training.get("optimizer", training.get("optimizer_config"))
    if isinstance(optimizer, Mapping):
        name = _class(optimizer)
        inner = optimizer.get("config")
        if api.is_known("optimizers", name) and not api.has("optimizers", name, release):
            yield Incompatibility("class", name, "optimizer")
        elif isinstance(inner, Mapping):
            yield from walk.keys("optimizers", name, "optimizer", inner)
    for place in ("loss", "metrics", "weighted_metrics"):
        for name in _leaves(training.get(place)):
            if _is_listed(api, name):
                continue
            if name not in custom_names:
                yield Incompatibility("custom", name, place)


def find_custom_objects(
    architecture: object, training: object, api: KerasApi
) -> Iterator[tuple[str, bool]]:
    """Yield the name of each class or function of the program, and whether only training needs it.

    Args:
        architecture: of any shape, as stored.
        training: likewise, the compile config.
        api: the API of the releases.
    """
    seen = set()
    for config, find in (
        (architecture, find_incompatibilities),
        (training, find_training_incompatibilities),
    ):
        if not isinstance(config, Mapping) or not config:
            continue
        for release in EACH_MAJOR:
            own = (each.name for each in find(config, api, release) if each.kind == "custom")
            for name in islice(own, MOST_OBJECTS):
                # A function without a name (`<lambda>`) cannot be passed by one.
                if name and name not in seen:
                    seen.add(name)
                    yield name, find is find_training_incompatibilities


def _is_listed(api: KerasApi, name: str) -> bool:
    return any(
        api.is_known(place, name) or api.is_function(place, name) for place in ("losses", "metrics")
    ) or name in {"accuracy", "acc", "ce", "crossentropy"}


def _leaves(stored: object) -> Iterator[str]:
    """Yield the names of the losses or metrics in a compile config."""
    if isinstance(stored, str):
        yield stored.rpartition(">")[2]
    elif isinstance(stored, Mapping) and "class_name" in stored:
        name, config = _class(stored), stored.get("config")
        if name == "function" and isinstance(config, str):
            yield config.rpartition(">")[2]
        elif name in {"LossFunctionWrapper", "MeanMetricWrapper"} and isinstance(config, Mapping):
            yield from _leaves(config.get("fn", config.get("name")))
        else:
            yield name
    elif isinstance(stored, Mapping):
        for inner in stored.values():
            yield from _leaves(inner)
    elif isinstance(stored, list | tuple):
        for inner in stored:
            yield from _leaves(inner)


def _is_of_operations(module: object) -> bool:
    return isinstance(module, str) and ".ops" in module


def _is_wrapped(value: object) -> bool:
    return (
        isinstance(value, Mapping)
        and value.get("class_name") == "function"
        and value.get("module") == "builtins"
    )


def _class(stored: Config) -> str:
    return str(stored.get("class_name", "?")).rpartition(">")[2]


def _name(stored: Config) -> str:
    config = stored.get("config")
    name = config.get("name") if isinstance(config, Mapping) else None
    return str(name or stored.get("name") or _class(stored))
