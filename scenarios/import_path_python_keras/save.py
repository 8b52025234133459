"""Save a model whose LayerNormalization comes from the private `tensorflow.python.keras`.

By hand: ``python save.py model.h5``
"""

import sys

from tensorflow.keras.layers import Dense, Input
from tensorflow.keras.models import Model
from tensorflow.python.keras.layers import LayerNormalization


def build():
    inputs = Input(shape=(10,))
    hidden = Dense(64, activation="relu")(inputs)
    hidden = LayerNormalization()(hidden)
    outputs = Dense(1)(hidden)
    return Model(inputs, outputs)


if __name__ == "__main__":
    build().save(sys.argv[1])
