"""Save a Functional model with an LSTM.

By hand: ``python save.py model.h5``
"""

import sys

from tensorflow import keras


def build():
    inputs = keras.Input(shape=(6, 3))
    x = keras.layers.LSTM(4, return_sequences=True)(inputs)
    return keras.Model(inputs, keras.layers.Dense(1)(x))


if __name__ == "__main__":
    build().save(sys.argv[1])
