"""How much the outputs for a batch of sample inputs can show about a model.

Where rounding alone changes the outputs, equal models seem to differ; where a large change of the
inputs changes nothing, models that differ seem equal. (Measured on a published LSTM of 40 steps:
on a normal batch, single and double precision give other outputs; on numbers from 0 to 1, its
softmax is 0 or 1 to the last bit, also with another activation.)
"""

from __future__ import annotations

from typing import Any

import numpy as np

__all__ = ["FULL", "NOISY", "WEAK", "of"]

# Rounding changes the outputs; nothing changes them; neither.
NOISY, WEAK, FULL = 0, 1, 2
# Changes of the inputs, as a share of each: four units in the last place of single precision, and
# one that any model should notice.
ROUNDING, LARGE = 2.0**-21, 0.1
# Smaller changes of the outputs are rounding: half of what `kerasmatrix.results.tolerance` allows.
ABSOLUTE, RELATIVE = 5e-6, 5e-5


def of(outputs: list, inputs: list, call: Any) -> int:
    """Return `NOISY`, `WEAK` or `FULL`; `FULL` also if the inputs cannot be changed.

    Args:
        outputs: the arrays that the model returns for ``inputs``.
        inputs: arrays of any types.
        call: takes arrays like ``inputs`` and returns the outputs for them.
    """
    if all(map(_is_zero, inputs)):
        return WEAK
    try:
        if not _same(outputs, inputs, ROUNDING, call):
            return NOISY
        return WEAK if _same(outputs, inputs, LARGE, call) else FULL
    except _NothingToChange:
        return FULL
    except MemoryError:
        raise
    except Exception:  # the model checks its inputs, and accepted the unchanged ones
        return FULL


class _NothingToChange(Exception):
    """All inputs are texts or whole numbers."""


def _same(outputs: list, inputs: list, share: float, call: Any) -> bool:
    changed = [_changed(array, share) for array in inputs]
    if all(array is own for array, own in zip(changed, inputs)):
        raise _NothingToChange
    return all(map(_is_close, outputs, call(changed)))


def _changed(array: Any, share: float) -> Any:
    """Return ``array`` with every number larger or smaller by a share; itself if all are whole.

    Whole numbers may be indices, which a layer truncates.
    """
    if array.dtype.kind not in "fc" or np.array_equal(array, np.round(array)):
        return array
    signs = np.random.RandomState(array.size).choice([-1.0, 1.0], array.shape)
    return (array * (1.0 + share * signs)).astype(array.dtype)


def _is_zero(array: Any) -> bool:
    return array.dtype.kind in "fc" and not array.any()


def _is_close(output: Any, again: Any) -> bool:
    if output.dtype.kind not in "fc" or np.shape(output) != np.shape(again):
        return True
    finite = np.abs(output[np.isfinite(output)])
    scale = max(1.0, float(finite.max())) if finite.size else 1.0
    return bool(np.allclose(again, output, rtol=RELATIVE, atol=ABSOLUTE * scale, equal_nan=True))
