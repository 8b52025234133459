"""Save a model with a mixed precision policy.

By hand: ``python save.py model.h5``
"""

import sys

from tensorflow import keras


def build():
    inputs = keras.Input(shape=(4,))
    x = keras.layers.Dense(3, dtype=keras.mixed_precision.Policy("mixed_float16"))(inputs)
    return keras.Model(inputs, keras.layers.Dense(1, dtype="float32")(x))


if __name__ == "__main__":
    build().save(sys.argv[1])
