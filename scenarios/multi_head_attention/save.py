"""Save a Functional model with MultiHeadAttention.

By hand: ``python save.py model.h5``
"""

import sys

from tensorflow import keras


def build():
    inputs = keras.Input(shape=(5, 8))
    x = keras.layers.MultiHeadAttention(num_heads=2, key_dim=4)(inputs, inputs)
    return keras.Model(inputs, keras.layers.GlobalAveragePooling1D()(x))


if __name__ == "__main__":
    build().save(sys.argv[1])
