"""Save a model whose LayerNormalization is reached through another path than its neighbours.

By hand: ``python save.py model.h5``
"""

import sys

import tensorflow.keras.layers as module_of_layers
from tensorflow.keras.layers import Dense, Input
from tensorflow.keras.models import Model


def build():
    inputs = Input(shape=(10,))
    hidden = Dense(64, activation="relu")(inputs)
    hidden = module_of_layers.LayerNormalization()(hidden)
    outputs = Dense(1)(hidden)
    return Model(inputs, outputs)


if __name__ == "__main__":
    build().save(sys.argv[1])
