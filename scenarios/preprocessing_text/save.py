"""Save a model that begins with text.

By hand: ``python save.py model.h5``
"""

import sys

import numpy as np

from tensorflow import keras


def build():
    vectorization = keras.layers.TextVectorization(output_sequence_length=4)
    vectorization.adapt(["the cat sat", "the dog ran"])
    inputs = keras.Input(shape=(1,), dtype="string")
    x = keras.layers.Embedding(10, 3)(vectorization(inputs))
    return keras.Model(inputs, keras.layers.GlobalAveragePooling1D()(x))


def probe():
    return [np.array([["the cat"], ["a dog ran"]])]


if __name__ == "__main__":
    build().save(sys.argv[1])
