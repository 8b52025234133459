"""Save a model whose layers have objects as arguments.

By hand: ``python save.py model.h5``
"""

import sys

from tensorflow import keras


def build():
    dense = keras.layers.Dense(
        3,
        kernel_regularizer=keras.regularizers.l1_l2(0.01, 0.02),
        bias_regularizer=keras.regularizers.l2(0.01),
        kernel_constraint=keras.constraints.MaxNorm(2.0),
        kernel_initializer=keras.initializers.RandomNormal(stddev=0.1, seed=3),
        bias_initializer=keras.initializers.Constant(0.5),
        input_shape=(4,),
    )
    return keras.Sequential([dense, keras.layers.Dense(1, kernel_initializer="he_normal")])


if __name__ == "__main__":
    build().save(sys.argv[1])
