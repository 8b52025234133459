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
from collections.abc import Callable, Hashable, Iterator, Mapping
from functools import cached_property
from typing import Annotated, Any, Generic, Literal, NamedTuple, TypeVar

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    FailFast,
    Field,
    GetCoreSchemaHandler,
    ValidationInfo,
    field_validator,
)
from pydantic_core.core_schema import CoreSchema, no_info_after_validator_function

from kerasmatrix.results import compile_state, differences, layer_settings
from kerasmatrix.results.bounds import (
    CHAIN_CHARACTERS,
    LONGEST_LINE,
    MOST_CULPRITS,
    MOST_KEYS,
    MOST_LINKS,
    MOST_OUTPUTS,
    MOST_STEPS,
    MOST_TIMINGS,
    MOST_WEIGHTS,
    Amount,
    ArrayShape,
    Digest,
    Identifier,
    Line,
    LogText,
    MessageText,
    Name,
    Notes,
    Number,
    PackedText,
    Plain,
    Slots,
    TracebackText,
    Whole,
    at_most,
    cut,
    first,
    plain,
    share_out,
)
from kerasmatrix.results.tolerance import Tolerance
from kerasmatrix.text.patterns import compile_pattern

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
IN_USER_CODE = "in user code:"
ERROR_LINE = compile_pattern(r"^[A-Za-z_.]*(Error|Exception)\b.*: ")
GIVE_INPUTS = "give inputs that fit with --inputs"
# A remedy that leaves the compile state aside.
NO_COMPILE = "no-compile"
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
    NOT_COMPARABLE = "not-comparable"
    INFRA = "infra"
    NOT_RUN = "not-run"


# The operating system's messages when the disk is at fault: ENOSPC, EDQUOT, EIO, ESTALE.
FAULTS = (
    "No space left on device",
    "Disk quota exceeded",
    "Input/output error",
    "Stale file handle",
)

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

    Of a hundred thousand cells few have weights or errors of their own. What is shared is kept in
    the dictionary that is given as the context of the validation, and goes with it; without one
    nothing is shared.
    """

    def share(value: Any, info: ValidationInfo) -> Any:  # noqa: ANN401 - whatever is validated
        if not isinstance(info.context, dict):
            return value
        return info.context.setdefault((key, key(value)), value)

    return AfterValidator(share)


# At most so many sets of names: there are a dozen models with a few optional fields each.
MOST_GIVEN = 4096
_GIVEN: dict[frozenset[str], set[str]] = {}


class _Observed(BaseModel):
    """Data from inside an environment. Newer harnesses may say more; that is left aside."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    def model_post_init(self, context: object) -> None:
        """Share the set of names that were given, which weighs more than all they name."""
        del context
        given = self.__pydantic_fields_set__
        shared = _GIVEN.get(frozenset(given), given)
        if shared is given and len(_GIVEN) < MOST_GIVEN:
            _GIVEN[frozenset(given)] = given
        object.__setattr__(self, "__pydantic_fields_set__", shared)


class ErrorLink(_Observed):
    """One exception of a chain."""

    type: Name
    message: MessageText


class ErrorReport(_Observed):
    """An exception with its causes, outermost first (so ``chain[0]`` is the exception itself)."""

    type: Name
    message: MessageText
    chain: Annotated[tuple[ErrorLink, ...], first(MOST_LINKS)] = ()
    traceback: TracebackText = ""

    @field_validator("chain")
    @classmethod
    def _limited_together(cls, chain: tuple[ErrorLink, ...]) -> tuple[ErrorLink, ...]:
        if sum(len(link.message) for link in chain) <= CHAIN_CHARACTERS:
            return chain
        messages = share_out([link.message for link in chain], CHAIN_CHARACTERS, least=500)
        return tuple(
            link.model_copy(update={"message": message})
            for link, message in zip(chain, messages, strict=True)
        )


