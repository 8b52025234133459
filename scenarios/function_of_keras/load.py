"""Load the model with its layer.

By hand: ``python load.py model.keras``
"""

import sys

from picture import Picture

from tensorflow import keras


def load(path):
    return keras.models.load_model(path, custom_objects={"Picture": Picture})


if __name__ == "__main__":
    load(sys.argv[1]).summary()
