"""Load the model, with the save script's own functions.

By hand: ``python load.py model.h5``
"""

import sys

from save import bias, half_error, square

from tensorflow import keras


def load(path):
    return keras.models.load_model(
        path, custom_objects={"square": square, "half_error": half_error, "bias": bias}
    )


if __name__ == "__main__":
    load(sys.argv[1]).summary()
