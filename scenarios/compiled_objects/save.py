"""Save a model compiled with objects.

By hand: ``python save.py model.h5``
"""

import sys

from tensorflow import keras


def build():
    model = keras.Sequential([keras.layers.Dense(1, input_shape=(3,))])
    model.compile(
        keras.optimizers.SGD(0.02, momentum=0.9),
        keras.losses.Huber(),
        metrics=[keras.metrics.MeanAbsoluteError()],
    )
    return model


if __name__ == "__main__":
    build().save(sys.argv[1])
