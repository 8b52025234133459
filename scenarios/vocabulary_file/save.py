"""Save a model that reads its vocabulary from a file.

By hand: ``python save.py model.keras``
"""

import sys

import numpy as np

from tensorflow import keras
from words import write_words


def build():
    inputs = keras.Input(shape=(2,), dtype="string")
    # Read from the path, not copied into the configuration.
    x = keras.layers.StringLookup(vocabulary=write_words())(inputs)
    x = keras.layers.Embedding(5, 3)(x)
    return keras.Model(inputs, keras.layers.GlobalAveragePooling1D()(x))


def probe():
    return [np.array([["cat", "dog"], ["bird", "cat"]])]


if __name__ == "__main__":
    build().save(sys.argv[1])
