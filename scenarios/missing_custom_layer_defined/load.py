"""Load the model in a program that defines the custom layer.

By hand: ``python load.py model.h5``
"""

import sys

from save import MyCustomLayer

from tensorflow import keras


def load(path):
    return keras.models.load_model(path, custom_objects={"MyCustomLayer": MyCustomLayer})


if __name__ == "__main__":
    load(sys.argv[1]).summary()
