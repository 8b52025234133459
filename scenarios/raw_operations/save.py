"""Save a Functional model with slicing and raw operations.

By hand: ``python save.py model.h5``
"""

import sys

from tensorflow import keras


def build():
    inputs = keras.Input(shape=(6,))
    x = keras.layers.Dense(4)(inputs)
    x = x[:, :2] * 2.0 + 1.0
    return keras.Model(inputs, keras.layers.Dense(1)(x))


if __name__ == "__main__":
    build().save(sys.argv[1])
