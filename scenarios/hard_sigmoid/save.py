"""Save a model whose activation is hard_sigmoid.

By hand: ``python save.py model.h5``
"""

import sys

from tensorflow import keras


def build():
    return keras.Sequential([keras.layers.Dense(4, activation="hard_sigmoid", input_shape=(3,))])


if __name__ == "__main__":
    build().save(sys.argv[1])
