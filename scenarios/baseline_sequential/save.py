"""Save a small convolutional Sequential model.

By hand: ``python save.py model.h5``
"""

import sys

from tensorflow import keras


def build():
    return keras.Sequential(
        [
            keras.layers.Conv2D(4, 3, activation="relu", input_shape=(8, 8, 3)),
            keras.layers.BatchNormalization(),
            keras.layers.MaxPooling2D(),
            keras.layers.Flatten(),
            keras.layers.Dense(3, activation="softmax"),
        ]
    )


if __name__ == "__main__":
    build().save(sys.argv[1])
