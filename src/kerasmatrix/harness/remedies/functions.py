"""Functions that a name no longer means, as they were: each Keras has its own `hard_sigmoid`.

Source: keras/src/activations/activations.py of Keras 3 against keras/activations.py of Keras 2, and
measured: hard_sigmoid as h5, tf2.15 to tf2.21, where nothing but the outputs tells.
"""

from __future__ import annotations

from typing import Any

__all__ = ["MEANT"]


def hard_sigmoid_of_keras_2(x: Any) -> Any:
    """Return ``0.2 x + 0.5``, cut off at 0 and 1."""
    import tensorflow as tf

    return tf.clip_by_value(0.2 * x + 0.5, 0.0, 1.0)


def hard_sigmoid_of_keras_3(x: Any) -> Any:
    """Return ``x / 6 + 0.5``, cut off at 0 and 1."""
    import tensorflow as tf

    return tf.clip_by_value(x / 6.0 + 0.5, 0.0, 1.0)


# By the version that wrote the name.
MEANT = {
    2: {"hard_sigmoid": hard_sigmoid_of_keras_2},
    3: {"hard_sigmoid": hard_sigmoid_of_keras_3},
}
