"""Load the model.

By hand: ``python load.py model.h5``
"""

import sys

from tensorflow import keras


def load(path):
    return keras.models.load_model(path)


if __name__ == "__main__":
    load(sys.argv[1]).summary()
