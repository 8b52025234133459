"""Save a Sequential model with a TimeDistributed Dense.

By hand: ``python save.py model.h5``
"""

import sys

from tensorflow import keras


def build():
    return keras.Sequential(
        [
            keras.layers.TimeDistributed(keras.layers.Dense(3), input_shape=(5, 4)),
            keras.layers.GlobalMaxPooling1D(),
        ]
    )


if __name__ == "__main__":
    build().save(sys.argv[1])
