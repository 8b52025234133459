"""Save an LSTM of tf.compat.v1.keras, with the behaviour of TensorFlow 2 switched off.

By hand: ``python save.py model.h5``
"""

import sys

import tensorflow.compat.v1 as tf

tf.disable_v2_behavior()


def build():
    keras = tf.keras
    return keras.Sequential([keras.layers.LSTM(128, input_shape=(10, 1))])


if __name__ == "__main__":
    build().save(sys.argv[1])
