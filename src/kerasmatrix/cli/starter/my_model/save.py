"""Save our model. By hand: ``python save.py model.h5``.

``build()`` is what kerasmatrix calls, in each version. Keep it small and deterministic, and
Python 3.7 if you look at TensorFlow before 2.12; weights need not be trained.
"""

import sys

from tensorflow import keras


@keras.utils.register_keras_serializable(package="ours")
class Scale(keras.layers.Layer):
    """Multiplies by a trained number."""

    def __init__(self, start=1.0, **kwargs):
        super().__init__(**kwargs)
        self.start = start

    def build(self, input_shape):
        start = keras.initializers.Constant(self.start)
        self.factor = self.add_weight(name="factor", shape=(1,), initializer=start)
        super().build(input_shape)

    def call(self, inputs):
        return inputs * self.factor

    def get_config(self):
        return {**super().get_config(), "start": self.start}


def build():
    inputs = keras.Input(shape=(10,))
    hidden = keras.layers.Dense(16, activation="relu")(inputs)
    model = keras.Model(inputs, keras.layers.Dense(1)(Scale(2.0)(hidden)))
    model.compile(optimizer="adam", loss="mse")
    return model


if __name__ == "__main__":
    build().save(sys.argv[1])
