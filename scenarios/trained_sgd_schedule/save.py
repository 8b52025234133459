"""Save a model trained with SGD and a decaying learning rate.

By hand: ``python save.py model.h5``
"""

import sys

import numpy as np

from tensorflow import keras


def build():
    rate = keras.optimizers.schedules.ExponentialDecay(0.05, 10, 0.9)
    model = keras.Sequential([keras.layers.Dense(2, input_shape=(3,)), keras.layers.Dense(1)])
    model.compile(keras.optimizers.SGD(rate, momentum=0.9), "mean_squared_error")
    model.fit(np.ones((4, 3)), np.ones((4, 1)), epochs=2, verbose=0)
    return model


if __name__ == "__main__":
    build().save(sys.argv[1])
