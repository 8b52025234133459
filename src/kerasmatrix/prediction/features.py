"""Signs that rules ask for: what is so of a file, and of a file in a certain environment. Pure.

Each sign is a function; its docstring is its definition, and its name what ``rules.yaml`` calls it.
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
    from kerasmatrix.inspection.read import Contents

__all__ = ["SIGNS", "SIGNS_OF_READERS", "Features", "features_of"]

KERAS_3 = 3
STEPS_AND_RATE = 2
RELEASE = re.compile(r"\d{1,3}\.\d{1,3}(?!\d)")
DEEPEST = 200
# Where a file names no version: Keras 1 and 2 before TensorFlow's own.
BEFORE_TENSORFLOW, FIRST_KERAS_3 = "1.15", "3.0"
# Losses and metrics that Keras 3 writes by names which it does not find again.
SHORT = {"mse", "mae", "mape", "msle", "kld", "MSE", "MAE", "MAPE", "MSLE", "KLD"}
DEPENDENCIES = "_layer_checkpoint_dependencies/"


@dataclass(frozen=True)
class Features:
    """What rules go by of a file: its contents, and what was read out of them once."""

    contents: Contents
    writer: str | None
    layers: tuple[Mapping[str, Any], ...]
    pythons: tuple[str | None, ...]

    @property
    def kind(self) -> str:
        """What `inspect` calls it."""
        return self.contents.kind

    @property
    def config(self) -> Mapping[str, Any]:
        """The architecture, empty where there is none."""
        return self.contents.config if isinstance(self.contents.config, Mapping) else {}

    @property
    def training(self) -> Mapping[str, Any]:
        """The compile config, empty where there is none."""
        return self.contents.training if isinstance(self.contents.training, Mapping) else {}

    @cached_property
    def classes(self) -> frozenset[str]:
        """The classes of all layers."""
        return frozenset(str(layer.get("class_name")).rpartition(">")[2] for layer in self.layers)


def features_of(contents: Contents) -> Features:
    """Return the features of what was read from a file."""
    config = contents.config if isinstance(contents.config, Mapping) else {}
    return Features(
        contents=contents,
        writer=_writer(contents),
        layers=tuple(_walk(config)) if config else (),
        pythons=tuple(each.python for each in lambdas(config)) if config else (),
    )


def _writer(contents: Contents) -> str | None:
    """Return the release of Keras that wrote it: what it says, else the first that it may be."""
    writer = contents.writer
    if writer.keras_major == KERAS_3:
        return _minor(writer.keras or "") or FIRST_KERAS_3
    if writer.tensorflow:
        return _minor(writer.tensorflow.partition(" ")[0])
    return BEFORE_TENSORFLOW if writer.keras_major else None


def _minor(version: str) -> str | None:
    """Return the minor that a file names, if what it names is a version: it may be anything."""
    found = RELEASE.match(version)
    return found.group() if found else None


def _walk(layer: Mapping[str, Any], depth: int = 0) -> Iterator[Mapping[str, Any]]:
    yield layer
    if depth < DEEPEST:
        for each in inside(layer.get("config")):
            yield from _walk(each, depth + 1)


def _misnamed(features: Features, target: Target) -> bool:
    """It is HDF5 and is called ``.keras``."""
    return features.kind == "hdf5-model" and features.contents.path.suffix == ".keras"


def _two_formats(features: Features, target: Target) -> bool:
    """It is two formats at once, and it depends on the version which of them is loaded."""
    contents = features.contents
    return contents.second is not None and (
        features.kind == "saved-model" or contents.path.name.endswith(".keras")
    )


def _compiled(features: Features, target: Target) -> bool:
    """It holds what the model was compiled with."""
    return bool(features.training)


def _optimizer_state(features: Features, target: Target) -> bool:
    """It holds the variables of its optimizer, beyond the count of steps and the rate."""
    return features.contents.stored.optimizer_arrays > STEPS_AND_RATE


def _optimizer_arrays(features: Features, target: Target) -> bool:
    """It holds any variable of its optimizer, if only the count of steps."""
    return features.contents.stored.optimizer_arrays > 0


def _new_optimizer(features: Features, target: Target) -> bool:
    """Its optimizer is of the generation of TensorFlow 2.11: ``Custom>Adam``, ``weight_decay``."""
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
    """Its losses or metrics go by names such as ``mse``."""
    return any(name in SHORT for name in _strings(features.training, ("loss", "metrics")))


def _legacy_optimizer(features: Features, target: Target) -> bool:
    """Its optimizer is one of before TensorFlow 2.11, and says so: ``keras.optimizers.legacy``."""
    optimizer = features.training.get("optimizer")
    return isinstance(optimizer, Mapping) and str(optimizer.get("module")).endswith(
        "optimizers.legacy"
    )


def _loss_with_function(features: Features, target: Target) -> bool:
    """A loss that is a class of its own is written with the function that it calls."""
    told = features.training.get("loss")
    return any(
        isinstance(each.get("config"), Mapping)
        and "fn" in each["config"]
        and each.get("class_name") != "LossFunctionWrapper"
        for each in _mappings(told)
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
    """A loss of it is to be summed up as Keras 2 sees fit."""
    told = features.training.get("loss")
    return any(each.get("reduction") == "auto" for each in _mappings(told))


def _lambda(features: Features, target: Target) -> bool:
    """It holds Python bytecode in a Lambda layer."""
    return any(each is not None for each in features.pythons)


def _other_python(features: Features, target: Target) -> bool:
    """The bytecode of a Lambda is of a Python whose code that of the environment cannot run."""
    return any(each is not None and not _can_read(target.python, each) for each in features.pythons)


def _no_input_layer(features: Features, target: Target) -> bool:
    """It is a Sequential whose first layer tells its own input's shape."""
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
    """Its attention does not say the shapes of what goes in, as before TensorFlow 2.5."""
    return any(
        layer.get("class_name") == "MultiHeadAttention"
        and isinstance(config := layer.get("config"), Mapping)
        and "query_shape" not in config
        for layer in features.layers
    )


