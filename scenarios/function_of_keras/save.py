"""Save a model with a layer that keeps a function of Keras in its configuration.

By hand: ``python save.py model.keras``
"""

import sys

from picture import Picture

from tensorflow import keras


def build():
    inputs = keras.Input(shape=(4,))
    return keras.Model(inputs, keras.layers.Dense(2)(Picture()(inputs)))


if __name__ == "__main__":
    build().save(sys.argv[1])
