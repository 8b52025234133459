"""How the outputs and the training of a model that came back differ from what they were. Pure.

`kerasmatrix.results.observations.judge_load` makes a status of it.
"""

from __future__ import annotations

import json
import math
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from kerasmatrix.results.equal_settings import fold
from kerasmatrix.results.layer_settings import has_layers, narrow_epsilon, unknown_settings

if TYPE_CHECKING:
    from kerasmatrix.results.observations import Deviation, LoadFacts, SaveFacts
    from kerasmatrix.results.tolerance import Tolerance

__all__ = ["drift", "lost_training", "not_compared"]

# Rounding in a type is relative to the numbers that were added up, so that an element near zero of
# an output of thousands carries their error: this many times the spacing of numbers as large as the
# output's largest. Measured over the suite (TensorFlow 2.4 to 2.21): rounding is at most 4 of them,
# what computes something else at least 4,000; deeper models than those of the suite round more.
ROUNDINGS = 64
# ... and of the numbers of the narrow type that a layer computes in, whatever its output is
# converted to. Measured for mixed precision: rounding is at most 1 of them.
NARROW_ROUNDINGS = 4
# What `evaluate` gives, and how far weights move, are sums over rounded outputs.
EVALUATE_RELATIVE, EVALUATE_ABSOLUTE = 1e-3, 1e-5
STEP_RELATIVE = 1e-2
# A change of a weight that is below this is rounding.
STEP_FLOOR = 1e-6


def drift(saved: SaveFacts, loaded: LoadFacts, tolerance: Tolerance) -> str | None:
    """Say which output is not what it was, or None."""
    if saved.structure is not None and loaded.structure is not None and has_layers(loaded):
        before, after = _plain_structure(saved.structure), _plain_structure(loaded.structure)
        if before != after:
            return f"the outputs are arranged as {_text(after)}, and were as {_text(before)}"
    if not loaded.deviations:
        # Facts without detail: the largest difference is all that is known.
        allowed = tolerance.absolute + tolerance.relative * (loaded.max_abs_reference or 0.0)
        if loaded.max_abs_diff is not None and loaded.max_abs_diff > allowed:
            return f"outputs differ by up to {loaded.max_abs_diff:.3g} (allowed {allowed:.3g})"
        return None
    several = len(loaded.deviations) > 1
    narrowest = narrow_epsilon(saved.layers) if saved.layers else 0.0
    found = []
    for number, deviation in enumerate(loaded.deviations, start=1):
        said = _output_drift(deviation, tolerance, narrowest)
        if said:
            found.append(f"output {number}: {said}" if several else said)
    return "; ".join(found) or None


def _output_drift(deviation: Deviation, tolerance: Tolerance, narrowest: float) -> str | None:
    ours, theirs = deviation.dtypes
    if not deviation.epsilon:
        if not deviation.exact:
            return "outputs differ, and are no floating-point numbers that may"
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
    """List in what `evaluate` and one training step differ from what they were.

    Where other numbers are ``explained`` by what else was lost, only that training fails is new.
    So is another step, if moments came back ``reordered``: each release has an order of its own,
    and only the step shows whether they went to other weights.
    """
    before, after = saved.training, loaded.training
    if before is None or after is None:
        return []
    # A file was trained where it was saved, even if the reference cannot train it either.
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
    """Yield what a pass does not say, and why."""
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
    """Yield what `evaluate` gave by names that no release has numbered."""
    for name, value in values:
        yield fold(name.rstrip("0123456789")), value


def _same_steps(saved: SaveFacts, loaded: LoadFacts) -> bool:
    """Whether each weight has moved as it would have; weights are known by what they were."""
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
    found: dict[str, list[tuple[float, float]]] = defaultdict(list)
    steps = facts.training.steps if facts.training else ()
    for place, step in enumerate(steps):
        known = place < len(facts.weights)
        found[facts.weights[place].sha256 if known else ""].append(step)
    for values in found.values():
        values.sort()
    return found


def _plain_structure(structure: Any) -> Any:
    """Return an arrangement in which a list of one is what it holds: Keras 3 keeps the list."""
    if isinstance(structure, list):
        parts = [_plain_structure(each) for each in structure]
        return parts[0] if len(parts) == 1 else parts
    if isinstance(structure, Mapping):
        return {key: _plain_structure(value) for key, value in structure.items()}
    return structure


def _text(structure: Any) -> str:
    return json.dumps(structure).replace('"', "")


def _is_text(*dtypes: str) -> bool:
    return all(dtype.startswith(("<U", ">U", "|S", "|O", "object")) for dtype in dtypes)
