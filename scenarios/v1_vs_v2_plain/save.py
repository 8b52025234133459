"""Save an LSTM in a plain program.

By hand: ``python save.py model.h5``
"""

import sys

from tensorflow import keras


def build():
    return keras.Sequential([keras.layers.LSTM(128, input_shape=(10, 1))])


if __name__ == "__main__":
    build().save(sys.argv[1])
