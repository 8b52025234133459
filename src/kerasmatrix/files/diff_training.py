"""Compares the compile state and the optimizer's state of two files."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

from kerasmatrix.files.diff_result import Sameness, TrainingChange
from kerasmatrix.files.diff_weights import fingerprint, has_numbers
from kerasmatrix.inspection.contents import Contents
from kerasmatrix.inspection.stored_arrays import StoredArray, StoredArrays
from kerasmatrix.results.compile_state import lost_arguments, readable
from kerasmatrix.results.observations import CompileState, OptimizerState

__all__ = ["changed_training"]

ARROW = " became "


def changed_training(
    contents: tuple[Contents, Contents], arrays: tuple[StoredArrays, StoredArrays]
) -> TrainingChange:
    """Compare how two models were compiled, and the moments and steps of their optimizers."""
    compiled = [_compiled(each.training) for each in contents]
    steps = (contents[0].stored.optimizer_steps, contents[1].stored.optimizer_steps)
    states = [_moments(each.optimizer) for each in arrays]
    # Training cannot go on from steps alone, if the other file has moments.
    has_state = [
        bool(state) if any(states) else step > 0 for state, step in zip(states, steps, strict=True)
    ]
    changes: tuple[str, ...] = ()
    compile_state = _presence(compiled[0] is not None, compiled[1] is not None)
    if compiled[0] is not None and compiled[1] is not None:
        newer_first = (contents[0].writer.keras_major or 0) > (contents[1].writer.keras_major or 0)
        changes = tuple(_changes(compiled[0], compiled[1], newer_first=newer_first))
        compile_state = "different" if changes else "equal"
    optimizer_state = _presence(*has_state)
    if all(has_state):
        is_equal = states[0] == states[1] and steps[0] == steps[1]
        optimizer_state = "equal" if is_equal else "different"
    return TrainingChange(
        compile_state=compile_state, changes=changes, optimizer_state=optimizer_state, steps=steps
    )


def _presence(a: bool, b: bool) -> Sameness:  # noqa: FBT001 - one for each file
    if a and b:
        return "unknown"
    return "missing in a" if b else "missing in b" if a else "none"


def _moments(arrays: tuple[StoredArray, ...]) -> Counter[str]:
    """Return the digests of an optimizer's arrays, without counters, rates and zeros."""
    return Counter(
        fingerprint(array).digest for array in arrays if array.shape and has_numbers(array)
    )


def _compiled(training: Any) -> CompileState | None:  # noqa: ANN401 - JSON of any shape
    if not isinstance(training, Mapping) or not training:
        return None
    stored = training.get("optimizer_config") or training.get("optimizer")
    name, config = "none", {}
    if isinstance(stored, str):
        name = stored
    elif isinstance(stored, Mapping):
        name = str(stored.get("class_name")).rpartition(">")[2]
        inner = stored.get("config")
        if isinstance(inner, Mapping):
            config = {
                key: value for key, held in inner.items() if (value := readable(held)) is not None
            }
    keys = ("loss", "loss_weights", "metrics", "weighted_metrics", "run_eagerly")
    return CompileState(
        loss=None,
        optimizer=OptimizerState(name=name, hyperparameters=config),
        arguments={key: training.get(key) for key in keys},
    )


def _changes(a: CompileState, b: CompileState, *, newer_first: bool) -> Iterator[str]:
    """Yield the differences as "… (x became y)", with the older file's as the original."""
    forward, backward = lost_arguments(a, b), lost_arguments(b, a)
    changed = map(_turned, backward) if newer_first else forward
    yield from (change for change in changed if ARROW in change)
    for found, side in ((forward, "a"), (backward, "b")):  # metrics that one side lacks
        yield from (f"{change} (only in {side})" for change in found if ARROW not in change)


def _turned(change: str) -> str:
    """Return a change with its two values exchanged."""
    subject, bracket, values = change.partition(" (")
    before, arrow, after = values.removesuffix(")").partition(ARROW)
    return f"{subject} ({after}{ARROW}{before})" if bracket and arrow else change
