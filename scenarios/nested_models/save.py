"""Save a Functional model that calls a nested Functional model twice.

By hand: ``python save.py model.h5``
"""

import sys

from tensorflow import keras


def build():
    inner_input = keras.Input(shape=(4,))
    inner = keras.Model(inner_input, keras.layers.Dense(3, activation="tanh")(inner_input))
    left, right = keras.Input(shape=(4,)), keras.Input(shape=(4,))
    joined = keras.layers.Concatenate()([inner(left), inner(right)])
    return keras.Model([left, right], keras.layers.Dense(1)(joined))


if __name__ == "__main__":
    build().save(sys.argv[1])
