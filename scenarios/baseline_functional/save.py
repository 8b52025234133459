"""Save a small convolutional Functional model.

By hand: ``python save.py model.h5``
"""

import sys

from tensorflow import keras


def build():
    inputs = keras.Input(shape=(8, 8, 3))
    x = keras.layers.Conv2D(3, 3, padding="same")(inputs)
    x = keras.layers.BatchNormalization()(x)
    x = keras.layers.Activation("relu")(x)
    x = keras.layers.Add()([x, inputs])
    x = keras.layers.GlobalAveragePooling2D()(x)
    return keras.Model(inputs, keras.layers.Dense(2)(x))


if __name__ == "__main__":
    build().save(sys.argv[1])
