"""Saves a model in a format, and loads it like the user's program, with ``load_model``."""

from __future__ import annotations

import importlib
import os
from typing import Any

from . import backend

__all__ = ["FILE_NAMES", "find", "inference_layer", "load", "load_reference", "major", "save"]

KERAS_3 = 3  # SavedModel became an export for inference
FILE_NAMES = {
    "h5": "model.h5",
    "keras": "model.keras",
    "keras-archive": "model.keras",
    "savedmodel": "model",
    "weights": "weights.h5",
}
# Keras 3 demands this ending (keras/src/saving/saving_api.py, save_weights). Keras 2.13 and later
# choose the new layout by it, earlier ones ignore it: each writer uses the name in its manual.
KERAS_3_WEIGHTS = "model.weights.h5"
# The list of shards, whose names Keras derives from its own; and a checkpoint's index, whose name
# without the ending is the checkpoint's.
SHARD_LIST, CHECKPOINT = ".weights.json", "model.index"


def save(model: Any, form: str, folder: str) -> None:
    """Write ``model`` into ``folder`` under the format's file name."""
    path = os.path.join(folder, FILE_NAMES[form])
    if form == "weights" and _has_exports(model):
        model.save_weights(os.path.join(folder, KERAS_3_WEIGHTS))
    elif form == "weights":
        model.save_weights(path)
    elif form == "savedmodel" and _has_exports(model):
        model.export(path)
    elif form == "savedmodel":
        model.save(path, save_format="tf")
    elif form == "keras-archive" and _keras_2_12():
        # Keras 2.12 writes HDF5 for the ending `.keras`, and for save_format="keras".
        model.save(path, save_format="keras_v3")
    else:
        model.save(path)


def find(form: str, folder: str) -> str:
    """Return the path of the model stored in ``folder``.

    A file that was saved elsewhere keeps its ending, since Keras chooses the format by it. If there
    is no model, return the usual path, which Keras then reports as missing.
    """
    usual = os.path.join(folder, FILE_NAMES[form])
    if form == "weights" and os.path.exists(os.path.join(folder, CHECKPOINT)):
        return os.path.join(folder, os.path.splitext(CHECKPOINT)[0])
    names = [KERAS_3_WEIGHTS] if form == "weights" else []
    present = sorted(os.listdir(folder)) if os.path.isdir(folder) else []
    for name in present:
        if form == "weights" and name.endswith(SHARD_LIST):
            return os.path.join(folder, name)
    for name in [*names, FILE_NAMES[form], *present]:
        if name.startswith(("model", "weights")) and os.path.exists(os.path.join(folder, name)):
            return os.path.join(folder, name)
    return usual


def load(form: str, folder: str, load_script: dict, build: Any) -> Any:
    """Return the model stored in ``folder``.

    ``load_script`` are the names of the scenario's ``load.py``; ``build`` makes the untrained
    model, for weights. Any other way to load the file is a fix.
    """
    path = find(form, folder)
    if form == "weights":
        model = build()
        model.load_weights(path)
        return model
    return load_script["load"](path)


def load_reference(form: str, folder: str, load_script: dict, build: Any) -> Any:
    """Return the model in ``folder``, or for a SavedModel in Keras 3 a layer with the same outputs.

    ``load_model`` of Keras 3 loads no SavedModel: one that Keras 3 exported would have no reference
    without this layer.
    """
    keras = load_script.get("keras") or backend.current().keras
    if form == "savedmodel" and major(keras) >= KERAS_3:
        return inference_layer(keras, find(form, folder))
    if form == "keras" and "load_packed" in load_script:  # also of an archive that is a folder
        return load_script["load_packed"](find(form, folder))
    return load(form, folder, load_script, build)


def inference_layer(keras: Any, path: str) -> Any:
    """Return Keras 3's layer for the SavedModel at ``path``.

    A signature takes several inputs by name, which the layer does not pass on; the function
    ``serve``, which Keras 3 exports as well, takes them like the model (measured: several inputs as
    savedmodel, tf2.21 to tf2.21).
    """
    layer = keras.layers.TFSMLayer(path, call_endpoint="serving_default")
    signature = getattr(layer.call_endpoint_fn, "structured_input_signature", None)
    named = signature[1] if signature else {}
    serve = getattr(layer._reloaded_obj, "serve", None)  # noqa: SLF001
    if len(named) < 2 or serve is None:  # noqa: PLR2004 - a single input needs no name
        return layer
    layer = keras.layers.TFSMLayer(path, call_endpoint="serve")
    arguments = serve.concrete_functions[0].structured_input_signature[0]
    if len(arguments) == 1:
        layer._saved_model_inputs_spec = arguments[0]  # noqa: SLF001 - read by `feeding`
    return layer


def keras_version(keras: Any) -> str:
    """Return the version of a Keras, such as ``2.2.4-tf`` or ``3.4.1``.

    ``tf.keras`` of TensorFlow 2.13 to 2.15 has no version; the package that it comes from does.
    """
    version = getattr(keras, "__version__", None)
    if version is None:
        package = keras.models.load_model.__module__.split(".")[0]
        version = importlib.import_module(package).__version__
    return str(version)


def _has_exports(model: Any) -> bool:
    """Whether ``model`` is a model of Keras 3, in an environment that may hold Keras 2, too."""
    for kind in type(model).__mro__:
        package = kind.__module__.split(".")[0]
        if package in ("tensorflow", "tf_keras"):
            return False
        if package == "keras":
            import keras

            return major(keras) >= KERAS_3
    return False


def major(keras: Any) -> int:
    """Return the major version of a Keras: 2 or 3."""
    return int(keras_version(keras).split(".")[0])


def _keras_2_12() -> bool:
    return keras_version(backend.current().keras).startswith("2.12.")
