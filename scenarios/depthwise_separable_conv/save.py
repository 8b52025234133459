"""Save a model with depthwise, separable and transposed convolutions.

By hand: ``python save.py model.h5``
"""

import sys

from tensorflow import keras


def build():
    return keras.Sequential(
        [
            keras.layers.DepthwiseConv2D(3, input_shape=(8, 8, 2)),
            keras.layers.SeparableConv2D(4, 3),
            keras.layers.Conv2DTranspose(2, 3),
            keras.layers.GlobalAveragePooling2D(),
        ]
    )


if __name__ == "__main__":
    build().save(sys.argv[1])
