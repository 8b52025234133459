"""Load the model in a program that imports, and so registers, its layer.

By hand: ``python load.py model.h5``
"""

import sys

import save  # noqa: F401 - to register its layer

from tensorflow import keras


def load(path):
    return keras.models.load_model(path)


if __name__ == "__main__":
    load(sys.argv[1]).summary()
