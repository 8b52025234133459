"""Save a model of a hundred dense layers.

By hand: ``python save.py model.h5``
"""

import sys

from tensorflow import keras


def build():
    layers = [keras.layers.Dense(3, activation="tanh", input_shape=(3,))]
    layers += [keras.layers.Dense(3, activation="tanh") for _ in range(99)]
    return keras.Sequential(layers)


if __name__ == "__main__":
    build().save(sys.argv[1])
