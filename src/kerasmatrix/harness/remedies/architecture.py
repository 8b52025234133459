"""The architecture that a model file holds as JSON: read it, and write a copy with another.

HDF5 files hold it in two attributes of the root, archives in ``config.json``. What a file is its
content says, not its name.
"""

from __future__ import annotations

import json
import shutil
import zipfile
from typing import Any

__all__ = ["Stored", "read", "write_copy"]

CONFIG, TRAINING = "model_config", "training_config"  # attributes of an HDF5 file
MEMBER, COMPILE = "config.json", "compile_config"  # of an archive, and a key in it


class Stored:
    """An architecture, and what the model was compiled with (None if it was not).

    ``archive`` says which of the two containers it is from.
    """

    def __init__(self, config: dict, training: dict | None, *, archive: bool) -> None:
        self.config = config
        self.training = training
        self.archive = archive


def read(path: str) -> Stored:
    """Read the architecture in the file at ``path``.

    Raises:
        ValueError: there is none in it.
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


def write_copy(source: str, target: str, config: dict, training: dict | None) -> None:
    """Copy ``source`` to ``target`` with another architecture; all else stays as it is.

    Without ``training`` the copy is of a model that was not compiled.
    """
    if zipfile.is_zipfile(source):
        told = config if training is None else dict(config, **{COMPILE: training})
        with zipfile.ZipFile(source) as old, zipfile.ZipFile(target, "w") as new:
            for entry in old.infolist():
                if entry.filename == MEMBER:
                    new.writestr(entry, json.dumps(told))
                else:
                    new.writestr(entry, old.read(entry.filename))
        return
    import h5py

    shutil.copyfile(source, target)
    with h5py.File(target, "r+") as handle:
        # As bytes, as Keras writes it: loaders with h5py 2 expect to decode them.
        handle.attrs[CONFIG] = json.dumps(config).encode("utf-8")
        if training is not None:
            handle.attrs[TRAINING] = json.dumps(training).encode("utf-8")
        elif TRAINING in handle.attrs:
            del handle.attrs[TRAINING]


def _text(value: Any) -> str:
    return value.decode("utf-8") if isinstance(value, bytes) else str(value)
