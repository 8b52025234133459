"""Compares the outputs and the training of a loaded model with those of the saved one. Pure.

`kerasmatrix.results.verdict.judge_load` makes a status of the differences.
"""

from __future__ import annotations

import json
import math
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from kerasmatrix.results.equal_settings import fold
from kerasmatrix.results.layer_settings import has_layers, narrow_epsilon, unknown_settings
from kerasmatrix.results.observations import TEXT_TYPES

if TYPE_CHECKING:
    from kerasmatrix.results.observations import Deviation, LoadFacts, SaveFacts
    from kerasmatrix.results.tolerance import Tolerance

__all__ = ["drift", "lost_training", "not_compared"]

# Rounding is relative to the numbers that were added up, so that an element near zero of an output
# of thousands carries their error: this many times the spacing of numbers of the size of the
# output's largest. Measured over the suite (TensorFlow 2.4 to 2.21): rounding is at most 4
# spacings, a real difference at least 4,000. Deeper models than those of the suite round more.
ROUNDINGS = 64
# The same for the narrow type that a layer computes in, even if its output is converted to a wider
# one. Measured for mixed precision: rounding is at most 1 spacing.
NARROW_ROUNDINGS = 4
# The results of `evaluate` and the steps of weights are sums over rounded outputs.
EVALUATE_RELATIVE, EVALUATE_ABSOLUTE = 1e-3, 1e-5
STEP_RELATIVE = 1e-2
# A smaller change of a weight is rounding.
STEP_FLOOR = 1e-6


def drift(saved: SaveFacts, loaded: LoadFacts, tolerance: Tolerance) -> str | None:
    """Return which output differs and how, or None."""
    if saved.structure is not None and loaded.structure is not None and has_layers(loaded):
        before, after = _plain_structure(saved.structure), _plain_structure(loaded.structure)
        if before != after:
            return f"the outputs are arranged as {_text(after)}, and were as {_text(before)}"
    if not loaded.deviations:
        # Facts without detail: only the largest difference is known.
        allowed = tolerance.absolute + tolerance.relative * (loaded.max_abs_reference or 0.0)
        if loaded.max_abs_diff is not None and loaded.max_abs_diff > allowed:
            return f"outputs differ by up to {loaded.max_abs_diff:.3g} (allowed {allowed:.3g})"
        return None
    several = len(loaded.deviations) > 1
    narrowest = narrow_epsilon(saved.layers) if saved.layers else 0.0
    drifts = []
    for number, deviation in enumerate(loaded.deviations, start=1):
        drift = _output_drift(deviation, tolerance, narrowest)
        if drift:
            drifts.append(f"output {number}: {drift}" if several else drift)
    return "; ".join(drifts) or None


def _output_drift(deviation: Deviation, tolerance: Tolerance, narrowest: float) -> str | None:
    ours, theirs = deviation.dtypes
    if not deviation.epsilon:
        if not deviation.exact:
            return "outputs differ, and are not floating-point numbers"
    elif deviation.corners:
        # numpy.allclose's rule, and the rounding of the output's own largest number.
        spacing = max(ROUNDINGS * deviation.epsilon, NARROW_ROUNDINGS * narrowest)
        noise = spacing * deviation.max_abs_reference
        diff, size, place = max(
            deviation.corners,
            key=lambda corner: corner[0] - tolerance.relative * corner[1],
        )
        allowed = max(tolerance.absolute, noise) + tolerance.relative * size
        if diff > allowed:
            return (
                f"outputs differ by up to {diff:.3g} (allowed {allowed:.3g}), "
                f"where the reference is {size:.3g} (element {place})"
            )
    if ours != theirs and not _is_text(ours, theirs):
        return f"the outputs are {ours}, and were {theirs}"
    return None


