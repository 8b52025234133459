"""Save a model; move an array to another place in the file, and leave a link.

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
        file.move(kernel, "shared_kernel")
        file[kernel] = h5py.SoftLink("/shared_kernel")


if __name__ == "__main__":
    build().save(sys.argv[1])
    after_save(sys.argv[1])
