"""Save a model with a Lambda layer over a closure.

By hand: ``python save.py model.h5``
"""

import sys

from tensorflow import keras


def build():
    factor = 3.0
    return keras.Sequential(
        [
            keras.layers.Dense(2, input_shape=(3,)),
            keras.layers.Lambda(lambda x: x * factor),
        ]
    )


if __name__ == "__main__":
    build().save(sys.argv[1])