class WeightDigest(_Observed):
    """One weight array: SHA-256 of its bytes in C order."""

    name: Identifier
    shape: ArrayShape
    dtype: Digest
    sha256: Digest

    @property
    def content(self) -> tuple[tuple[int, ...], str, str]:
        """What must be equal; names differ over Keras releases (``dense/kernel:0``)."""
        return (self.shape, self.dtype, self.sha256)


class OptimizerState(_Observed):
    """An optimizer: its class, hyperparameters, step count and slot digests, in its order."""

    name: Name
    hyperparameters: Annotated[Mapping[str, Any], BeforeValidator(plain)] = Field(
        default_factory=dict
    )
    iterations: Whole | None = None
    slots: Slots = ()
    unreadable: Line | None = None


class CompileState(_Observed):
    """What ``compile`` set. ``arguments`` are all but the optimizer, by value."""

    loss: Plain = None
    optimizer: OptimizerState
    arguments: Annotated[Mapping[str, Any], BeforeValidator(plain)] | None = None


class StoredState(_Observed):
    """What a file holds of an optimizer, and of what ``compile`` set, read without loading it."""

    slots: Slots = ()
    iterations: Whole | None = None
    config: Annotated[Mapping[str, Any], BeforeValidator(plain)] | None = None


class TrainingFacts(_Observed):
    """What ``evaluate`` gave on a fixed batch, and how each weight changed in one training step.

    ``not_compared`` says why there are no numbers; ``raised``, that it raised an exception.
    ``steps`` are for each weight, in order, two numbers that any other change would change.
    """

    evaluate: Annotated[tuple[tuple[Name, Number], ...], FailFast(), at_most(MOST_TIMINGS)] = ()
    steps: Annotated[tuple[tuple[Number, Number], ...], FailFast(), at_most(MOST_STEPS)] = ()
    not_compared: Line | None = None
    raised: Annotated[bool, Field(strict=True)] = False
    seconds: Amount = 0.0


class Deviation(_Observed):
    """How far an output is from its reference: enough of it for any tolerance.

    ``corners`` are (difference, size of the reference, index) of the elements of which one exceeds
    a tolerance most, whichever it is; see ``harness/deviation.py``. ``epsilon`` is the spacing of
    the type's numbers at 1, and 0 for what is either equal or not.
    """

    dtypes: tuple[Name, Name]
    exact: Annotated[bool, Field(strict=True)]
    finite: Annotated[bool, Field(strict=True)] = True
    epsilon: Amount = 0.0
    corners: Annotated[
        tuple[tuple[Amount, Amount, Whole], ...], FailFast(), at_most(MOST_STEPS)
    ] = ()
    max_abs_diff: Amount = 0.0
    max_abs_reference: Amount = 0.0


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
        limited = Annotated[tuple[WeightDigest, ...], FailFast(), at_most(MOST_WEIGHTS)]
        return no_info_after_validator_function(cls, handler(limited))


class _ModelFacts(_Observed):
    model: Name
    weights: Annotated[Weights, _shared(tuple)]
    compiled: Annotated[CompileState, _shared(CompileState.model_dump_json)] | None = None
    layers: Annotated[PackedText, _shared(str)] | None = Field(
        default=None, description="the settings of every layer, packed"
    )
    structure: Plain = None
    training: TrainingFacts | None = None
    timings: Annotated[Mapping[Name, Amount], at_most(MOST_TIMINGS)] = Field(default_factory=dict)


class SaveFacts(_ModelFacts):
    """The model that was saved, or that the reference loaded.

    ``refused`` is what it raised at all inputs that were tried: then it has no outputs to compare
    with. ``refused_at_home`` is what the version raised that is most like the file's writer, where
    the reference is another one. ``remedies`` are those with which the reference loaded it.
    """

    refused: ErrorReport | None = None
    refused_at_home: ErrorReport | None = None
    remedies: tuple[str, ...] = ()

    did: Notes = Field(default=(), description="what remedies did before it was, in order")
    stored: StoredState | None = Field(
        default=None, description="what the file itself holds, where it was saved elsewhere"
    )


