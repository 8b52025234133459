"""Functions whose definition has changed: Keras 2 and 3 have different ones called `hard_sigmoid`.

Source: keras/src/activations/activations.py of Keras 3, keras/activations.py of Keras 2; measured:
hard_sigmoid as h5, tf2.15 to tf2.21, where only the outputs show the change.
"""

from __future__ import annotations

from typing import Any

__all__ = ["MEANT", "register"]

PACKAGE = "kerasmatrix"


def hard_sigmoid_of_keras_2(x: Any) -> Any:
    """Return ``0.2 x + 0.5``, clipped to 0 and 1."""
    import tensorflow as tf

    return tf.clip_by_value(0.2 * x + 0.5, 0.0, 1.0)


def hard_sigmoid_of_keras_3(x: Any) -> Any:
    """Return ``x / 6 + 0.5``, clipped to 0 and 1."""
    import tensorflow as tf

    return tf.clip_by_value(x / 6.0 + 0.5, 0.0, 1.0)


# By the major version of the Keras that wrote the name.
MEANT = {
    2: {"hard_sigmoid": hard_sigmoid_of_keras_2},
    3: {"hard_sigmoid": hard_sigmoid_of_keras_3},
}


def register(keras: Any, functions: dict) -> None:
    """Make a Keras find ``functions`` by their names, wherever it looks for them."""
    decorate = getattr(keras.utils, "register_keras_serializable", None)
    for name, function in functions.items():
        if decorate is not None:
            # Under a name of its own, since Keras writes a function called like one of its own as
            # a bare name, and reads its own.
            decorate(package=PACKAGE, name=function.__name__)(function)
        keras.utils.get_custom_objects()[name] = function
