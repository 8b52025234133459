"""Save a model with a ConvLSTM2D.

By hand: ``python save.py model.h5``
"""

import sys

from tensorflow import keras


def build():
    return keras.Sequential([keras.layers.ConvLSTM2D(2, 3, input_shape=(3, 6, 6, 1))])


if __name__ == "__main__":
    build().save(sys.argv[1])
