"""Save a Sequential model that begins with a nested Sequential model.

By hand: ``python save.py model.h5``
"""

import sys

import numpy as np

from tensorflow import keras


def build():
    inner = keras.Sequential([keras.layers.Dense(5, activation="relu", input_shape=(4,))])
    return keras.Sequential([inner, keras.layers.Dense(2)])


def probe():
    # Some releases of Keras 3 do not know the inputs of a Sequential that begins with a model.
    return [np.linspace(-1, 1, 16, dtype="float32").reshape(4, 4)]


if __name__ == "__main__":
    build().save(sys.argv[1])
