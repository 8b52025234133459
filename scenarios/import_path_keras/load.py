"""Load the model through standalone `keras`.

By hand: ``python load.py model.h5``
"""

import sys

import keras


def load(path):
    return keras.models.load_model(path)


if __name__ == "__main__":
    load(sys.argv[1]).summary()
