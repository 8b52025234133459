"""What a model file holds of an optimizer and of `compile`, read without loading the model.

A load that brings back less than this has lost it, whatever other versions make of the file.
"""

from __future__ import annotations

import io
import json
import os
import re
import zipfile
from typing import Any

import numpy as np

__all__ = ["training_state"]

# The variables of a SavedModel's optimizer in its checkpoint: Keras 2's two generations.
SLOT = re.compile(r"/\.OPTIMIZER_SLOT/|^optimizer/(_variables|_trainable_variables)/\d+/")
STEPS = re.compile(r"^optimizer/(iter|_iterations|iterations|_variables/0)/")
MEMBER = "model.weights.h5"
LARGEST = 512 << 20  # bytes of a member that is unpacked in memory
MOST_ARRAYS = 20_000


def training_state(form: str, path: str) -> dict | None:
    """Return what the file at ``path`` holds; None if it has no optimizer or cannot be read.

    Returns:
        ``slots``: sorted digests of its arrays, without scalars and zeros; ``iterations``;
        ``config``: the training configuration as the file has it, None if it has none.
    """
    readers = {"h5": _hdf5, "keras": _archive, "savedmodel": _saved_model}
    if form not in readers or not os.path.exists(path):
        return None
    try:
        return readers[form](path)
    except Exception:  # it is damaged, or a later release's: the load itself will say
        return None


def _hdf5(path: str) -> dict | None:
    import h5py

    with h5py.File(path, "r") as file:
        text = file.attrs.get("training_config")
        if isinstance(text, bytes):
            text = text.decode("utf-8", "replace")
        config = json.loads(text) if text else None
        group = file.get("optimizer_weights")
        arrays = _arrays(group) if group is not None else []
        return _state(arrays, config)


def _archive(path: str) -> dict | None:
    import h5py

    with zipfile.ZipFile(path) as archive:
        config = json.loads(archive.read("config.json").decode("utf-8")).get("compile_config")
        if MEMBER not in archive.namelist() or archive.getinfo(MEMBER).file_size > LARGEST:
            return None
        data = archive.read(MEMBER)
    with h5py.File(io.BytesIO(data), "r") as file:
        group = file.get("optimizer")
        return _state(_arrays(group) if group is not None else [], config)


def _saved_model(path: str) -> dict | None:
    import tensorflow as tf

    reader = tf.train.load_checkpoint(os.path.join(path, "variables", "variables"))
    shapes = reader.get_variable_to_shape_map()
    arrays: list = []
    for name, shape in shapes.items():
        is_slot = SLOT.search(name) and shape
        if (is_slot or STEPS.match(name)) and len(arrays) < MOST_ARRAYS:
            arrays.append(np.asarray(reader.get_tensor(name)))
    return _state(arrays, None)


def _arrays(group: Any) -> list:
    found: list = []

    def look(name: str, item: Any) -> None:
        del name
        if hasattr(item, "shape") and len(found) < MOST_ARRAYS:
            found.append(np.asarray(item[()]))

    group.visititems(look)
    return found


def _state(arrays: list, config: Any) -> dict | None:
    from . import model_facts

    if not arrays and not config:
        return None
    whole = [int(array) for array in arrays if array.ndim == 0 and array.dtype.kind in "iu"]
    return dict(
        # Zeros are what a new optimizer begins with: Keras 1 stored some that nothing reads.
        slots=sorted(
            model_facts.digest(array) for array in arrays if array.ndim > 0 and array.any()
        ),
        iterations=max(whole, default=None),
        config=config if isinstance(config, dict) else None,
    )
