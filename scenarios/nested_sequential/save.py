"""Save a Sequential model that begins with a nested Sequential model.

By hand: ``python save.py model.h5``
"""

import sys

from tensorflow import keras


def build():
    inner = keras.Sequential([keras.layers.Dense(5, activation="relu", input_shape=(4,))])
    return keras.Sequential([inner, keras.layers.Dense(2)])


if __name__ == "__main__":
    build().save(sys.argv[1])
