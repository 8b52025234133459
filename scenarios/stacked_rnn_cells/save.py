"""Save a Functional model with an RNN of two stacked cells.

By hand: ``python save.py model.h5``
"""

import sys

from tensorflow import keras


def build():
    inputs = keras.Input(shape=(5, 3))
    cells = keras.layers.StackedRNNCells([keras.layers.LSTMCell(4), keras.layers.GRUCell(3)])
    return keras.Model(inputs, keras.layers.RNN(cells)(inputs))


if __name__ == "__main__":
    build().save(sys.argv[1])