def lost_training(
    saved: SaveFacts, loaded: LoadFacts, *, explained: bool, reordered: bool = False
) -> list[str]:
    """List the differences of `evaluate` and of one training step.

    Where other losses ``explained`` different numbers, only an exception in training is listed, and
    a different step if the moments came back ``reordered``: each release has its own order, and
    only the step shows whether the moments belong to the right weights.
    """
    before, after = saved.training, loaded.training
    if before is None or after is None:
        return []
    # The file was trained by its writer, even if the reference cannot train it either.
    was_trained = bool(saved.stored and saved.stored.config and after.evaluate)
    if after.raised and (before.not_compared is None or was_trained):
        kind = (after.not_compared or "").partition(":")[0]
        return [f"the ability to be trained ({kind})"]
    if before.not_compared is not None:
        return []
    if after.not_compared is not None or (explained and not reordered):
        return []
    lost: list[str] = []
    theirs = dict(_by_name(after.evaluate))
    for name, value in () if explained else _by_name(before.evaluate):
        now = theirs.get(name, value)
        if abs(now - value) > EVALUATE_ABSOLUTE + EVALUATE_RELATIVE * abs(value):
            lost.append(f"what evaluate() gives ({name}: {value:.6g} became {now:.6g})")
    if (reordered or not lost) and not _same_steps(saved, loaded):
        largest = max(size for size, _ in before.steps)
        now = max(size for size, _ in after.steps)
        lost.append(
            f"the way it goes on training (a step moves weights by {largest:.3g} at the most, and "
            f"now {now:.3g}; as a root mean square, or in another direction)"
        )
    return lost


def not_compared(saved: SaveFacts, form: str, loaded: LoadFacts) -> Iterator[str]:
    """Yield aspects that were not compared, each with the reason."""
    if saved.layers and loaded.layers and has_layers(loaded):
        yield from unknown_settings(saved.layers, loaded.layers)
    elif has_layers(loaded) and (saved.layers is None) != (loaded.layers is None):
        yield "the settings of the layers: there are too many of them"
    if saved.compiled is None or loaded.compiled is None or form == "weights":
        return
    before_training, after_training = saved.training, loaded.training
    if before_training is None or after_training is None:
        return
    why = before_training.not_compared or after_training.not_compared
    if why and not lost_training(saved, loaded, explained=True):
        yield f"training: {why}"


def _by_name(values: Sequence[tuple[str, float]]) -> Iterator[tuple[str, float]]:
    """Yield the results of `evaluate` by names without the numbers of some releases."""
    for name, value in values:
        yield fold(name.rstrip("0123456789")), value


def _same_steps(saved: SaveFacts, loaded: LoadFacts) -> bool:
    """Whether a step moves each weight equally; weights are matched by their digests."""
    before, after = saved.training, loaded.training
    if before is None or after is None or len(before.steps) != len(after.steps):
        return False
    largest = max((size for size, _ in (*before.steps, *after.steps)), default=0.0)
    floor = STEP_FLOOR + STEP_RELATIVE * largest * 0.1
    ours, theirs = _steps_by_weight(saved), _steps_by_weight(loaded)
    return all(
        len(ours[key]) == len(theirs[key])
        and all(
            math.isclose(size, now, rel_tol=STEP_RELATIVE, abs_tol=floor)
            and abs(mean - mean_now) <= STEP_RELATIVE * size + floor
            for (size, mean), (now, mean_now) in zip(ours[key], theirs[key], strict=True)
        )
        for key in {*ours, *theirs}
    )


def _steps_by_weight(facts: SaveFacts | LoadFacts) -> dict[str, list[tuple[float, float]]]:
    steps_of: dict[str, list[tuple[float, float]]] = defaultdict(list)
    steps = facts.training.steps if facts.training else ()
    for place, step in enumerate(steps):
        known = place < len(facts.weights)
        steps_of[facts.weights[place].sha256 if known else ""].append(step)
    for values in steps_of.values():
        values.sort()
    return steps_of


def _plain_structure(structure: Any) -> Any:
    """Return a structure without lists of one element, which only Keras 3 keeps."""
    if isinstance(structure, list):
        parts = [_plain_structure(part) for part in structure]
        return parts[0] if len(parts) == 1 else parts
    if isinstance(structure, Mapping):
        return {key: _plain_structure(value) for key, value in structure.items()}
    return structure


def _text(structure: Any) -> str:
    return json.dumps(structure).replace('"', "")


def _is_text(*dtypes: str) -> bool:
    return all(dtype.startswith(TEXT_TYPES) for dtype in dtypes)
