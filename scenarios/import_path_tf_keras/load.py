"""Load the model through `tf_keras`, the Keras 2 that is kept beside Keras 3.

By hand: ``python load.py model.h5``
"""

import sys

import tf_keras as keras


def load(path):
    return keras.models.load_model(path)


if __name__ == "__main__":
    load(sys.argv[1]).summary()
