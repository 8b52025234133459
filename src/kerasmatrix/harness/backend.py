"""The Keras that tasks use, and what it computes with. No other module asks which one it is.

With the backend TensorFlow it is ``tf.keras``, of any release. With another backend of Keras 3 it
is the package ``keras``, since ``tf.keras`` needs TensorFlow, and some backends lack parts of it.
"""

from __future__ import annotations

import os
import random
import sys
from typing import Any

import numpy as np

__all__ = ["PREDICT_ONLY", "TENSORFLOW", "current", "name"]

TENSORFLOW = "tensorflow"
VARIABLE = "KERAS_BACKEND"
# `fit` raises NotImplementedError (keras/src/backend/{numpy,openvino}/trainer.py of Keras 3.15).
PREDICT_ONLY = ("numpy", "openvino")


def name() -> str:
    """Return the name of the backend, as Keras 3 has it."""
    return os.environ.get(VARIABLE) or TENSORFLOW


def current() -> Any:
    """Return the `TensorFlow` or `OtherBackend` of this process. It imports nothing itself."""
    return TensorFlow() if name() == TENSORFLOW else OtherBackend()


class TensorFlow:
    """Keras as a part of TensorFlow, in eager or graph mode.

    ``trains`` if Keras can train with it, and ``steps_eagerly`` if one training step takes longest
    where it is traced first.
    """

    trains = True
    steps_eagerly = True

    @property
    def keras(self) -> Any:
        """The Keras that a program gets that names no other."""
        import tensorflow as tf

        return tf.keras

    def version(self) -> str:
        """Return the version of TensorFlow."""
        import tensorflow as tf

        return str(tf.__version__)

    def is_eager(self) -> bool:
        """Whether operations compute at once."""
        import tensorflow as tf

        return bool(tf.executing_eagerly())

    def seed(self, seed: int) -> None:
        """Seed all generators of random numbers."""
        import tensorflow as tf

        random.seed(seed)
        np.random.seed(seed)
        tf.compat.v1.set_random_seed(seed)

    def array(self, tensor: Any) -> Any:
        """Return a tensor that a model has computed as an array."""
        return np.asarray(tensor)

    def value(self, variable: Any) -> Any:
        """Return the value of a variable as an array."""
        import tensorflow as tf

        if hasattr(variable, "numpy") and tf.executing_eagerly():
            return np.asarray(variable.numpy())
        return np.asarray(tf.compat.v1.keras.backend.get_value(variable))

    def tensor(self, array: Any, spec: Any) -> Any:
        """Return an array as the kind of tensor that an input demands (a `feeding.Spec`)."""
        import tensorflow as tf

        text = array.dtype.kind in "OSU"
        if not tf.executing_eagerly():
            return array.astype(object) if text else array
        if spec is not None and spec.ragged:
            tensor = tf.constant(array)
            if spec.ragged_rank > 1:
                return tf.RaggedTensor.from_tensor(tensor, ragged_rank=spec.ragged_rank)
            # Rows of different lengths, or it would not be ragged.
            lengths = [max(1, array.shape[1] - row) for row in range(len(array))]
            return tf.RaggedTensor.from_tensor(tensor, lengths=lengths)
        if spec is not None and spec.sparse:
            return tf.sparse.from_dense(tf.constant(array))
        return tf.constant(array) if text else array

    def restart(self) -> None:
        """Restart automatic names, and begin a new graph, in every Keras that is imported."""
        import tensorflow as tf

        for module in ("keras.backend", "tf_keras.backend"):
            if module in sys.modules:
                _clear_session(sys.modules[module])
        _clear_session(tf.keras.backend)
        tf.compat.v1.reset_default_graph()


class OtherBackend:
    """Keras 3 on another backend; TensorFlow may be absent."""

    # XLA compiles every operation by itself: an LSTM takes 4 s for a step, and 1.5 s for a traced
    # one (measured: Keras 3.15, JAX 0.11).
    steps_eagerly = False

    @property
    def trains(self) -> bool:
        """Whether Keras trains with this backend."""
        return name() not in PREDICT_ONLY

    @property
    def keras(self) -> Any:
        """The package ``keras``."""
        import keras

        return keras

    def version(self) -> str:
        """Return no version: there need be no TensorFlow."""
        return ""

    def is_eager(self) -> bool:
        """Operations compute at once, or when their result is read."""
        return True

    def seed(self, seed: int) -> None:
        """Seed all generators of random numbers."""
        self.keras.utils.set_random_seed(seed)

    def array(self, tensor: Any) -> Any:
        """Return a tensor that a model has computed as an array."""
        return np.asarray(self.keras.ops.convert_to_numpy(tensor))

    value = array

    def tensor(self, array: Any, spec: Any) -> Any:
        """Return ``array`` itself: the other backends have no ragged tensors and no text."""
        del spec
        return array

    def restart(self) -> None:
        """Restart automatic names."""
        _clear_session(self.keras.backend)


def _clear_session(module: Any) -> None:
    try:
        # Keras 3 would collect garbage, which takes long and a child that ends does not need.
        module.clear_session(free_memory=False)
    except TypeError:
        module.clear_session()
