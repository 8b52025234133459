"""Save a model with a Lambda layer in a nested model.

By hand: ``python save.py model.h5``
"""

import sys

from tensorflow import keras


def build():
    scaled = keras.Sequential(
        [keras.layers.InputLayer((3,)), keras.layers.Lambda(lambda x: x * 2.0)], name="scaled"
    )
    return keras.Sequential([keras.layers.InputLayer((3,)), scaled, keras.layers.Dense(2)])


if __name__ == "__main__":
    build().save(sys.argv[1])
