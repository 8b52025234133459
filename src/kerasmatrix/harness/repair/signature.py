"""What a SavedModel offers to be called, as something that can be looked at like a model.

The signature's inputs are named. A single one needs no name; of several, Keras 3 exports with the
names that its inputs have and Keras 2 likewise, but no release says which position a name has, so
several are refused rather than guessed.
"""

from __future__ import annotations

from typing import Any

import numpy as np

__all__ = ["Signature"]


class Signature:
    """The ``serving_default`` of a SavedModel; it predicts, and that is all.

    Raises:
        ValueError: there is no such signature, or it cannot be told which input is which.
    """

    optimizer = None

    def __init__(self, path: str) -> None:
        import tensorflow as tf

        load = getattr(tf.saved_model, "load_v2", None) or tf.saved_model.load
        if not tf.executing_eagerly():
            load = tf.compat.v1.saved_model.load_v2
        self._loaded = load(path)
        if "serving_default" not in self._loaded.signatures:
            raise ValueError("the SavedModel has no signature serving_default")
        self._call = self._loaded.signatures["serving_default"]
        names = list(self._call.structured_input_signature[1])
        outputs = list(self._call.structured_outputs)
        if len(names) != 1 or len(outputs) != 1:
            raise ValueError(
                f"the signature has the inputs {names} and the outputs {outputs}, and does not say "
                "which is which"
            )
        self._input = names[0]
        self._output = outputs[0]
        self._dtype = self._call.structured_input_signature[1][self._input].dtype

    @property
    def weights(self) -> list:
        """None: the graph has variables, and no layers to which they belong."""
        return []

    def __call__(self, batch: Any, training: bool = False) -> Any:  # noqa: ARG002, FBT001, FBT002
        """Return the output for a batch, as an array or tensor."""
        import tensorflow as tf

        return self._call(**{self._input: tf.constant(batch, self._dtype)})[self._output]

    def predict(self, batch: Any, batch_size: int | None = None) -> np.ndarray:  # noqa: ARG002
        """Return the output for a batch where execution is not eager."""
        import tensorflow as tf

        answer = self(batch)
        session = tf.compat.v1.keras.backend.get_session()
        session.run(tf.compat.v1.global_variables_initializer())
        session.run(tf.compat.v1.tables_initializer())
        for initializer in tf.compat.v1.get_collection("saved_model_initializers"):
            session.run(initializer)
        return np.asarray(session.run(answer))
