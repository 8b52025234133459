"""Load our model, as the program does that uses it. By hand: ``python load.py model.h5``."""

import sys

from save import Scale  # noqa: F401 - importing it registers it

from tensorflow import keras


def load(path):
    return keras.models.load_model(path)


if __name__ == "__main__":
    load(sys.argv[1]).summary()
