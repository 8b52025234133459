"""A SavedModel without Keras, in the working directory."""

import tensorflow as tf


class Doubling(tf.Module):
    """Doubles its input."""

    @tf.function(input_signature=[tf.TensorSpec([None, 3], tf.float32)])
    def serve(self, inputs):
        return inputs * 2.0


def write_doubling():
    tf.saved_model.save(Doubling(), "doubling")
    return "doubling"
