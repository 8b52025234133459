"""Save a Functional model with two inputs and two outputs.

By hand: ``python save.py model.h5``
"""

import sys

from tensorflow import keras


def build():
    first, second = keras.Input(shape=(4,)), keras.Input(shape=(6,))
    joined = keras.layers.Concatenate()([first, second])
    wide = keras.layers.Dense(3, name="wide")(joined)
    narrow = keras.layers.Dense(1, name="narrow")(joined)
    return keras.Model([first, second], [wide, narrow])


if __name__ == "__main__":
    build().save(sys.argv[1])
