"""Save a model whose layers have long and unusual names.

By hand: ``python save.py model.h5``
"""

import sys

from tensorflow import keras


def build():
    return keras.Sequential(
        [
            keras.layers.Dense(2, name="a" * 200, input_shape=(3,)),
            keras.layers.Dense(2, name="Schicht_\u00fc\u4e2d"),
        ]
    )


if __name__ == "__main__":
    build().save(sys.argv[1])
