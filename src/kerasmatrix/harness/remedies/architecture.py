"""The architecture that a model file holds as JSON: read it, and write a copy with another.

HDF5 files hold it in two attributes of the root, archives in ``config.json``. The content decides
which of the two a file is, since the ending may be wrong.
"""

from __future__ import annotations

import json
import shutil
import zipfile
from typing import Any

__all__ = ["Stored", "class_names", "is_from_keras_3", "read", "write_copy"]

CONFIG, TRAINING = "model_config", "training_config"  # attributes of an HDF5 file
MEMBER, COMPILE = "config.json", "compile_config"  # of an archive, and a key in it


class Stored:
    """An architecture, and the training configuration (None if the model was not compiled).

    ``archive`` is True if it is from an archive, and not from HDF5.
    """

    def __init__(self, config: dict, training: dict | None, *, archive: bool) -> None:
        self.config = config
        self.training = training
        self.archive = archive


def read(path: str) -> Stored:
    """Read the architecture in the file at ``path``.

    Raises:
        ValueError: the file has none.
        OSError: it is neither HDF5 nor an archive.
    """
    if zipfile.is_zipfile(path):
        with zipfile.ZipFile(path) as archive:
            config = json.loads(archive.read(MEMBER).decode("utf-8"))
        return Stored(config, config.pop(COMPILE, None), archive=True)
    import h5py

    with h5py.File(path, "r") as handle:
        if CONFIG not in handle.attrs:
            raise ValueError("the file holds weights and no architecture")
        config = json.loads(_text(handle.attrs[CONFIG]))
        training = handle.attrs.get(TRAINING)
        return Stored(config, json.loads(_text(training)) if training else None, archive=False)


def is_from_keras_3(stored: Stored) -> bool:
    """Whether Keras 3 wrote this."""
    if "keras.src.models" in str(stored.config.get("module")):
        return True
    layers = stored.config.get("config", {})
    layers = layers.get("layers", []) if isinstance(layers, dict) else []
    for layer in layers:
        config = layer.get("config", {})
        if "batch_shape" in config:
            return True
        if any(isinstance(node, dict) for node in layer.get("inbound_nodes", [])):
            return True
    return False


def class_names(value: Any) -> set:
    """Return the names of all classes in a config, without their packages."""
    if isinstance(value, list):
        return {name for member in value for name in class_names(member)}
    if not isinstance(value, dict):
        return set()
    names = {name for member in value.values() for name in class_names(member)}
    name = value.get("class_name")
    return names | {name.rpartition(">")[2]} if isinstance(name, str) else names


def write_copy(source: str, target: str, config: dict, training: dict | None) -> None:
    """Copy ``source`` to ``target`` with another architecture, and no other change.

    Without ``training`` the copy holds a model that was not compiled.
    """
    if zipfile.is_zipfile(source):
        stored = config if training is None else dict(config, **{COMPILE: training})
        with zipfile.ZipFile(source) as old, zipfile.ZipFile(target, "w") as new:
            for entry in old.infolist():
                if entry.filename == MEMBER:
                    new.writestr(entry, json.dumps(stored))
                else:
                    new.writestr(entry, old.read(entry.filename))
        return
    import h5py

    shutil.copyfile(source, target)
    with h5py.File(target, "r+") as handle:
        # As bytes, like Keras: loaders with h5py 2 decode them.
        handle.attrs[CONFIG] = json.dumps(config).encode("utf-8")
        if training is not None:
            handle.attrs[TRAINING] = json.dumps(training).encode("utf-8")
        elif TRAINING in handle.attrs:
            del handle.attrs[TRAINING]


def _text(value: Any) -> str:
    return value.decode("utf-8") if isinstance(value, bytes) else str(value)
