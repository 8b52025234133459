"""Load the model, beside the SavedModel that is one of its layers.

By hand: ``python load.py model.keras``
"""

import sys

from doubling import write_doubling

from tensorflow import keras


def load(path):
    write_doubling()
    return keras.models.load_model(path)


if __name__ == "__main__":
    load(sys.argv[1]).summary()
