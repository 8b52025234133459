"""The features of a file, and of a file in an environment, that rules test. Pure.

Each is a function; its docstring is its definition. `FEATURES` has their names in ``rules.yaml``.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from kerasmatrix.prediction.architecture_features import ARCHITECTURE_FEATURES
from kerasmatrix.prediction.axis_features import AXIS_FEATURES
from kerasmatrix.prediction.file_features import Features, features_of
from kerasmatrix.prediction.layout_features import LAYOUT_FEATURES
from kerasmatrix.prediction.target import Target
from kerasmatrix.results.equal_settings import differences

__all__ = ["FEATURES", "LOADER_FEATURES", "Features", "features_of"]

STEPS_AND_RATE = 2
# Names of losses that Keras 3 does not resolve. Metrics with such names load (measured: HDF5 with
# each loss and metric, in tf2.16 and tf2.21).
SHORT = {
    "mse", "mae", "mape", "msle", "kld", "bce", "MSE", "MAE", "MAPE", "MSLE", "KLD", "BCE",
    "cosine_proximity", "huber_loss", "kullback_leibler_divergence", "logcosh",
}  # fmt: skip


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


def _losses_only(features: Features, target: Target) -> bool:
    """Its losses are in a list or dictionary, and it has no metrics."""
    loss = features.training.get("loss")
    several = isinstance(loss, list) or (isinstance(loss, Mapping) and "class_name" not in loss)
    metrics = (features.training.get(key) for key in ("metrics", "weighted_metrics"))
    return several and not any(metrics)


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


def _without_optimizer(features: Features, target: Target) -> bool:
    """It was compiled with a loss or metrics, and without an optimizer."""
    return "optimizer" in features.training and features.training["optimizer"] is None


def _own_hyperparameters(features: Features, target: Target) -> bool:
    """A setting of its optimizer is not the default of that optimizer."""
    optimizer = features.training.get("optimizer_config", features.training.get("optimizer"))
    if not isinstance(optimizer, Mapping) or not isinstance(optimizer.get("config"), Mapping):
        return False
    name = str(optimizer.get("class_name")).rpartition(">")[2]
    own = {"class_name": name, "config": optimizer["config"]}
    return any(differences({"class_name": name, "config": {}}, own))


def _short_names(features: Features, target: Target) -> bool:
    """A loss has a name such as ``mse``."""
    return any(name in SHORT for name in _names(features.training.get("loss")))


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
    return any(layer.python is not None for layer in features.lambdas)


def _other_python(features: Features, target: Target) -> bool:
    """The environment's Python cannot run the bytecode of a Lambda."""
    return any(
        layer.python is not None and not _can_read(target.python, layer.python)
        for layer in features.lambdas
    )


def _raw_bytecode(features: Features, target: Target) -> bool:
    """It holds bytecode of a Lambda as Keras 2.0 wrote it, without an encoding."""
    return any(layer.raw for layer in features.lambdas)


def _schedule(features: Features, target: Target) -> bool:
    """Its optimizer's learning rate follows a schedule."""
    optimizer = features.training.get("optimizer_config", features.training.get("optimizer"))
    config = optimizer.get("config") if isinstance(optimizer, Mapping) else None
    return isinstance(config, Mapping) and isinstance(
        config.get("learning_rate", config.get("lr")), Mapping
    )


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


def _without_keras(features: Features, target: Target) -> bool:
    """It is a SavedModel without any metadata of Keras, such as that of a module."""
    return not features.config and features.contents.writer.keras is None


def _unpacked(features: Features, target: Target) -> bool:
    """It is an archive that is unpacked into a folder."""
    return features.contents.holder == "folder"


def _named_archive(features: Features, target: Target) -> bool:
    """It is called ``.keras``."""
    return features.contents.path.suffix == ".keras"


def _with_weights(features: Features, target: Target) -> bool:
    """It is an architecture with weights next to it."""
    return features.contents.companion is not None


def _keras_1(features: Features, target: Target) -> bool:
    """Keras 1 wrote it."""
    return features.contents.writer.keras_major == 1


def _lacks_numbers(features: Features, target: Target) -> bool:
    """The file with the numbers of its variables is missing."""
    return features.contents.stored.lacks_numbers


# Features that depend on the environment; the others ignore it.
LOADER_FEATURES = {"missing-global", "other-python"}
Feature = Callable[[Features, Any], bool]
FEATURES: Mapping[str, Feature] = {
    **ARCHITECTURE_FEATURES,
    **AXIS_FEATURES,
    **LAYOUT_FEATURES,
    "two-formats": _two_formats,
    "misnamed": _misnamed,
    "compiled": _compiled,
    "losses-only": _losses_only,
    "optimizer-state": _optimizer_state,
    "optimizer-arrays": _optimizer_arrays,
    "new-optimizer": _new_optimizer,
    "without-optimizer": _without_optimizer,
    "own-hyperparameters": _own_hyperparameters,
    "short-names": _short_names,
    "legacy-optimizer": _legacy_optimizer,
    "loss-with-function": _loss_with_function,
    "rate-called-lr": _rate_called_lr,
    "list-config": _list_config,
    "auto-reduction": _auto_reduction,
    "lambda": _lambda,
    "other-python": _other_python,
    "subclassed": _subclassed,
    "schedule": _schedule,
    "metadata": _metadata,
    "without-keras": _without_keras,
    "optimizer-slots": _optimizer_slots,
    "writer-unknown": _writer_unknown,
    "raw-bytecode": _raw_bytecode,
    "unpacked": _unpacked,
    "named-archive": _named_archive,
    "with-weights": _with_weights,
    "keras-1": _keras_1,
    "lacks-numbers": _lacks_numbers,
}


def _names(value: Any) -> Iterator[str]:  # noqa: ANN401 - JSON
    """Yield the losses that are stored as a name: of one output, or of each."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping) and "class_name" not in value:
        for inner in value.values():
            yield from _names(inner)
    elif isinstance(value, list | tuple):
        for inner in value:
            yield from _names(inner)


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
