"""Load the model, with the save script's own class.

By hand: ``python load.py model.h5``
"""

import sys

from save import Perceptron

from tensorflow import keras


def load(path):
    return keras.models.load_model(path, custom_objects={"Perceptron": Perceptron})


if __name__ == "__main__":
    load(sys.argv[1]).summary()
