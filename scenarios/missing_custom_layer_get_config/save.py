"""Save a Functional model that has a custom layer with a complete config.

By hand: ``python save.py model.h5``
"""

import sys

from tensorflow.keras.layers import Dense, Input
from tensorflow.keras.models import Model

from tensorflow import keras


class MyCustomLayer(keras.layers.Layer):
    """A dense layer without bias."""

    def __init__(self, units=32, **kwargs):
        super(MyCustomLayer, self).__init__(**kwargs)  # noqa: UP008 - as the example has it
        self.units = units

    def build(self, input_shape):
        self.kernel = self.add_weight(
            name="kernel", shape=(input_shape[-1], self.units), initializer="random_normal"
        )
        super(MyCustomLayer, self).build(input_shape)  # noqa: UP008

    def call(self, inputs):
        return keras.activations.relu(keras.backend.dot(inputs, self.kernel))

    def get_config(self):
        config = super().get_config()
        config["units"] = self.units
        return config


def build():
    inputs = Input(shape=(10,))
    hidden = MyCustomLayer(64)(inputs)
    outputs = Dense(1)(hidden)
    model = Model(inputs, outputs)
    model.compile(optimizer="adam", loss="mse")
    return model


if __name__ == "__main__":
    build().save(sys.argv[1])
