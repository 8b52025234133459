"""A cell, what was observed in it, and the verdict: pure values and functions.

The harness reports what it saw (`SaveObservation`, `LoadObservation`); `judge_save` and
`judge_load` say what it means. Observations are stored, verdicts are made anew each time, so a
changed tolerance needs no new measurement.
"""

from __future__ import annotations

import datetime
import enum
import json
from collections import Counter
from collections.abc import Callable, Hashable, Mapping
from functools import cached_property
from typing import Annotated, Any, Generic, Literal, NamedTuple, TypeVar

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, GetCoreSchemaHandler
from pydantic_core.core_schema import CoreSchema, no_info_after_validator_function

from kerasmatrix import compile_state, layer_settings, verdict
from kerasmatrix.tolerance import Tolerance

__all__ = [
    "BADNESS",
    "LOST",
    "Cell",
    "CompileState",
    "Culprit",
    "ErrorLink",
    "ErrorReport",
    "LoadFacts",
    "LoadObservation",
    "Measured",
    "Observation",
    "OptimizerState",
    "ProbeFacts",
    "ProbeObservation",
    "Save",
    "SaveFacts",
    "SaveObservation",
    "Status",
    "Try",
    "Verdict",
    "WeightDigest",
    "compared_facts",
    "infrastructure_fault",
    "judge_load",
    "judge_save",
]


# The stage of a task whose worker was lost with it.
LOST = "worker"
# Where Keras 3 says what happened, after the outermost class and its whole config (its
# serialization_lib.py); one such message holds another.
WRAPPED = "Exception encountered: "
# How NumPy names the types of arrays of texts.
TEXTS = ("<U", ">U", "|S", "|O", "object")


class Status(enum.StrEnum):
    """What became of a cell. The order is from best to worst, then what says nothing."""

    PASS = "pass"  # noqa: S105 - it is a verdict
    DEGRADED = "degraded"
    DRIFT = "drift"
    FAIL = "fail"
    CRASH = "crash"
    TIMEOUT = "timeout"
    SAVE_FAILED = "save-failed"
    UNSUPPORTED = "unsupported"
    INFRA = "infra"
    NOT_RUN = "not-run"


# How bad a status is; those left out say nothing about Keras.
BADNESS: Mapping[Status, int] = {
    Status.PASS: 0,
    Status.DEGRADED: 1,
    Status.DRIFT: 2,
    Status.FAIL: 3,
    Status.CRASH: 3,
    Status.TIMEOUT: 3,
    Status.SAVE_FAILED: 3,
}


class Cell(NamedTuple):
    """The unit of result."""

    scenario: str
    format: str
    saved_with: str
    loaded_with: str


class Save(NamedTuple):
    """One save: the row of a block."""

    scenario: str
    format: str
    saved_with: str


def _shared(key: Callable[[Any], Hashable]) -> AfterValidator:
    """Make one object of values that are equal by ``key``.

    Of a hundred thousand cells few have weights or errors of their own.
    """
    kept: dict[Hashable, Any] = {}
    return AfterValidator(lambda value: kept.setdefault(key(value), value))


_GIVEN: dict[frozenset[str], set[str]] = {}


