"""The features of a file, and of a file in an environment, that rules test. Pure.

Each is a function; its docstring is its definition. `FEATURES` has their names in ``rules.yaml``.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from kerasmatrix.inspection.architecture import inside, lambdas
from kerasmatrix.prediction.target import Target
from kerasmatrix.results.equal_settings import differences

if TYPE_CHECKING:
    from kerasmatrix.inspection.contents import Contents

__all__ = ["FEATURES", "LOADER_FEATURES", "Features", "features_of"]

KERAS_3 = 3
STEPS_AND_RATE = 2
RELEASE = re.compile(r"\d{1,3}\.\d{1,3}(?!\d)")
DEEPEST = 200
# For files without a version: Keras 1 and 2 before TensorFlow's own Keras.
BEFORE_TENSORFLOW, FIRST_KERAS_3 = "1.15", "3.0"
# Losses and metrics that Keras 3 writes under names that it cannot resolve.
SHORT = {"mse", "mae", "mape", "msle", "kld", "MSE", "MAE", "MAPE", "MSLE", "KLD"}
DEPENDENCIES = "_layer_checkpoint_dependencies/"


@dataclass(frozen=True)
class Features:
    """The contents of a file, and the parts of them that rules need."""

    contents: Contents
    writer: str | None
    layers: tuple[Mapping[str, Any], ...]
    pythons: tuple[str | None, ...]

    @property
    def kind(self) -> str:
        """The kind that `inspect` reports."""
        return self.contents.kind

    @property
    def config(self) -> Mapping[str, Any]:
        """The architecture, empty if there is none."""
        return self.contents.config if isinstance(self.contents.config, Mapping) else {}

    @property
    def training(self) -> Mapping[str, Any]:
        """The compile config, empty if there is none."""
        return self.contents.training if isinstance(self.contents.training, Mapping) else {}

    @cached_property
    def classes(self) -> frozenset[str]:
        """The classes of all layers."""
        return frozenset(str(layer.get("class_name")).rpartition(">")[2] for layer in self.layers)


def features_of(contents: Contents) -> Features:
    """Return the features of a file's contents."""
    config = contents.config if isinstance(contents.config, Mapping) else {}
    return Features(
        contents=contents,
        writer=_writer(contents),
        layers=tuple(_walk(config)) if config else (),
        pythons=tuple(layer.python for layer in lambdas(config)) if config else (),
    )


def _writer(contents: Contents) -> str | None:
    """Return the release of Keras that wrote the file: the recorded one, or the first possible."""
    writer = contents.writer
    if writer.keras_major == KERAS_3:
        return _minor(writer.keras or "") or FIRST_KERAS_3
    if writer.tensorflow:
        return _minor(writer.tensorflow.partition(" ")[0])
    return BEFORE_TENSORFLOW if writer.keras_major else None


def _minor(version: str) -> str | None:
    """Return the minor in a file's version, if that is one: it may be any text."""
    release = RELEASE.match(version)
    return release.group() if release else None


def _walk(layer: Mapping[str, Any], depth: int = 0) -> Iterator[Mapping[str, Any]]:
    yield layer
    if depth < DEEPEST:
        for inner in inside(layer.get("config")):
            yield from _walk(inner, depth + 1)


def _misnamed(features: Features, target: Target) -> bool:
    """It is HDF5 and is called ``.keras``."""
    return features.kind == "hdf5-model" and features.contents.path.suffix == ".keras"


def _two_formats(features: Features, target: Target) -> bool:
    """It has two types at once, and versions differ in which they load."""
    contents = features.contents
    return contents.second is not None and (
        features.kind == "saved-model" or contents.path.name.endswith(".keras")
    )


def _compiled(features: Features, target: Target) -> bool:
    """It holds a compile config."""
    return bool(features.training)


def _optimizer_state(features: Features, target: Target) -> bool:
    """It holds the variables of its optimizer, beyond the number of steps and the rate."""
    return features.contents.stored.optimizer_arrays > STEPS_AND_RATE


def _optimizer_arrays(features: Features, target: Target) -> bool:
    """It holds any variable of its optimizer, even if only the number of steps."""
    return features.contents.stored.optimizer_arrays > 0


