"""Save an LSTM in a program that switches the behaviour of TensorFlow 2 off.

By hand: ``python save.py model.h5``
"""

import sys

import tensorflow.compat.v1 as tf

tf.disable_v2_behavior()

from tensorflow.keras.layers import LSTM  # noqa: E402 - after the switch, as the example has it
from tensorflow.keras.models import Sequential  # noqa: E402


def build():
    return Sequential([LSTM(128, input_shape=(10, 1))])


if __name__ == "__main__":
    build().save(sys.argv[1])
