"""Save a model with Rescaling and an adapted Normalization.

By hand: ``python save.py model.h5``
"""

import sys

import numpy as np

from tensorflow import keras


def build():
    normalization = keras.layers.Normalization()
    normalization.adapt(np.array([[1.0, 10.0], [3.0, 30.0]], dtype="float32"))
    inputs = keras.Input(shape=(2,))
    x = keras.layers.Rescaling(0.5)(normalization(inputs))
    return keras.Model(inputs, keras.layers.Dense(1)(x))


if __name__ == "__main__":
    build().save(sys.argv[1])
