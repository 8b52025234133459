"""Save a model that names its activations in every way.

By hand: ``python save.py model.h5``
"""

import sys

from tensorflow import keras


def build():
    return keras.Sequential(
        [
            keras.layers.Dense(4, activation="elu", input_shape=(3,)),
            keras.layers.Dense(4, activation=keras.activations.tanh),
            keras.layers.LeakyReLU(),
            keras.layers.Dense(4, activation="softplus"),
            keras.layers.Activation("sigmoid"),
            keras.layers.PReLU(),
        ]
    )


if __name__ == "__main__":
    build().save(sys.argv[1])
