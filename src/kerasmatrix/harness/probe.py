"""Probe inputs: the fixed batch on which a model is asked for its outputs."""

from __future__ import annotations

import os
from typing import Any

import numpy as np

__all__ = ["Unusable", "check", "load", "make", "save"]

BATCH = 4
UNKNOWN_LENGTH = 5


def make(model: Any, script: dict, path: str = "") -> list:
    """Return the inputs as arrays: the script's own ``probe()``, else made from the signature.

    Args:
        model: says what its inputs are.
        script: the names that a scenario's script defines.
        path: the model's file; a SavedModel says what its inputs are where ``model`` does not.

    Raises:
        Unusable: nobody says what the inputs are.
    """
    if "probe" in script:
        return [np.asarray(array) for array in script["probe"]()]
    random = np.random.RandomState(20200727)
    try:
        signature = model.inputs
    except (AttributeError, ValueError):  # Keras 3 of a Sequential that was not called yet
        signature = None
    if not signature and os.path.isdir(path):
        signature = _served(path)
    if not signature:
        raise Unusable("the model does not say what its inputs are: give save.py a probe()")
    return [_array(tensor, random) for tensor in signature]


class Unusable(Exception):
    """A scenario with which nothing can be compared: without inputs, or with such outputs."""


def check(outputs: list, again: list) -> None:
    """Refuse outputs that say nothing: two calls on the same batch must agree, and have numbers.

    Raises:
        Unusable: they do not.
    """
    for first, second in zip(outputs, again):
        if first.dtype.kind not in "fc":
            same = np.array_equal(first, second)
        else:
            same = np.allclose(first, second, rtol=1e-5, atol=1e-6, equal_nan=True)
        if not same:
            raise Unusable(
                "the scenario is not deterministic: two calls on the same batch give other outputs"
            )
    arrays = [array for array in outputs if array.dtype.kind in "fc" and array.size]
    if arrays and not any(np.isfinite(array).any() for array in arrays):
        raise Unusable("every output is NaN or infinite, so that there is nothing to compare")


def save(path: str, inputs: list, outputs: list) -> None:
    """Write inputs and outputs to ``path`` (npz), in order."""
    arrays = {f"input_{index:03d}": array for index, array in enumerate(inputs)}
    arrays.update({f"output_{index:03d}": array for index, array in enumerate(outputs)})
    np.savez(path, **arrays)


def load(path: str) -> tuple:
    """Return the inputs and outputs in ``path``.

    Raises:
        Unusable: there are none, since no version loads the file as it is.
    """
    if not os.path.exists(path):
        raise Unusable("it loads, but nobody knows what it computes: no version loads it plainly")
    with np.load(path) as stored:
        names = sorted(stored.files)
        return (
            [stored[name] for name in names if name.startswith("input_")],
            [stored[name] for name in names if name.startswith("output_")],
        )


def _served(path: str) -> list:
    """Return what the ``serving_default`` of a SavedModel takes, in order."""
    import tensorflow as tf

    signature = tf.saved_model.load(path).signatures["serving_default"]
    return [spec for _, spec in sorted(signature.structured_input_signature[1].items())]


def _array(tensor: Any, random: Any) -> np.ndarray:
    dimensions = [getattr(size, "value", size) for size in tensor.shape]  # TF 1's Dimension
    shape = [BATCH] + [size or UNKNOWN_LENGTH for size in dimensions[1:]]
    dtype = np.dtype(getattr(tensor.dtype, "as_numpy_dtype", tensor.dtype))
    if dtype.kind == "f":
        return np.asarray(random.standard_normal(shape), dtype)
    if dtype.kind in "iub":
        return np.asarray(random.randint(0, 2, shape), dtype)
    raise TypeError(f"no probe can be made up for dtype {dtype}; give save.py a probe()")