class _Observed(BaseModel):
    """Data from inside an environment. Newer harnesses may say more; that is left aside."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    def model_post_init(self, context: object) -> None:
        """Share the set of names that were given, which weighs more than all they name."""
        del context
        given = self.__pydantic_fields_set__
        shared = _GIVEN.setdefault(frozenset(given), given)
        object.__setattr__(self, "__pydantic_fields_set__", shared)


class ErrorLink(_Observed):
    """One exception of a chain."""

    type: str
    message: str


class ErrorReport(_Observed):
    """An exception with its causes, outermost first (so ``chain[0]`` is the exception itself)."""

    type: str
    message: str
    chain: tuple[ErrorLink, ...] = ()
    traceback: str = ""


class WeightDigest(_Observed):
    """One weight array: SHA-256 of its bytes in C order."""

    name: str
    shape: tuple[int, ...]
    dtype: str
    sha256: str

    @property
    def content(self) -> tuple[tuple[int, ...], str, str]:
        """What must be equal; names differ over Keras releases (``dense/kernel:0``)."""
        return (self.shape, self.dtype, self.sha256)


class OptimizerState(_Observed):
    """An optimizer: its class, hyperparameters, step count and slot digests, in its order."""

    name: str
    hyperparameters: Mapping[str, Any] = Field(default_factory=dict)
    iterations: int | None = None
    slots: tuple[str, ...] = ()
    unreadable: str | None = None


class CompileState(_Observed):
    """What ``compile`` set. ``arguments`` are all but the optimizer, by value."""

    loss: Any = None
    optimizer: OptimizerState
    arguments: Mapping[str, Any] | None = None


class StoredState(_Observed):
    """What a file holds of an optimizer, and of what ``compile`` set, read without loading it."""

    slots: tuple[str, ...] = ()
    iterations: int | None = None
    config: Mapping[str, Any] | None = None


class TrainingFacts(_Observed):
    """What ``evaluate`` gave on a fixed batch, and how each weight changed in one training step.

    ``not_compared`` says why there are no numbers; ``raised``, that it raised an exception.
    ``steps`` are for each weight, in order, two numbers that any other change would change.
    """

    evaluate: tuple[tuple[str, float], ...] = ()
    steps: tuple[tuple[float, float], ...] = ()
    not_compared: str | None = None
    raised: bool = False
    seconds: float = 0.0


class Deviation(_Observed):
    """How far an output is from its reference: enough of it for any tolerance.

    ``corners`` are (difference, size of the reference, index) of the elements of which one exceeds
    a tolerance most, whichever it is; see ``harness/deviation.py``. ``epsilon`` is the spacing of
    the type's numbers at 1, and 0 for what is either equal or not.
    """

    dtypes: tuple[str, str]
    exact: bool
    finite: bool = True
    epsilon: float = 0.0
    corners: tuple[tuple[float, float, int], ...] = ()
    max_abs_diff: float = 0.0
    max_abs_reference: float = 0.0


class Weights(tuple[WeightDigest, ...]):  # noqa: SLOT001 - what is cached needs a place
    """The weights of a model, in its order."""

    @cached_property
    def contents(self) -> Counter[tuple[tuple[int, ...], str, str]]:
        """The weights by content. A vocabulary is one to some releases, and to none a number."""
        return Counter(weight.content for weight in self if not weight.dtype.startswith(TEXTS))

    @classmethod
    def __get_pydantic_core_schema__(
        cls, source: object, handler: GetCoreSchemaHandler
    ) -> CoreSchema:
        """Validate what a tuple of digests would be."""
        del source
        return no_info_after_validator_function(cls, handler(tuple[WeightDigest, ...]))


class _ModelFacts(_Observed):
    model: str
    weights: Annotated[Weights, _shared(tuple)]
    compiled: Annotated[CompileState, _shared(CompileState.model_dump_json)] | None = None
    layers: Annotated[str, _shared(str)] | None = Field(
        default=None, description="the settings of every layer, packed"
    )
    structure: Any = None
    training: TrainingFacts | None = None
    timings: Mapping[str, float] = Field(default_factory=dict)


class SaveFacts(_ModelFacts):
    """The model that was saved."""

    did: tuple[str, ...] = Field(
        default=(), description="what remedies did before it was, in order"
    )
    stored: StoredState | None = Field(
        default=None, description="what the file itself holds, where it was saved elsewhere"
    )


class LoadFacts(_ModelFacts):
    """The model that came back, compared with the artifact's probe outputs."""

    shapes_equal: bool
    finite: bool
    max_abs_diff: float | None = None
    max_abs_reference: float | None = None
    deviations: tuple[Deviation, ...] = ()
    resave_error: ErrorReport | None = None
    did: tuple[str, ...] = Field(default=(), description="what the remedies did, in order")


