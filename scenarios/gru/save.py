"""Save a Sequential model with a GRU.

By hand: ``python save.py model.h5``
"""

import sys

from tensorflow import keras


def build():
    return keras.Sequential([keras.layers.GRU(4, input_shape=(6, 3)), keras.layers.Dense(1)])


if __name__ == "__main__":
    build().save(sys.argv[1])