def _hard_sigmoid(features: Features, target: Target) -> bool:
    """A layer of it uses ``hard_sigmoid``."""
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
    """Its weights are laid out as TensorFlow 2.12 to 2.14 did in an archive."""
    return any(path.startswith(DEPENDENCIES) for path in features.contents.stored.paths)


def _by_twos(features: Features, target: Target) -> bool:
    """It counts layers of a class by twos, as 2.12 and 2.13 did: ``dense``, ``dense_2``."""
    return _dependencies(features, target) and bool(
        {name for name in _groups(features) if name.endswith("_2")}
        and not {name for name in _groups(features) if name.endswith("_1")}
    )


def _by_ones(features: Features, target: Target) -> bool:
    """It counts layers of a class one by one, as 2.14 and later do: ``dense``, ``dense_1``."""
    return any(name.endswith("_1") for name in _groups(features))


def _groups(features: Features) -> set[str]:
    return {path.split("/")[1] for path in features.contents.stored.paths if path.count("/") > 1}


def _subclassed(features: Features, target: Target) -> bool:
    """Its root is a class of a program's own."""
    return bool(features.config) and str(features.config.get("class_name")) not in {
        "Functional", "Model", "Sequential"
    }  # fmt: skip


def _writer_unknown(features: Features, target: Target) -> bool:
    """Neither it nor what is in it says which Keras wrote it."""
    return features.writer is None


def _optimizer_slots(features: Features, target: Target) -> bool:
    """It is a SavedModel with what an optimizer keeps beside each variable."""
    return features.kind == "saved-model" and features.contents.stored.optimizer_arrays > 0


def _metadata(features: Features, target: Target) -> bool:
    """It is a SavedModel with what Keras noted of the model."""
    return bool(features.config)


# What depends on the environment; of all other signs it is not asked.
SIGNS_OF_READERS = {"other-python"}
Sign = Callable[[Features, Any], bool]
SIGNS: Mapping[str, Sign] = {
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


def _strings(told: Any, keys: tuple[str, ...]) -> Iterator[str]:  # noqa: ANN401 - JSON
    for key in keys:
        yield from _leaves(told.get(key))


def _leaves(told: Any) -> Iterator[str]:  # noqa: ANN401 - JSON
    if isinstance(told, str):
        yield told
    elif isinstance(told, Mapping):
        for value in told.values():
            yield from _leaves(value)
    elif isinstance(told, list | tuple):
        for value in told:
            yield from _leaves(value)


def _mappings(told: Any) -> Iterator[Mapping[str, Any]]:  # noqa: ANN401 - JSON
    """Yield all mappings in JSON, at whatever depth."""
    if isinstance(told, Mapping):
        yield told
        for value in told.values():
            yield from _mappings(value)
    elif isinstance(told, list | tuple):
        for value in told:
            yield from _mappings(value)


def _can_read(python: str, of: str) -> bool:
    """Say whether ``python`` runs bytecode of ``of``: ``3.8 to 3.10``, ``3.7 and before``."""
    found = re.findall(r"3\.(\d+)", of)
    minor = int(python.split(".")[1])
    first, last = (int(found[0]), int(found[-1])) if found else (minor, minor)
    return minor <= last if "before" in of else first <= minor <= last
