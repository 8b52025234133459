"""Observations of the harness about a task: typed data, within limits, and without a judgement.

`kerasmatrix.results.verdict` decides what an observation means. Observations are stored, and
newer harnesses may report more, so that unknown fields are ignored.
"""

from __future__ import annotations

import datetime
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Annotated, Any, ClassVar, Generic, Literal, NamedTuple, Self, TypeVar

from pydantic import (
    AfterValidator,
    BeforeValidator,
    FailFast,
    Field,
    GetCoreSchemaHandler,
    TypeAdapter,
)
from pydantic_core.core_schema import CoreSchema, no_info_after_validator_function

from kerasmatrix.results.bounds import (
    CHAIN_CHARACTERS,
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
    first,
    plain,
    share_out,
)
from kerasmatrix.results.cells import Status
from kerasmatrix.slotted import Slotted

__all__ = [
    "LOST",
    "TEXT_TYPES",
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
    "RetriedAttempt",
    "SaveFacts",
    "SaveObservation",
    "WeightDigest",
    "Weights",
]


# The stage of a task that ended because its worker was lost.
LOST = "worker"
# NumPy's names of types of text arrays start with these.
TEXT_TYPES = ("<U", ">U", "|S", "|O", "object")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Observed(Slotted):
    """Data from inside an environment. Fields that only newer harnesses send are ignored."""

    __pydantic_config__: ClassVar[dict[str, Any]] = {"extra": "ignore"}

    @classmethod
    def parse(cls, data: Mapping[str, Any]) -> Self:
        """Return the value that ``data`` describes, within the limits of `results.bounds`.

        Raises:
            ValidationError: the data does not fit.
        """
        value: Self = _adapter(cls).validate_python(data)
        return value

    @classmethod
    def from_json(cls, text: str | bytes) -> Self:
        """Return the value of which `to_json` returned the text; raises what `parse` does."""
        value: Self = _adapter(cls).validate_json(text)
        return value

    def to_json(self) -> str:
        """Return the value as JSON."""
        return _adapter(type(self)).dump_json(self).decode()


# A class's adapter is made when it is first needed: to make all of them takes time at each start.
_ADAPTERS: dict[type[_Observed], TypeAdapter[Any]] = {}


def _adapter(kind: type[_Observed]) -> TypeAdapter[Any]:
    return _ADAPTERS.get(kind) or _ADAPTERS.setdefault(kind, TypeAdapter(kind))


@dataclass(frozen=True, slots=True, kw_only=True)
class ErrorLink(_Observed):
    """One exception of a chain."""

    type: Name
    message: MessageText


def _limit_together(chain: tuple[ErrorLink, ...]) -> tuple[ErrorLink, ...]:
    if sum(len(link.message) for link in chain) <= CHAIN_CHARACTERS:
        return chain
    messages = share_out([link.message for link in chain], CHAIN_CHARACTERS, least=500)
    return tuple(link.but(message=message) for link, message in zip(chain, messages, strict=True))


@dataclass(frozen=True, slots=True, kw_only=True)
class ErrorReport(_Observed):
    """An exception with its causes, outermost first (so ``chain[0]`` is the exception itself)."""

    type: Name
    message: MessageText
    chain: Annotated[tuple[ErrorLink, ...], first(MOST_LINKS), AfterValidator(_limit_together)] = ()
    traceback: TracebackText = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class WeightDigest(_Observed):
    """One weight array: SHA-256 of its bytes in C order, of whole numbers as 64 bits."""

    name: Identifier
    shape: ArrayShape
    dtype: Digest
    sha256: Digest

    @property
    def content(self) -> tuple[tuple[int, ...], str, str]:
        """The parts to compare; between Keras releases names differ, and the size of counters.

        (Measured: the ``count`` of a Normalization is int32 in TensorFlow 2.2, int64 in 2.3.)
        """
        dtype = "integer" if self.dtype.startswith(("int", "uint")) else self.dtype
        return (self.shape, dtype, self.sha256)


