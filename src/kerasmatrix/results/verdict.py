"""Decides the status of a cell from what was observed. Pure.

`judge_save` decides whether a row of the table was saved at all, `judge_load` whether a load is
``pass``, ``degraded``, ``drift``, … and `infrastructure_fault` whether an observation is about the
machine instead. Observations are stored and verdicts are not, so that a changed tolerance needs no
new measurement.
"""

from __future__ import annotations

import json
from collections.abc import Hashable, Iterator

from kerasmatrix.results import compile_state, differences, layer_settings
from kerasmatrix.results.bounds import LONGEST_LINE, Line, Notes, cut
from kerasmatrix.results.cells import Status
from kerasmatrix.results.observations import (
    LOST,
    ErrorLink,
    ErrorReport,
    LoadFacts,
    LoadObservation,
    Observation,
    ProbeFacts,
    SaveFacts,
    SaveObservation,
)
from kerasmatrix.results.tolerance import Tolerance
from kerasmatrix.strict_model import StrictModel
from kerasmatrix.text.patterns import compile_pattern

__all__ = ["Verdict", "compared_facts", "infrastructure_fault", "judge_load", "judge_save"]

# The operating system's messages for a faulty or full disk: ENOSPC, EDQUOT, EIO, ESTALE.
DISK_FAULTS = (
    "No space left on device",
    "Disk quota exceeded",
    "Input/output error",
    "Stale file handle",
)
# Keras 3 puts the actual error after the outermost class and its whole config (see its
# serialization_lib.py); such messages can be nested.
WRAPPED = "Exception encountered: "
IN_USER_CODE = "in user code:"
ERROR_LINE = compile_pattern(r"^[A-Za-z_.]*(Error|Exception)\b.*: ")
GIVE_INPUTS = "give inputs that fit with --inputs"
# The id of the fix that loads a model without its compile state.
NO_COMPILE = "no-compile"
RESCALED = "the values of some weights (they are scaled, and the outputs are the same)"
# The class of the model that `keras.layers.TFSMLayer` makes of a SavedModel.
INFERENCE_ONLY = "TFSMLayer"
# The stages of an export, and the exception of the harness for an operation that a converter lacks.
NOT_EXPORTED = "loads, and the export lacks an operation of it"
EXPORTING = {
    "export": "loads, but cannot be exported",
    "run": "is exported, but the export cannot be run",
}
UNSUPPORTED = "harness.exports.Unsupported"


class Verdict(StrictModel):
    """A status and the reason in a few words. ``lost`` lists the features that are missing."""

    status: Status
    summary: Line
    lost: Notes = ()
    weights_equal: bool | None = None
    not_compared: tuple[str, ...] = ()


def infrastructure_fault(observation: Observation) -> str | None:
    """Return the message that shows a fault of the machine, not of Keras, or None.

    Only unmistakable messages count: a disk that is full or broken. A load that returned may have
    met it when it saved the model again, a layer check in one of the layers.
    """
    for text in _messages(observation):
        for line in text.splitlines():
            if any(fault in line for fault in DISK_FAULTS):
                return cut(line.strip(), LONGEST_LINE)
    return None


def _messages(observation: Observation) -> Iterator[str]:
    """Yield all texts in which a fault of the machine may show."""
    value: object = getattr(observation, "value", None)
    errors = [observation.error]
    if isinstance(value, SaveFacts):
        errors += [value.refused, value.refused_at_home]
    if isinstance(value, LoadFacts):
        errors.append(value.resave_error)
    for error in errors:
        if error:
            links = error.chain or (ErrorLink(type=error.type, message=error.message),)
            yield from (f"{link.type}: {link.message}" for link in links)
    if isinstance(value, ProbeFacts):
        yield from (culprit.error for culprit in value.culprits)
    if observation.ended == "crashed":
        yield observation.log