class LoadFacts(_ModelFacts):
    """The model that came back, compared with the artifact's probe outputs."""

    shapes_equal: Annotated[bool, Field(strict=True)]
    finite: Annotated[bool, Field(strict=True)]
    max_abs_diff: Amount | None = None
    max_abs_reference: Amount | None = None
    deviations: Annotated[tuple[Deviation, ...], FailFast(), at_most(MOST_OUTPUTS)] = ()
    resave_error: ErrorReport | None = None
    did: Notes = Field(default=(), description="what the remedies did, in order")


class Try(_Observed):
    """A try that was not believed, since another ended otherwise or it had to be seen twice.

    ``status`` is what it would have meant, None where the machine ended it: a worker that was
    lost, a child that somebody killed.
    """

    status: Status | None = None
    reason: Line


class Observation(_Observed):
    """How one task ended, whatever it was.

    ``ended``: ``returned`` (``value`` holds the facts), ``raised`` (``error`` says what, ``stage``
    where), ``crashed`` (signal, exit or nonsense instead of an answer), ``timed-out``.
    ``retried`` are the tries before this one.
    """

    ended: Literal["returned", "raised", "crashed", "timed-out"]
    error: Annotated[ErrorReport, _shared(ErrorReport.model_dump_json)] | None = None
    stage: Name | None = None
    exit_code: Whole | None = None
    signal: Whole | None = None
    seconds: Amount = 0.0
    peak_memory_mb: Amount | None = None
    log: LogText = ""
    deadline: Amount | None = None
    retried: tuple[Try, ...] = ()


class SaveObservation(Observation):
    """A save. ``artifact`` is the digest under which what it left is stored.

    ``equivalence`` is the same for artifacts that differ in nothing that a loader looks at.
    """

    value: SaveFacts | None = None
    artifact: Digest | None = None
    equivalence: Digest | None = None


class LoadObservation(Observation):
    """A load."""

    value: LoadFacts | None = None


class Culprit(_Observed):
    """A part of a stored architecture that this Keras cannot make, taken by itself.

    ``layer`` is None for what is no layer: a loss, a metric, the optimizer. ``keys`` are the
    arguments at fault: refused, or missed.
    """

    layer: Name | None = None
    class_name: Name
    keys: Annotated[tuple[Name, ...], first(MOST_KEYS)] = ()
    error: Line


class ProbeFacts(_Observed):
    """What the layer probe found."""

    culprits: Annotated[tuple[Culprit, ...], first(MOST_CULPRITS)] = ()


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
    summary: Line
    lost: Notes = ()
    weights_equal: bool | None = None
    not_compared: tuple[str, ...] = ()


def infrastructure_fault(observation: Observation) -> str | None:
    """Return why this observation is about the machine and not about Keras, or None.

    Only what cannot be anything else: a disk that is full or broken, wherever it shows. A load
    that returned may have met it when it saved the model again, a probe in one of its layers.
    """
    for text in _messages(observation):
        for line in text.splitlines():
            if any(sign in line for sign in FAULTS):
                return cut(line.strip(), LONGEST_LINE)
    return None


