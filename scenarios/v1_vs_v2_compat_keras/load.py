"""Load the model in a plain TensorFlow 2 program (in TensorFlow 1.15, in a plain 1.15 program).

By hand: ``python load.py model.h5``
"""

import sys

from tensorflow import keras


def build():
    return keras.Sequential([keras.layers.LSTM(128, input_shape=(10, 1))])


def load(path):
    return keras.models.load_model(path)


if __name__ == "__main__":
    load(sys.argv[1]).summary()