@dataclass(frozen=True, slots=True, kw_only=True)
class OptimizerState(_Observed):
    """An optimizer: its class, hyperparameters, step count and slot digests, in its order."""

    name: Name
    hyperparameters: Annotated[Mapping[str, Any], BeforeValidator(plain)] = field(
        default_factory=dict
    )
    iterations: Whole | None = None
    slots: Slots = ()
    unreadable: Line | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CompileState(_Observed):
    """The compile state. ``arguments`` are all except the optimizer, by value."""

    loss: Plain = None
    optimizer: OptimizerState
    arguments: Annotated[Mapping[str, Any], BeforeValidator(plain)] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredState(_Observed):
    """The optimizer and compile arguments that a file holds, read without loading it."""

    slots: Slots = ()
    iterations: Whole | None = None
    config: Annotated[Mapping[str, Any], BeforeValidator(plain)] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainingFacts(_Observed):
    """The results of ``evaluate`` on a fixed batch, and how one training step changed each weight.

    ``not_compared`` says why there are no numbers, ``raised`` that there was an exception.
    ``steps`` has two numbers for each weight, in order, that depend on the whole change.
    """

    evaluate: Annotated[tuple[tuple[Name, Number], ...], FailFast(), at_most(MOST_TIMINGS)] = ()
    steps: Annotated[tuple[tuple[Number, Number], ...], FailFast(), at_most(MOST_STEPS)] = ()
    not_compared: Line | None = None
    raised: Annotated[bool, Field(strict=True)] = False
    seconds: Amount = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Deviation(_Observed):
    """The difference between an output and its reference, in enough detail for any tolerance.

    ``corners`` are (difference, size of the reference, index) of some elements: for every
    tolerance, the element that exceeds it most is among them; see ``harness/difference.py``.
    ``epsilon`` is the spacing of the type's numbers at 1, and 0 for types that allow no rounding.
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
        """The weights by content, without vocabularies: not every release has them as weights."""
        return Counter(weight.content for weight in self if not weight.dtype.startswith(TEXT_TYPES))

    @classmethod
    def __get_pydantic_core_schema__(
        cls, source: object, handler: GetCoreSchemaHandler
    ) -> CoreSchema:
        """Return the schema of a tuple of digests."""
        del source
        limited = Annotated[tuple[WeightDigest, ...], FailFast(), at_most(MOST_WEIGHTS)]
        return no_info_after_validator_function(cls, handler(limited))


@dataclass(frozen=True, slots=True, kw_only=True)
class _ModelFacts(_Observed):
    model: Name
    weights: Weights
    compiled: CompileState | None = None
    layers: Annotated[
        PackedText | None, Field(description="the settings of every layer, packed")
    ] = None
    structure: Plain = None
    training: TrainingFacts | None = None
    timings: Annotated[Mapping[Name, Amount], at_most(MOST_TIMINGS)] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class SaveFacts(_ModelFacts):
    """The model that was saved, or that the reference loaded.

    ``refused`` is its exception for all inputs that were tried: then there are no outputs to
    compare. ``refused_at_home`` is the exception of the version closest to the file's writer, where
    the reference is another one. ``remedies`` are the fixes with which the reference loaded it.
    """

    refused: ErrorReport | None = None
    refused_at_home: ErrorReport | None = None
    remedies: tuple[str, ...] = ()

    did: Annotated[Notes, Field(description="changes that fixes made before, in order")] = ()
    stored: Annotated[
        StoredState | None,
        Field(description="what the file itself holds, where it was saved elsewhere"),
    ] = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportFacts(_Observed):
    """The export of a loaded model. ``needs`` names a need beyond a plain runtime."""

    format: Name
    converter: Name
    bytes: Whole
    needs: Line | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadFacts(_ModelFacts):
    """The model that was loaded, and its outputs compared with those of the artifact.

    If it was ``exported``, the outputs are those of the export.
    """

    shapes_equal: Annotated[bool, Field(strict=True)]
    finite: Annotated[bool, Field(strict=True)]
    max_abs_diff: Amount | None = None
    max_abs_reference: Amount | None = None
    deviations: Annotated[tuple[Deviation, ...], FailFast(), at_most(MOST_OUTPUTS)] = ()
    resave_error: ErrorReport | None = None
    exported: ExportFacts | None = None
    did: Annotated[Notes, Field(description="changes that fixes made, in order")] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class RetriedAttempt(_Observed):
    """One of several attempts at a task or a cell, with its own status.

    A task is retried when its result is not trusted: a crash, a timeout, a worker that was killed
    (``infra``). A cell is retried when it would fail the gate; it is ``not-run`` where the save
    worked that had failed before, since then nothing was loaded.
    """

    status: Status
    summary: Line
    cause: str | None = None
    lost: Annotated[Notes, Field(description="what this attempt lost")] = ()
    remedy: Annotated[str | None, Field(description="the fix that worked in this attempt")] = None
    measured_at: datetime.datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Observation(_Observed):
    """The end of a task of any kind.

    ``ended``: ``returned`` (``value`` holds the facts), ``raised`` (``error`` and ``stage`` say
    what and where), ``crashed`` (a signal, an exit or a senseless answer), ``timed-out``.
    ``retried`` are the attempts before this one.
    """

    ended: Literal["returned", "raised", "crashed", "timed-out"]
    error: ErrorReport | None = None
    stage: Name | None = None
    exit_code: Whole | None = None
    signal: Whole | None = None
    seconds: Amount = 0.0
    peak_memory_mb: Amount | None = None
    log: LogText = ""
    deadline: Amount | None = None
    retried: tuple[RetriedAttempt, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class SaveObservation(Observation):
    """A save. ``artifact`` is the digest under which the artifact is stored.

    ``equivalence`` is equal for artifacts that do not differ in anything that a loader reads.
    """

    value: SaveFacts | None = None
    artifact: Digest | None = None
    equivalence: Digest | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadObservation(Observation):
    """A load."""

    value: LoadFacts | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Culprit(_Observed):
    """A part of a stored architecture that this Keras cannot create by itself.

    ``layer`` is None for a loss, a metric or the optimizer. ``keys`` are the arguments that are
    refused or missing.
    """

    layer: Name | None = None
    class_name: Name
    keys: Annotated[tuple[Name, ...], first(MOST_KEYS)] = ()
    error: Line


@dataclass(frozen=True, slots=True, kw_only=True)
class ProbeFacts(_Observed):
    """The failing parts that a layer check found."""

    culprits: Annotated[tuple[Culprit, ...], first(MOST_CULPRITS)] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ProbeObservation(Observation):
    """A layer check: every layer of an artifact's architecture is created by itself."""

    value: ProbeFacts | None = None


Seen_co = TypeVar("Seen_co", bound=Observation, covariant=True)


class Measured(NamedTuple, Generic[Seen_co]):
    """An observation and its time (UTC)."""

    observation: Seen_co
    at: datetime.datetime
