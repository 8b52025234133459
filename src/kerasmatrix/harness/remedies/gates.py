"""Scales weights so that the ``hard_sigmoid`` of one Keras computes what that of the other did.

Keras 2 computes ``clip(z / 5 + 1/2)``, Keras 3 ``clip(z / 6 + 1/2)``: h2(z) = h3(1.2 z). Where z is
a product with weights, plus a bias, the factor can be moved into them. (Source:
keras/activations.py of Keras 2, keras/src/activations/activations.py of Keras 3.)
"""

from __future__ import annotations

from typing import Any

import numpy as np

__all__ = ["scale"]

FACTOR = {2: 1.2, 3: 1 / 1.2}  # by the Keras that wrote the file
NAME = "hard_sigmoid"
# Which of the equal parts of the last axis go through the recurrent activation.
GATES = {"LSTMCell": (0, 1, 3), "ConvLSTMCell": (0, 1, 3), "GRUCell": (0, 1)}
PARTS = {"LSTMCell": 4, "ConvLSTMCell": 4, "GRUCell": 3}
WEIGHTS = ("kernel", "recurrent_kernel", "bias")
RELEASED = ("ConvLSTM1DCell", "ConvLSTM2DCell", "ConvLSTM3DCell")


def scale(model: Any, written_by: int) -> list:
    """Scale the weights of all layers with a hard sigmoid; return the names of these layers."""
    scaled: list = []
    seen: set = set()
    for part in _parts(model, seen):
        kind = type(part).__name__
        kind = "ConvLSTMCell" if kind in RELEASED else kind
        if kind in GATES and _is_hard(getattr(part, "recurrent_activation", None)):
            _scale_columns(part, FACTOR[written_by], GATES[kind], PARTS[kind])
            scaled.append(part.name)
        elif _ends_with_it(part):
            _scale_columns(part, FACTOR[written_by], (0,), 1)
            scaled.append(part.name)
    return scaled


def _ends_with_it(part: Any) -> bool:
    """Whether a layer is a product with weights, with a hard sigmoid after it."""
    if not hasattr(part, "kernel") or hasattr(part, "recurrent_kernel"):
        return False
    return _is_hard(getattr(part, "activation", None))


def _scale_columns(part: Any, factor: float, gates: tuple, count: int) -> None:
    for name in WEIGHTS:
        variable = getattr(part, name, None)
        if variable is None:
            continue
        array = np.array(variable)
        columns = np.ones(count, array.dtype)
        columns[list(gates)] = factor
        variable.assign(array * np.repeat(columns, array.shape[-1] // count))


def _parts(thing: Any, seen: set) -> list:
    """Return a model, its layers, theirs, and their cells, each once."""
    if id(thing) in seen:
        return []
    seen.add(id(thing))
    found = [thing]
    for name in ("layers", "cells"):
        for member in getattr(thing, name, None) or ():
            found += _parts(member, seen)
    for name in ("layer", "forward_layer", "backward_layer", "cell"):
        member = getattr(thing, name, None)
        if member is not None:
            found += _parts(member, seen)
    return found


def _is_hard(function: Any) -> bool:
    return getattr(function, "__name__", None) == NAME
