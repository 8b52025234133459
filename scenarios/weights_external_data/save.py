"""Save a model; keep the numbers of an array in a file of their own.

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
    data = Path(path).parent / "kernel.bin"
    with h5py.File(path, "r+") as file:
        kernel = last_kernel(file)
        values = file[kernel][()]
        values.tofile(data)
        del file[kernel]
        file.create_dataset(
            kernel, values.shape, values.dtype, external=[("kernel.bin", 0, values.nbytes)]
        )


if __name__ == "__main__":
    build().save(sys.argv[1])
    after_save(sys.argv[1])