def _new_optimizer(features: Features, target: Target) -> bool:
    """Its optimizer is one of TensorFlow 2.11 or later: ``Custom>Adam``, ``weight_decay``."""
    optimizer = features.training.get("optimizer_config", features.training.get("optimizer"))
    if not isinstance(optimizer, Mapping):
        return False
    config = optimizer.get("config")
    keys = set(config) if isinstance(config, Mapping) else set()
    name = str(optimizer.get("class_name"))
    return name.startswith("Custom>") or bool(keys & {"weight_decay", "jit_compile"})


def _own_hyperparameters(features: Features, target: Target) -> bool:
    """A setting of its optimizer is not the default of that optimizer."""
    optimizer = features.training.get("optimizer_config", features.training.get("optimizer"))
    if not isinstance(optimizer, Mapping) or not isinstance(optimizer.get("config"), Mapping):
        return False
    name = str(optimizer.get("class_name")).rpartition(">")[2]
    own = {"class_name": name, "config": optimizer["config"]}
    return any(differences({"class_name": name, "config": {}}, own))


def _short_names(features: Features, target: Target) -> bool:
    """Its losses or metrics have names such as ``mse``."""
    return any(name in SHORT for name in _strings(features.training, ("loss", "metrics")))


def _legacy_optimizer(features: Features, target: Target) -> bool:
    """Its optimizer is in ``keras.optimizers.legacy``: one from before TensorFlow 2.11."""
    optimizer = features.training.get("optimizer")
    return isinstance(optimizer, Mapping) and str(optimizer.get("module")).endswith(
        "optimizers.legacy"
    )


def _loss_with_function(features: Features, target: Target) -> bool:
    """A loss that is a class is stored together with the function that it calls."""
    value = features.training.get("loss")
    return any(
        isinstance(loss.get("config"), Mapping)
        and "fn" in loss["config"]
        and loss.get("class_name") != "LossFunctionWrapper"
        for loss in _mappings(value)
    )


def _rate_called_lr(features: Features, target: Target) -> bool:
    """Its optimizer's learning rate is called ``lr``, as in Keras 2.3 and before."""
    optimizer = features.training.get("optimizer_config")
    config = optimizer.get("config") if isinstance(optimizer, Mapping) else None
    return isinstance(config, Mapping) and "lr" in config


def _list_config(features: Features, target: Target) -> bool:
    """It is a Sequential whose config is the list of its layers, as in Keras 2.2 and before."""
    return isinstance(features.config.get("config"), list)


def _auto_reduction(features: Features, target: Target) -> bool:
    """A loss has the reduction ``auto`` of Keras 2."""
    value = features.training.get("loss")
    return any(loss.get("reduction") == "auto" for loss in _mappings(value))


def _lambda(features: Features, target: Target) -> bool:
    """It holds Python bytecode in a Lambda layer."""
    return any(python is not None for python in features.pythons)


def _other_python(features: Features, target: Target) -> bool:
    """The environment's Python cannot run the bytecode of a Lambda."""
    return any(
        python is not None and not _can_read(target.python, python) for python in features.pythons
    )


def _no_input_layer(features: Features, target: Target) -> bool:
    """It is a Sequential whose first layer stores the input shape."""
    config = features.config.get("config")
    first = next(iter(inside(config)), None)
    return (
        features.config.get("class_name") == "Sequential"
        and first is not None
        and first.get("class_name") != "InputLayer"
    )


def _nested_functional(features: Features, target: Target) -> bool:
    """A functional model is a layer of a functional model."""
    functional = {"Functional", "Model"}
    return str(features.config.get("class_name")) in functional and any(
        str(layer.get("class_name")) in functional for layer in features.layers[1:]
    )


def _unshaped_attention(features: Features, target: Target) -> bool:
    """An attention layer lacks the shapes of its inputs, as before TensorFlow 2.5."""
    return any(
        layer.get("class_name") == "MultiHeadAttention"
        and isinstance(config := layer.get("config"), Mapping)
        and "query_shape" not in config
        for layer in features.layers
    )


def _hard_sigmoid(features: Features, target: Target) -> bool:
    """A layer uses ``hard_sigmoid``."""
    return any(
        value == "hard_sigmoid"
        for layer in features.layers
        if isinstance(layer.get("config"), Mapping)
        for key, value in layer["config"].items()
        if key.endswith("activation")
    )


def _schedule(features: Features, target: Target) -> bool:
    """Its optimizer's learning rate follows a schedule."""
    optimizer = features.training.get("optimizer_config", features.training.get("optimizer"))
    config = optimizer.get("config") if isinstance(optimizer, Mapping) else None
    return isinstance(config, Mapping) and isinstance(
        config.get("learning_rate", config.get("lr")), Mapping
    )


