"""Save a Functional model with a Bidirectional LSTM.

By hand: ``python save.py model.h5``
"""

import sys

from tensorflow import keras


def build():
    inputs = keras.Input(shape=(6, 3))
    x = keras.layers.Bidirectional(keras.layers.LSTM(3))(inputs)
    return keras.Model(inputs, keras.layers.Dense(1)(x))


if __name__ == "__main__":
    build().save(sys.argv[1])