def judge_save(save: SaveObservation) -> Verdict | None:
    """Return the verdict on a whole row whose save failed; None if the model was saved."""
    if save.ended == "returned" and save.value is not None and save.artifact:
        return None
    return Verdict(status=Status.SAVE_FAILED, summary=f"could not be saved: {_ending(save)}")


def judge_load(  # noqa: PLR0913 - the save, the load, and what is known of both
    saved: SaveFacts,
    form: str,
    load: LoadObservation,
    tolerance: Tolerance,
    *,
    trained: bool = False,
    rescaled: bool = False,
) -> Verdict:
    """Return the verdict on a load of an artifact. This decides whether a cell passes.

    Args:
        saved: facts about the model when it was saved.
        form: the format; ``weights`` does not promise to restore the compile state.
        load: the observation of the load.
        tolerance: how far outputs may differ and still count as the same.
        trained: the file has an optimizer's moments, even if ``saved`` has none.
        rescaled: a fix has changed weights so that the outputs stay the same.
    """
    if load.ended == "timed-out":
        return Verdict(status=Status.TIMEOUT, summary=_ending(load))
    if load.ended == "crashed" or (load.error and load.error.type == "MemoryError"):
        return Verdict(status=Status.CRASH, summary=_ending(load))
    if load.value is None:
        return _judge_exception(saved, load)
    return _judge_model(saved, form, load.value, tolerance, trained=trained, rescaled=rescaled)


def _judge_exception(saved: SaveFacts, load: LoadObservation) -> Verdict:
    """Return the verdict on a load that raised an exception."""
    if load.stage in EXPORTING and load.error and load.error.type == UNSUPPORTED:
        return Verdict(status=Status.UNSUPPORTED, summary=f"{NOT_EXPORTED}: {load.error.message}")
    if load.stage in EXPORTING:
        return Verdict(status=Status.FAIL, summary=f"{EXPORTING[load.stage]}: {_ending(load)}")
    # An error before the call means that the load failed, or that nothing shows it succeeded.
    if load.stage != "call":
        return Verdict(status=Status.FAIL, summary=_ending(load))
    if saved.refused_at_home or saved.refused:
        return Verdict(
            status=Status.NOT_COMPARABLE,
            summary="loads, but cannot be called, nor could it where it was saved: "
            f"{_ending(load)}",
        )
    return Verdict(status=Status.FAIL, summary=f"loads, but cannot be called: {_ending(load)}")


def _judge_model(  # noqa: PLR0913 - the save, the load, and what is known of both
    saved: SaveFacts,
    form: str,
    loaded: LoadFacts,
    tolerance: Tolerance,
    *,
    trained: bool,
    rescaled: bool,
) -> Verdict:
    """Return the verdict on a model that was loaded and called."""
    weights_equal = saved.weights.contents == loaded.weights.contents
    drift = _drift(saved, loaded, tolerance, weights_equal=weights_equal or rescaled)
    lost = tuple(_lost(saved, form, loaded, trained=trained))
    if rescaled and not weights_equal:
        lost = (RESCALED, *lost)
    losses = "; ".join(lost)
    # Other numbers outweigh losses: a model that computes something else is of no use.
    if drift:
        status, summary = Status.DRIFT, drift
    elif saved.refused:
        same = "same weights" if weights_equal and loaded.weights else "without weights to compare"
        but = f", but lost {losses}" if lost else ""
        status = Status.NOT_COMPARABLE
        summary = (
            f"loads, {same}{but}; outputs not compared: {_first_line(saved.refused)}"
            f" ({GIVE_INPUTS})"
        )
    elif lost:
        status, summary = Status.DEGRADED, f"loads and predicts, but lost {losses}"
    else:
        status, summary = Status.PASS, "same weights, same outputs"
    if loaded.exported and status in {Status.PASS, Status.DEGRADED}:
        size = f"{loaded.exported.bytes:,} bytes by {loaded.exported.converter}"
        but = f", but needs {losses}" if lost else ""
        summary = f"exported with the same outputs{but} ({size})"
    return Verdict(
        status=status,
        summary=summary,
        lost=lost,
        weights_equal=weights_equal,
        not_compared=()
        if loaded.exported
        else tuple(differences.not_compared(saved, form, loaded)),
    )


