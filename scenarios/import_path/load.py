"""Load the model in a program that imports every layer by its name.

By hand: ``python load.py model.h5``
"""

import sys

from tensorflow.keras.layers import Dense, Input, LayerNormalization  # noqa: F401 - see README.md
from tensorflow.keras.models import load_model


def load(path):
    return load_model(path)


if __name__ == "__main__":
    load(sys.argv[1]).summary()
