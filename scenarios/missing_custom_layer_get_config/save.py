"""Save a Functional model that has a custom layer with a complete config.

By hand: ``python save.py model.h5``
"""

import sys

import tensorflow as tf
from tensorflow import keras


class MyCustomLayer(keras.layers.Layer):
    """A dense layer without bias."""

    def __init__(self, units=32, **kwargs):
        super().__init__(**kwargs)
        self.units = units

    def build(self, input_shape):
        self.kernel = self.add_weight(
            name="kernel", shape=(int(input_shape[-1]), self.units), initializer="glorot_uniform"
        )
        super().build(input_shape)

    def call(self, inputs):
        return tf.matmul(inputs, self.kernel)

    def get_config(self):
        config = super().get_config()
        config["units"] = self.units
        return config


def build():
    inputs = keras.Input(shape=(10,))
    hidden = MyCustomLayer(64)(inputs)
    outputs = keras.layers.Dense(1)(hidden)
    model = keras.Model(inputs, outputs)
    model.compile(optimizer="adam", loss="mse")
    return model


if __name__ == "__main__":
    build().save(sys.argv[1])
