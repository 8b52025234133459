"""Save a model; put an array together from two parts, as a virtual dataset.

By hand: ``python save.py model.h5``
"""

import sys

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
    with h5py.File(path, "r+") as file:
        kernel = last_kernel(file)
        values = file[kernel][()]
        half = len(values) // 2
        file["upper_half"], file["lower_half"] = values[:half], values[half:]
        del file[kernel]
        layout = h5py.VirtualLayout(shape=values.shape, dtype=values.dtype)
        layout[:half] = h5py.VirtualSource(file["upper_half"])
        layout[half:] = h5py.VirtualSource(file["lower_half"])
        file.create_virtual_dataset(kernel, layout)


if __name__ == "__main__":
    build().save(sys.argv[1])
    after_save(sys.argv[1])