def _dependencies(features: Features, target: Target) -> bool:
    """Its weights have the layout of TensorFlow 2.12 to 2.14 in an archive."""
    return any(path.startswith(DEPENDENCIES) for path in features.contents.stored.paths)


def _by_twos(features: Features, target: Target) -> bool:
    """It numbers the layers of a class by twos, as 2.12 and 2.13 do: ``dense``, ``dense_2``."""
    return _dependencies(features, target) and bool(
        {name for name in _groups(features) if name.endswith("_2")}
        and not {name for name in _groups(features) if name.endswith("_1")}
    )


def _by_ones(features: Features, target: Target) -> bool:
    """It numbers the layers of a class by ones, as 2.14 and later do: ``dense``, ``dense_1``."""
    return any(name.endswith("_1") for name in _groups(features))


def _groups(features: Features) -> set[str]:
    return {path.split("/")[1] for path in features.contents.stored.paths if path.count("/") > 1}


def _subclassed(features: Features, target: Target) -> bool:
    """Its root is a custom class."""
    return bool(features.config) and str(features.config.get("class_name")) not in {
        "Functional", "Model", "Sequential"
    }  # fmt: skip


def _writer_unknown(features: Features, target: Target) -> bool:
    """The version that wrote it is unknown."""
    return features.writer is None


def _optimizer_slots(features: Features, target: Target) -> bool:
    """It is a SavedModel with the slot variables of an optimizer."""
    return features.kind == "saved-model" and features.contents.stored.optimizer_arrays > 0


def _metadata(features: Features, target: Target) -> bool:
    """It is a SavedModel with metadata of Keras."""
    return bool(features.config)


# Features that depend on the environment; the others ignore it.
LOADER_FEATURES = {"other-python"}
Feature = Callable[[Features, Any], bool]
FEATURES: Mapping[str, Feature] = {
    "two-formats": _two_formats,
    "misnamed": _misnamed,
    "compiled": _compiled,
    "optimizer-state": _optimizer_state,
    "optimizer-arrays": _optimizer_arrays,
    "new-optimizer": _new_optimizer,
    "own-hyperparameters": _own_hyperparameters,
    "short-names": _short_names,
    "legacy-optimizer": _legacy_optimizer,
    "loss-with-function": _loss_with_function,
    "rate-called-lr": _rate_called_lr,
    "list-config": _list_config,
    "auto-reduction": _auto_reduction,
    "lambda": _lambda,
    "other-python": _other_python,
    "no-input-layer": _no_input_layer,
    "unshaped-attention": _unshaped_attention,
    "nested-functional": _nested_functional,
    "hard-sigmoid": _hard_sigmoid,
    "subclassed": _subclassed,
    "schedule": _schedule,
    "dependencies-layout": _dependencies,
    "counted-by-twos": _by_twos,
    "counted-by-ones": _by_ones,
    "metadata": _metadata,
    "optimizer-slots": _optimizer_slots,
    "writer-unknown": _writer_unknown,
}


def _strings(value: Any, keys: tuple[str, ...]) -> Iterator[str]:  # noqa: ANN401 - JSON
    for key in keys:
        yield from _leaves(value.get(key))


def _leaves(value: Any) -> Iterator[str]:  # noqa: ANN401 - JSON
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for inner in value.values():
            yield from _leaves(inner)
    elif isinstance(value, list | tuple):
        for inner in value:
            yield from _leaves(inner)


def _mappings(value: Any) -> Iterator[Mapping[str, Any]]:  # noqa: ANN401 - JSON
    """Yield all mappings in JSON, at whatever depth."""
    if isinstance(value, Mapping):
        yield value
        for inner in value.values():
            yield from _mappings(inner)
    elif isinstance(value, list | tuple):
        for inner in value:
            yield from _mappings(inner)


def _can_read(python: str, of: str) -> bool:
    """Return whether ``python`` runs bytecode of ``of``: ``3.8 to 3.10``, ``3.7 and before``."""
    minors = re.findall(r"3\.(\d+)", of)
    minor = int(python.split(".")[1])
    first, last = (int(minors[0]), int(minors[-1])) if minors else (minor, minor)
    return minor <= last if "before" in of else first <= minor <= last