def compared_facts(saved: SaveFacts, form: str) -> Hashable:
    """Return the facts of a saved model that decide whether a load of it works.

    Files with equal facts can share one load. Settings, compile arguments and training are left
    out, since releases write them differently: they only decide between pass and degraded, and
    each cell is judged by its own save.
    """
    compiled = None if form == "weights" else saved.compiled
    state = compiled.but(arguments=None).to_json() if compiled else None
    structure = json.dumps(saved.structure, sort_keys=True)
    refused = (saved.refused, saved.refused_at_home)
    weights = frozenset(saved.weights.contents.items())
    return (weights, bool(saved.weights), state, structure, refused, saved.remedies)


def _first_line(error: ErrorReport) -> str:
    """Return the type of an exception and the line of its message that says what is wrong."""
    message = error.message.rpartition(WRAPPED)[2].strip() or error.message.strip()
    lines = [line.strip() for line in message.splitlines() if line.strip()]
    # AutoGraph's messages begin with where the error occurred, which may be many lines.
    if lines and lines[0] == IN_USER_CODE:
        lines = [next((line for line in lines if ERROR_LINE.is_in(line)), lines[-1])]
    if not lines:
        return error.type
    # The harness's own messages are sentences, which need no type.
    return lines[0] if error.type.startswith("harness.") else f"{error.type}: {lines[0]}"


def _ending(observation: Observation) -> str:
    """Describe in one line the end of a task that did not return."""
    if observation.ended == "timed-out":
        limit = observation.deadline
        return "no answer in time" if limit is None else f"no answer within {limit:g} s"
    if observation.error:
        return _first_line(observation.error)
    if observation.stage == LOST:
        first = next(iter(observation.log.strip().splitlines()), "it was lost")
        return f"ended one worker after the other: {first}"
    if observation.signal is not None:
        return f"killed by signal {observation.signal}"
    if observation.exit_code is not None:
        return f"the process left with exit code {observation.exit_code}"
    return "the process gave no understandable answer"


def _drift(
    saved: SaveFacts, loaded: LoadFacts, tolerance: Tolerance, *, weights_equal: bool
) -> str | None:
    """Describe in which way the numbers differ, or return None."""
    if not loaded.shapes_equal:
        return "the outputs have other shapes"
    if not loaded.finite:
        return "NaN or infinity where the saved model had numbers, or the reverse"
    difference = differences.drift(saved, loaded, tolerance)
    if difference:
        return difference
    # A graph that came back without its layers has no weights, or further variables. Only its
    # outputs can be expected to be the same.
    if not weights_equal and loaded.weights and loaded.model != INFERENCE_ONLY:
        return "the weights are not the same"
    return None


def _lost(saved: SaveFacts, form: str, loaded: LoadFacts, *, trained: bool) -> list[str]:
    """List what the format can store and this load did not restore."""
    if loaded.exported:  # an export has neither layers nor training
        return [loaded.exported.needs] if loaded.exported.needs else []
    lost = []
    if loaded.model == INFERENCE_ONLY:
        lost.append("the architecture (an inference-only layer came back)")
    elif saved.weights and not loaded.weights:
        lost.append("the architecture (a model without layers or weights came back)")
    if loaded.resave_error is not None:
        lost.append(f"the ability to be saved again ({loaded.resave_error.type})")
    if NO_COMPILE in saved.remedies and loaded.compiled is None:
        lost.append("the compile state")
    settings = layer_settings.lost_settings(saved, loaded)
    if form == "weights":
        # The code that builds the model again compiles it as well.
        return [*lost, *settings]
    state = settings + compile_state.lost_compile_state(saved, loaded, trained=trained)
    training = differences.lost_training(
        saved,
        loaded,
        explained=bool(state),
        reordered=compile_state.is_state_reordered(saved, loaded),
    )
    return [*lost, *state, *training]
