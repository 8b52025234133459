"""Save a model with a registered custom layer.

By hand: ``python save.py model.h5``
"""

import sys

from tensorflow import keras


@keras.utils.register_keras_serializable()
class Scale(keras.layers.Layer):
    """Multiplies by a trained number."""

    def build(self, input_shape):
        self.factor = self.add_weight(name="factor", shape=(1,), initializer="ones")
        super().build(input_shape)

    def call(self, inputs):
        return inputs * self.factor


def build():
    inputs = keras.Input(shape=(3,))
    return keras.Model(inputs, keras.layers.Dense(1)(Scale()(inputs)))


if __name__ == "__main__":
    build().save(sys.argv[1])
