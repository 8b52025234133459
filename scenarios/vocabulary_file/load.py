"""Load the model, beside its vocabulary.

By hand: ``python load.py model.keras``
"""

import sys

from tensorflow import keras
from words import write_words


def load(path):
    write_words()
    return keras.models.load_model(path)


if __name__ == "__main__":
    load(sys.argv[1]).summary()