class Try(_Observed):
    """A try that was not believed, since another ended otherwise or it had to be seen twice.

    ``status`` is what it would have meant, None where the machine ended it: a worker that was
    lost, a child that somebody killed.
    """

    status: Status | None = None
    reason: str


class Observation(_Observed):
    """How one task ended, whatever it was.

    ``ended``: ``returned`` (``value`` holds the facts), ``raised`` (``error`` says what, ``stage``
    where), ``crashed`` (signal, exit or nonsense instead of an answer), ``timed-out``.
    ``retried`` are the tries before this one.
    """

    ended: Literal["returned", "raised", "crashed", "timed-out"]
    error: Annotated[ErrorReport, _shared(ErrorReport.model_dump_json)] | None = None
    stage: str | None = None
    exit_code: int | None = None
    signal: int | None = None
    seconds: float = 0.0
    peak_memory_mb: float | None = None
    log: str = ""
    deadline: float | None = None
    retried: tuple[Try, ...] = ()


class SaveObservation(Observation):
    """A save. ``artifact`` is the digest under which what it left is stored.

    ``equivalence`` is the same for artifacts that differ in nothing that a loader looks at.
    """

    value: SaveFacts | None = None
    artifact: str | None = None
    equivalence: str | None = None


class LoadObservation(Observation):
    """A load."""

    value: LoadFacts | None = None


class Culprit(_Observed):
    """A part of a stored architecture that this Keras cannot make, taken by itself.

    ``layer`` is None for what is no layer: a loss, a metric, the optimizer. ``keys`` are the
    arguments at fault: refused, or missed.
    """

    layer: str | None = None
    class_name: str
    keys: tuple[str, ...] = ()
    error: str


class ProbeFacts(_Observed):
    """What the layer probe found."""

    culprits: tuple[Culprit, ...] = ()


class ProbeObservation(Observation):
    """A look at an artifact's architecture, layer by layer."""

    value: ProbeFacts | None = None


Seen_co = TypeVar("Seen_co", bound=Observation, covariant=True)


class Measured(NamedTuple, Generic[Seen_co]):
    """An observation and when it was made (UTC)."""

    observation: Seen_co
    at: datetime.datetime


class Verdict(_Observed):
    """A status and, in a few words each, why. ``lost`` lists what did not come back."""

    status: Status
    summary: str
    lost: tuple[str, ...] = ()
    weights_equal: bool | None = None
    not_compared: tuple[str, ...] = ()


def infrastructure_fault(observation: Observation) -> str | None:
    """Say why this observation is about the machine and not about Keras, or None.

    Only what cannot be anything else: a disk without space, wherever it shows in the chain.
    """
    links = observation.error.chain if observation.error else ()
    for link in links:
        if "No space left on device" in link.message or "Disk quota exceeded" in link.message:
            return f"{link.type}: {link.message.strip().splitlines()[0]}"
    return None


def judge_save(save: SaveObservation) -> Verdict | None:
    """Return the verdict on a whole row whose save did not work; None if it did."""
    if save.ended == "returned" and save.value is not None and save.artifact:
        return None
    return Verdict(status=Status.SAVE_FAILED, summary=f"could not be saved: {_how(save)}")


