"""Save a model; move an array into a file of its own, and leave a link.

By hand: ``python save.py model.h5``
"""

import sys
from pathlib import Path

import h5py

from tensorflow import keras


def build():
    inputs = keras.Input(shape=(3,))
    x = keras.layers.Dense(4, activation="tanh", name="first")(inputs)
    return keras.Model(inputs, keras.layers.Dense(4, name="second")(x))


def last_kernel(file):
    """Return the path of the last matrix among the weights."""
    paths = []
    file.visit(paths.append)
    return [path for path in paths if getattr(file[path], "ndim", 0) > 1][-1]


def after_save(path):
    other = Path(path).parent / "shared.h5"
    with h5py.File(path, "r+") as file, h5py.File(other, "w") as shared:
        kernel = last_kernel(file)
        shared["kernel"] = file[kernel][()]
        del file[kernel]
        file[kernel] = h5py.ExternalLink("shared.h5", "/kernel")


if __name__ == "__main__":
    build().save(sys.argv[1])
    after_save(sys.argv[1])
