"""Save a model of tokens: Embedding with a mask and an LSTM.

By hand: ``python save.py model.h5``
"""

import sys

import numpy as np

from tensorflow import keras


def build():
    return keras.Sequential(
        [
            keras.layers.Embedding(10, 4, mask_zero=True, input_shape=(6,)),
            keras.layers.LSTM(3),
        ]
    )


def probe():
    return [np.array([[1, 2, 3, 0, 0, 0], [4, 5, 6, 7, 8, 9]], dtype="float32")]


if __name__ == "__main__":
    build().save(sys.argv[1])
