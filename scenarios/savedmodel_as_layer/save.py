"""Save a model with a SavedModel as one of its layers.

By hand: ``python save.py model.keras``
"""

import sys

from doubling import write_doubling

from tensorflow import keras


def build():
    inputs = keras.Input(shape=(3,))
    doubled = keras.layers.TFSMLayer(write_doubling(), call_endpoint="serve")(inputs)
    return keras.Model(inputs, keras.layers.Dense(2)(doubled))


if __name__ == "__main__":
    build().save(sys.argv[1])
