"""Prints the classes and functions of the Keras that this interpreter has, as JSON.

Runs in any environment. Its argument is the folder of the harness, whose `Reader` queries Keras.
"""

from __future__ import annotations

import importlib
import inspect
import json
import pkgutil
import sys
from pathlib import Path
from typing import Any

# Class names that are in model files and in no public module: those of functional models, of
# operations and of `add_loss`, those of releases before 1.15, and experimental ones.
UNLISTED = {
    "layers": [
        "Functional", "Model", "Sequential", "ClassMethod", "InstanceMethod", "InstanceProperty",
        "SlicingOpLambda", "TFOpLambda", "TensorFlowOpLayer", "AddLoss", "AddMetric",
        "BatchNormalizationV1", "BatchNormalizationV2", "LSTMV1", "LSTMV2", "GRUV1",
        "GRUV2", "CuDNNLSTM", "CuDNNGRU", "MaxPool1D", "MaxPool2D", "AvgPool2D", "Convolution1D",
        "Convolution2D", "Normalization", "Rescaling", "Resizing", "TextVectorization",
        "StringLookup", "IntegerLookup", "CategoryEncoding", "Discretization", "Hashing",
        "RandomFlip", "RandomRotation", "RandomZoom", "RandomContrast", "RandomCrop", "CenterCrop",
        "MultiHeadAttention", "EinsumDense", "GroupedQueryAttention", "SyncBatchNormalization",
        "RandomHeight", "RandomWidth", "RandomTranslation", "CategoryCrossing", "HashedCrossing",
        "RandomFourierFeatures",
    ],
    "initializers": [
        "GlorotUniform", "GlorotNormal", "HeNormal", "HeUniform", "LecunNormal", "LecunUniform",
    ],
    "regularizers": ["L1", "L2", "L1L2", "OrthogonalRegularizer"],
}  # fmt: skip
# Names of functions that are in model files and that Keras finds in no public module.
UNLISTED_FUNCTIONS = {
    "activations": ["leaky_relu", "log_softmax", "relu6", "silu"],
    "losses": ["BCE", "bce", "huber_loss"],
}  # fmt: skip
KERAS_3 = 3
FUNCTIONS = ["activations", "initializers", "regularizers", "constraints", "losses", "metrics"]


def main(harness: str) -> dict[str, Any]:
    """Return the classes of ``tf.keras`` by place with their keys, functions and operations."""
    sys.path.insert(0, str(Path(harness).parent))
    classes = importlib.import_module("harness.remedies.classes")
    formats = importlib.import_module("harness.formats")
    keras = importlib.import_module("tensorflow").keras
    keras.layers  # noqa: B018 - lazily loaded in some releases
    reader = classes.Reader(keras)
    # `tf.keras` of Keras 3 shows layers of Keras 2 that no loader finds (ThresholdedReLU).
    own = importlib.import_module("keras") if reader.major >= KERAS_3 else keras
    places: dict[str, Any] = {}
    for place in classes.PLACES:
        holder = own if place == "layers" else keras
        for part in place.split("."):
            holder = getattr(holder, part, None)
        for name in dir(holder):
            kind = getattr(holder, name)
            if inspect.isclass(kind):
                places.setdefault(place, {})[name] = keys_of(reader, kind)
    # Keras itself finds some classes that no module exports.
    for place, names in UNLISTED.items():
        for name in names:
            if name not in places[place] and is_known(reader, keras, place, name):
                shown = places.get("layers.experimental.preprocessing", {}).get(name)
                places[place][name] = shown or {"takes": None, "needs": []}
    return {
        "keras": formats.keras_version(keras),
        "python": sys.version.split()[0],
        "classes": places,
        "functions": {place: functions(keras, place) for place in FUNCTIONS},
        "operations": operations(reader.major),
    }


def keys_of(reader: object, kind: type) -> dict[str, Any]:
    """Return the keys that a config for the class may have and must have."""
    takes = reader.accepted(kind)  # type: ignore[attr-defined]
    return {
        "takes": None if takes is None else sorted(takes),
        "needs": sorted(reader.demanded(kind)),  # type: ignore[attr-defined]
    }


def is_known(reader: Any, keras: Any, place: str, name: str) -> bool:
    """Return whether the deserializer of Keras finds the class: its error is another one then."""
    stored = {"class_name": name, "config": {}}
    try:
        if place == "layers":
            reader.deserialize(stored, {})
        else:
            getattr(keras, place).deserialize(stored)
    except Exception as error:
        text = str(error)
        return not ("Unknown" in text or "Could not locate" in text or "Could not find" in text)
    return True


def functions(keras: object, place: str) -> list[str]:
    """Return the names that a place finds functions or objects by."""
    holder = getattr(keras, place)
    shown = {name for name in dir(holder) if not name.startswith("_")}
    names = {name for name in shown if not inspect.ismodule(getattr(holder, name))}
    names |= {name for name in UNLISTED_FUNCTIONS.get(place, ()) if is_found(holder, name)}
    return sorted(names)


def is_found(holder: Any, name: str) -> bool:
    """Return whether Keras finds a function by its name."""
    try:
        return callable(holder.get(name))
    except Exception:
        return False


def operations(major: int) -> list[str]:
    """Return the operations of Keras 3, which stand among the layers of a functional model."""
    if major < KERAS_3:
        return []
    source = importlib.import_module("keras.src.ops")
    base = importlib.import_module("keras.src.ops.operation").Operation
    operations = set()
    for info in pkgutil.iter_modules(source.__path__):
        if info.name.endswith("_test"):
            continue
        module = importlib.import_module("keras.src.ops." + info.name)
        operations |= {
            name
            for name, kind in vars(module).items()
            if inspect.isclass(kind) and issubclass(kind, base) and kind is not base
        }
    return sorted(operations)


if __name__ == "__main__":
    print("SURFACE " + json.dumps(main(sys.argv[1])))