def judge_load(
    saved: SaveFacts,
    form: str,
    load: LoadObservation,
    tolerance: Tolerance,
    *,
    trained: bool = False,
) -> Verdict:
    """Return the verdict on a cell whose artifact was there.

    Args:
        saved: the model as it was when it was saved.
        form: the format; ``weights`` does not promise to bring back the compile state.
        load: what was seen.
        tolerance: how far outputs may differ and still be the same.
        trained: the file has an optimizer's moments, even if ``saved`` has none.
    """
    if load.ended == "timed-out":
        return Verdict(status=Status.TIMEOUT, summary=f"no answer within {load.deadline:g} s")
    if load.ended == "crashed" or (load.error and load.error.type == "MemoryError"):
        return Verdict(status=Status.CRASH, summary=_how(load))
    facts = load.value
    if facts is None:
        prefix = "loads, but cannot be called: " if load.stage == "call" else ""
        return Verdict(status=Status.FAIL, summary=prefix + _how(load))
    weights_equal = saved.weights.contents == facts.weights.contents
    drift = _drift(saved, facts, tolerance, weights_equal=weights_equal)
    lost = tuple(_lost(saved, form, facts, trained=trained))
    status, summary = Status.PASS, "same weights, same outputs"
    if drift:
        status, summary = Status.DRIFT, drift
    elif lost:
        status = Status.DEGRADED
        summary = f"loads and predicts, but lost {'; '.join(lost)}"
    return Verdict(
        status=status,
        summary=summary,
        lost=lost,
        weights_equal=weights_equal,
        not_compared=tuple(verdict.not_compared(saved, form, facts)),
    )


def compared_facts(saved: SaveFacts, form: str) -> Hashable:
    """Return what decides of a saved model whether a load of it works: equal facts, equal answers.

    Each cell is judged by its own save. Settings, compile arguments and training, which releases
    write down differently, are left out here: they decide between pass and degraded only.
    """
    compiled = None if form == "weights" else saved.compiled
    state = compiled.model_dump_json(exclude={"arguments"}) if compiled else None
    structure = json.dumps(saved.structure, sort_keys=True)
    return (frozenset(saved.weights.contents.items()), bool(saved.weights), state, structure)


def _how(observation: Observation) -> str:
    """Say in one line how a task ended that did not return."""
    if observation.ended == "timed-out":
        return f"no answer within {observation.deadline:g} s"
    if observation.error:
        message = observation.error.message
        told = message.rpartition(WRAPPED)[2].strip() or message.strip()
        first = next(iter(told.splitlines()), "")
        return f"{observation.error.type}: {first}" if first else observation.error.type
    if observation.stage == LOST:
        first = next(iter(observation.log.strip().splitlines()), "it was lost")
        return f"ended one worker after the other: {first}"
    if observation.signal is not None:
        return f"killed by signal {observation.signal}"
    if observation.exit_code is not None:
        return f"the process left with exit code {observation.exit_code}"
    return "the process gave no understandable answer"


def _drift(
    saved: SaveFacts, facts: LoadFacts, tolerance: Tolerance, *, weights_equal: bool
) -> str | None:
    """Say in which way the numbers differ, or None."""
    if not facts.shapes_equal:
        return "the outputs have other shapes"
    if not facts.finite:
        return "NaN or infinity where the saved model had numbers, or the reverse"
    found = verdict.drift(saved, facts, tolerance)
    if found:
        return found
    # A graph that came back without its layers has no weights to look at, or further variables:
    # its outputs are what it promises, and the rest is lost.
    if not weights_equal and facts.weights and facts.model != "TFSMLayer":
        return "the weights are not the same"
    return None


def _lost(saved: SaveFacts, form: str, loaded: LoadFacts, *, trained: bool) -> list[str]:
    """List what the format brings back and this load did not."""
    lost = []
    if loaded.model == "TFSMLayer":
        lost.append("the architecture (an inference-only layer came back)")
    elif saved.weights and not loaded.weights:
        lost.append("the architecture (a model without layers or weights came back)")
    if loaded.resave_error is not None:
        lost.append(f"the ability to be saved again ({loaded.resave_error.type})")
    if form == "weights":
        # The code that builds the model again compiles it as well.
        return [*lost, *layer_settings.lost_settings(saved, loaded)]
    state = layer_settings.lost_settings(saved, loaded)
    state += compile_state.lost_compile_state(saved, loaded, trained=trained)
    training = verdict.lost_training(
        saved,
        loaded,
        explained=bool(state),
        reordered=compile_state.is_state_reordered(saved, loaded),
    )
    return [*lost, *state, *training]