def _messages(observation: Observation) -> Iterator[str]:
    """Yield all texts in which a fault of the machine may show."""
    value: object = getattr(observation, "value", None)
    facts = [each for _, each in value] if isinstance(value, BaseModel) else []
    for error in (observation.error, *facts):
        if isinstance(error, ErrorReport):
            links = error.chain or (ErrorLink(type=error.type, message=error.message),)
            yield from (f"{link.type}: {link.message}" for link in links)
    if isinstance(value, ProbeFacts):
        yield from (culprit.error for culprit in value.culprits)
    if observation.ended == "crashed":
        yield observation.log


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
        return Verdict(status=Status.TIMEOUT, summary=_how(load))
    if load.ended == "crashed" or (load.error and load.error.type == "MemoryError"):
        return Verdict(status=Status.CRASH, summary=_how(load))
    facts = load.value
    at_home = saved.refused_at_home or saved.refused
    if facts is None and load.stage == "call" and at_home:
        return Verdict(
            status=Status.NOT_COMPARABLE,
            summary=f"loads, but cannot be called, nor could it where it was saved: {_how(load)}",
        )
    if facts is None:
        prefix = "loads, but cannot be called: " if load.stage == "call" else ""
        return Verdict(status=Status.FAIL, summary=prefix + _how(load))
    weights_equal = saved.weights.contents == facts.weights.contents
    drift = _drift(saved, facts, tolerance, weights_equal=weights_equal)
    lost = tuple(_lost(saved, form, facts, trained=trained))
    if saved.refused and not drift:
        same = "same weights" if weights_equal and facts.weights else "without weights to compare"
        but = f", but lost {'; '.join(lost)}" if lost else ""
        return Verdict(
            status=Status.NOT_COMPARABLE,
            summary=f"loads, {same}{but}; outputs not compared: {_first_line(saved.refused)}"
            f" ({GIVE_INPUTS})",
            lost=lost,
            weights_equal=weights_equal,
            not_compared=tuple(differences.not_compared(saved, form, facts)),
        )
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
        not_compared=tuple(differences.not_compared(saved, form, facts)),
    )


def compared_facts(saved: SaveFacts, form: str) -> Hashable:
    """Return what decides of a saved model whether a load of it works: equal facts, equal answers.

    Each cell is judged by its own save. Settings, compile arguments and training, which releases
    write down differently, are left out here: they decide between pass and degraded only.
    """
    compiled = None if form == "weights" else saved.compiled
    state = compiled.model_dump_json(exclude={"arguments"}) if compiled else None
    structure = json.dumps(saved.structure, sort_keys=True)
    refused = tuple(
        error.model_dump_json() if error else None
        for error in (saved.refused, saved.refused_at_home)
    )
    weights = frozenset(saved.weights.contents.items())
    return (weights, bool(saved.weights), state, structure, refused, saved.remedies)


def _first_line(error: ErrorReport) -> str:
    """Return the type of an exception and the line of its message that says what is wrong."""
    message = error.message.rpartition(WRAPPED)[2].strip() or error.message.strip()
    lines = [line.strip() for line in message.splitlines() if line.strip()]
    # AutoGraph begins with where it was, which may be many lines (its "in user code:").
    if lines and lines[0] == IN_USER_CODE:
        lines = [next((line for line in lines if ERROR_LINE.is_in(line)), lines[-1])]
    if not lines:
        return error.type
    # What the harness says needs no type: it is a sentence.
    return lines[0] if error.type.startswith("harness.") else f"{error.type}: {lines[0]}"


def _how(observation: Observation) -> str:
    """Say in one line how a task ended that did not return."""
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
    saved: SaveFacts, facts: LoadFacts, tolerance: Tolerance, *, weights_equal: bool
) -> str | None:
    """Say in which way the numbers differ, or None."""
    if not facts.shapes_equal:
        return "the outputs have other shapes"
    if not facts.finite:
        return "NaN or infinity where the saved model had numbers, or the reverse"
    found = differences.drift(saved, facts, tolerance)
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
    if NO_COMPILE in saved.remedies and loaded.compiled is None:
        lost.append("the compile state")
    if form == "weights":
        # The code that builds the model again compiles it as well.
        return [*lost, *layer_settings.lost_settings(saved, loaded)]
    state = layer_settings.lost_settings(saved, loaded)
    state += compile_state.lost_compile_state(saved, loaded, trained=trained)
    training = differences.lost_training(
        saved,
        loaded,
        explained=bool(state),
        reordered=compile_state.is_state_reordered(saved, loaded),
    )
    return [*lost, *state, *training]
