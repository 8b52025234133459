"""Save a model made with `tensorflow.keras`.

By hand: ``python save.py model.h5``
"""

import sys

from tensorflow.keras.layers import Dense, Input, LayerNormalization
from tensorflow.keras.models import Model


def build():
    inputs = Input(shape=(10,))
    hidden = Dense(64, activation="relu")(inputs)
    hidden = LayerNormalization()(hidden)
    outputs = Dense(1)(hidden)
    return Model(inputs, outputs)


if __name__ == "__main__":
    build().save(sys.argv[1])
