"""Save a model whose weights alone are of interest.

By hand: ``python save.py model.h5``
"""

import sys

from tensorflow import keras


def build():
    inputs = keras.Input(shape=(6, 3))
    x = keras.layers.Conv1D(4, 3, name="first")(inputs)
    x = keras.layers.BatchNormalization(name="second")(x)
    x = keras.layers.LSTM(3, recurrent_activation="sigmoid", name="third")(x)
    return keras.Model(inputs, keras.layers.Dense(1, name="fourth")(x))


if __name__ == "__main__":
    build().save(sys.argv[1])
