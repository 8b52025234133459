"""Save a model compiled with strings.

By hand: ``python save.py model.h5``
"""

import sys

from tensorflow import keras


def build():
    model = keras.Sequential([keras.layers.Dense(1, input_shape=(3,))])
    model.compile("rmsprop", "mse", metrics=["mae"])
    return model


if __name__ == "__main__":
    build().save(sys.argv[1])
