"""Loads a user's model file, as a program with the model's custom classes does.

It is the ``load.py`` of a checked file's scenario. ``given.json`` in the same folder lists the
assets: ``code``, the module with the custom classes; ``inputs``: whether it has sample inputs;
``registered``: the objects' names by those under which the file asks for them; ``architecture``:
the JSON of a model whose weights are loaded; ``unpacked``: whether the archive is a folder for the
program; ``ending``: of that folder's name, which Keras looks at.
"""

import importlib
import inspect
import json
import os
import tempfile
import zipfile

import numpy as np

from tensorflow import keras

HERE = os.path.dirname(os.path.abspath(__file__))


def _objects(module, registered):
    """Return the module's ``custom_objects``, else the classes and functions that it defines."""
    if hasattr(module, "custom_objects"):
        return dict(module.custom_objects)
    objects = {
        name: value
        for name, value in vars(module).items()
        if (inspect.isclass(value) or inspect.isfunction(value))
        and value.__module__ == module.__name__
        and name != "build"
    }
    # An object that is not decorated in this module was where the file was saved.
    for key, name in registered.items():
        if name in objects:
            objects[key] = objects[name]
    return objects


with open(os.path.join(HERE, "given.json")) as _handle:
    _given = json.load(_handle)

if _given["code"]:
    _module = importlib.import_module(_given["code"])
    given_objects = _objects(_module, _given["registered"])
    if hasattr(_module, "build"):
        build = _module.build
else:
    given_objects = {}

if _given.get("architecture") and "build" not in globals():

    def build():
        """Make the model of the architecture, with new weights."""
        with open(os.path.join(HERE, _given["architecture"])) as stored:
            return keras.models.model_from_json(stored.read(), custom_objects=given_objects)


if _given["inputs"]:

    def probe():
        """Return the sample inputs by name, in the order in which they were stored."""
        with np.load(os.path.join(HERE, "inputs.npz")) as stored:
            return {name: stored[name] for name in stored.files}


def load_packed(path):
    """Load ``path``, with the custom objects if there are any."""
    if given_objects:
        return keras.models.load_model(path, custom_objects=given_objects)
    return keras.models.load_model(path)


if not _given.get("unpacked"):
    load = load_packed
else:

    def load(path):
        """Load the folder with the content of the archive ``path``; a fix changes the archive."""
        if not os.path.islink(path):
            return load_packed(path)
        folder = tempfile.mkdtemp(_given.get("ending", ""))
        with zipfile.ZipFile(path) as archive:
            archive.extractall(folder)
        return load_packed(folder)
