"""A layer that keeps a function of Keras by its public name."""

from tensorflow import keras


class Picture(keras.layers.Layer):
    """Scales pixels. ``reader`` is the function that reads its pictures, for users of the model."""

    def __init__(self, reader=keras.utils.load_img, **kwargs):
        super().__init__(**kwargs)
        self.reader = reader

    def call(self, inputs):
        return inputs / 255.0

    def get_config(self):
        # As Keras writes its own functions.
        reader = {
            "module": "keras.utils",
            "class_name": "function",
            "config": self.reader.__name__,
            "registered_name": self.reader.__name__,
        }
        return dict(super().get_config(), reader=reader)

    @classmethod
    def from_config(cls, config):
        reader = keras.utils.deserialize_keras_object(config.pop("reader"))
        return cls(reader=reader, **config)
