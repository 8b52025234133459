"""What a run found, as one typed value: the content of ``results.json``.

Every output (HTML, CSV, JSON, the matrix in the terminal) is rendered from it, so they cannot
disagree. `SCHEMA_VERSION` grows whenever a field changes its meaning.
"""

from __future__ import annotations

import dataclasses
import datetime
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from kerasmatrix.results.observations import Culprit, ErrorReport, Status
from kerasmatrix.text.redaction import mask_secrets

__all__ = [
    "SCHEMA_VERSION",
    "AdviceResult",
    "CauseResult",
    "CellResult",
    "ClaimResult",
    "EnvironmentResult",
    "ExpectationResult",
    "PredictionResult",
    "PredictorResult",
    "RemedyInfo",
    "RemedyResult",
    "Results",
    "RetryResult",
    "RunInfo",
    "ScenarioResult",
    "ShareResult",
    "SideResult",
    "StatusScore",
    "count_statuses",
]

SCHEMA_VERSION: Literal[1] = 1


CONFIG = ConfigDict(extra="forbid", frozen=True)


class _Result(BaseModel):
    model_config = CONFIG


@dataclass(frozen=True, slots=True)
class _Slotted:
    """What there may be a hundred thousand of.

    These are made by `tabulation` of values that are known to fit, so only what is read from a
    document is checked; and they take a quarter of the memory that models do.
    """

    __pydantic_config__: ClassVar[ConfigDict] = CONFIG

    def but(self, **changes: Any) -> Self:  # noqa: ANN401 - fields
        """Return a copy with other values."""
        return dataclasses.replace(self, **changes)


class RunInfo(_Result):
    """One execution. ``complete`` is False where it was cut off."""

    id: str
    started: datetime.datetime
    finished: datetime.datetime
    engine: str
    command: Annotated[str, AfterValidator(mask_secrets)]
    complete: bool
    measured: int = Field(description="tasks done in this run")
    known: int = Field(description="tasks whose outcome an earlier run had measured")
    isolated: bool = Field(
        default=False, description="every task was measured in a process of its own"
    )
    retries: int = Field(
        default=0, description="tries of this run that were not believed, and made again"
    )


class EnvironmentResult(_Result):
    """An environment, oldest first in the list. ``trouble`` says why it could not be had."""

    name: str
    python: str
    packages: Mapping[str, str]
    variables: Mapping[str, str] = Field(default_factory=dict)
    keras_major: int = Field(description="which Keras `tf.keras` is there: 2 or 3")
    lock: str = Field(description="SHA-256 of the lock: the environment's identity")
    trouble: str | None = None
    added: bool = Field(
        default=False, description="it was not asked for: files are compared with what it computes"
    )


class ScenarioResult(_Result):
    """A scenario and what it is for."""

    name: str
    title: str
    shows: str
    reports: tuple[str, ...] = Field(default=(), description="public reports of the same")
    file: str | None = Field(
        default=None, description="the model file that it is about, saved elsewhere"
    )


class ClaimResult(_Result):
    """A claim beside the evidence: of ``cells`` cells it speaks of, ``confirmed`` are so."""

    scenario: str
    says: str
    verdict: Literal["holds", "holds in part", "contradicted", "not measured"]
    cells: int
    confirmed: int
    statuses: Mapping[Status, int] = Field(description="of the cells it speaks of")
    confirmed_by: tuple[str, ...] = Field(
        default=(), description="cells of the scenario, as format/saved_with/loaded_with"
    )
    contradicted_by: tuple[str, ...] = ()


class AdviceResult(_Result):
    """Something known to help against a cause; whether it was tried in a cell, the cell says."""

    id: str
    do: str
    code: str | None = None
    loses: str | None = None


class CauseResult(_Result):
    """A cause that cells of this run have, and how many; the commonest first in the list."""

    slug: str
    story: str
    what: str
    cells: int
    failing: int = Field(default=0, description="of the cells, those that do not load or drift")
    repaired: int = Field(default=0, description="of the failing, those with a verified remedy")
    repaired_by: Mapping[str, int] = Field(
        default_factory=dict, description="of the repaired, how many by which remedy"
    )
    advice: tuple[AdviceResult, ...]
    sources: tuple[str, ...]


class RemedyInfo(_Result):
    """A remedy that can be tried: what to write in one's own program, and what it gives up."""

    id: str
    title: str
    code: str
    gives_up: str | None = None


class RemedyResult(_Result):
    """How a remedy fared in a cell.

    ``verified``: the repaired load has the same weights and outputs. ``rejected``: it loads, and
    computes something else. ``unverified``: it loads, and there are no outputs to compare.
    ``failed``: it does not load.
    """

    id: str = Field(description="the remedy, or several together, joined by ' + '")
    status: Literal["verified", "rejected", "unverified", "failed"]
    summary: str = Field(description="what came of it, in a sentence")
    cause: str | None = Field(default=None, description="of what it failed with")
    lost: tuple[str, ...] = Field(default=(), description="what stays lost")
    did: tuple[str, ...] = Field(default=(), description="what was done, in order")
    hops: tuple[str, ...] = Field(
        default=(), description="the environments it goes through, where that is not just one"
    )
    seconds: float | None = None


class ExpectationResult(_Result):
    """An expectation of ``matrix.yaml`` and how cells keep to it.

    ``cells`` are those it speaks of that exist; the ones that a later expectation decides, or that
    were not measured, are in none of ``met``, ``better`` and ``worse``.
    """

    where: str = Field(description="file and line")
    status: tuple[Status, ...]
    cause: str | None = None
    reason: str
    link: str | None = None
    until: datetime.date | None = None
    cells: int
    met: int
    better: int
    worse: int
    expired: bool = Field(description="it ended before the run did")
    unmatched: bool = Field(description="no cell that it speaks of exists")


class PredictionResult(_Result):
    """What was foretold of a cell from its file, without what was measured in it."""

    status: str = Field(description="pass, degraded, drift, fail, unsupported or unknown")
    cause: str | None = None
    remedy: str | None = None
    rule: str = Field(
        description="the rule that says so, or `measured:` and a cell of a file like this one"
    )
    confidence: float


class StatusScore(_Result):
    """How good predictions of a status are. A crash or a timeout counts as a fail."""

    status: Literal["fail", "not fail", "pass", "degraded", "drift"]
    predicted: int
    measured: int
    right: int = Field(description="predicted and measured")
    precision: float | None = Field(description="right, of those predicted")
    recall: float | None = Field(description="right, of those measured")


class ShareResult(_Result):
    """So many of so many."""

    of: int
    right: int
    share: float | None


class PredictorResult(_Result):
    """How good the predictions of a run are, held against what it measured."""

    cells: int = Field(description="that were measured and had a prediction")
    unknown: int = Field(description="of them, those of which it did not say anything")
    statuses: tuple[StatusScore, ...]
    causes: ShareResult = Field(description="of cells that fail as predicted: the same cause")
    remedies: ShareResult = Field(
        description="of cells that fail as predicted, where the predicted remedy was tried: it was "
        "seen to work"
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class SideResult(_Slotted):
    """How one side of a cell went: the save or the load."""

    ended: str
    stage: str | None = None
    seconds: float
    peak_memory_mb: float | None = None
    timings: Mapping[str, float] = field(default_factory=dict)
    log: str = ""
    retried: Annotated[
        tuple[str, ...],
        Field(description="how it ended before, where it was tried more than once"),
    ] = ()
    measured_at: datetime.datetime


class RetryResult(_Result):
    """What a cell did another time: because it would have failed the gate, or before it settled.

    ``status`` is ``not-run`` where the save worked that had failed: nothing was loaded then.
    """

    status: Status
    summary: str
    cause: str | None = None
    lost: tuple[str, ...] = Field(default=(), description="what did not come back this time")
    remedy: str | None = Field(default=None, description="seen to work this time")
    measured_at: datetime.datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class CellResult(_Slotted):
    """One cell. ``error`` is the load's, or the save's where ``status`` is ``save-failed``."""

    scenario: str
    format: str
    saved_with: str
    loaded_with: str
    status: Status
    summary: Annotated[str, Field(description="why, in a sentence")]
    cause: Annotated[
        str | None,
        Field(
            description="slug of the catalogue's cause, or unclassified; null where nothing is "
            "wrong"
        ),
    ] = None
    error: ErrorReport | None = None
    culprits: Annotated[
        tuple[Culprit, ...] | None,
        Field(
            description="what of the stored architecture this Keras cannot make, taken by itself; "
            "null where it was not looked for"
        ),
    ] = None
    remedies: Annotated[tuple[RemedyResult, ...], Field(description="in the order of trying")] = ()
    untried: Annotated[
        str | None,
        Field(description="the fault of the machine for which a remedy could not be tried"),
    ] = None
    lost: tuple[str, ...] = ()
    not_compared: Annotated[
        tuple[str, ...],
        Field(description="what the status does not speak of, each with the reason"),
    ] = ()
    max_abs_diff: float | None = None
    max_abs_reference: float | None = None
    weights_equal: bool | None = None
    artifact: Annotated[str | None, Field(description="SHA-256 of what the save left")] = None
    inferred_from: Annotated[
        str | None,
        Field(
            description="the environment whose file is equal to this one's up to the version "
            "stamp, and was loaded in its place; null where the cell itself was measured"
        ),
    ] = None
    seconds: Annotated[float | None, Field(description="of the load")] = None
    save: SideResult | None = None
    load: SideResult | None = None
    prediction: Annotated[
        PredictionResult | None,
        Field(description="what was foretold; null where there was no file to read"),
    ] = None
    expectation: Annotated[int | None, Field(description="which of `expectations` decides")] = None
    expected: Annotated[
        Literal["met", "better", "worse"] | None, Field(description="how the cell keeps to it")
    ] = None
    retries: Annotated[tuple[RetryResult, ...], Field(description="in the order of trying")] = ()
    flaky: Annotated[bool, Field(description="it did something else when measured again")] = False

    @property
    def repaired_by(self) -> RemedyResult | None:
        """The first remedy that was seen to work."""
        return next((tried for tried in self.remedies if tried.status == "verified"), None)


def count_statuses(cells: Iterable[CellResult]) -> dict[Status, int]:
    """Return how many cells have each status, best first; those that none has are left out."""
    counts = Counter(cell.status for cell in cells)
    return {status: counts[status] for status in Status if counts[status]}


class Results(_Result):
    """Everything a run found. ``cells`` holds every selected cell, in table order."""

    schema_version: Literal[1] = 1
    run: RunInfo
    environments: tuple[EnvironmentResult, ...]
    scenarios: tuple[ScenarioResult, ...]
    formats: tuple[str, ...]
    current: str | None = Field(default=None, description="the version to upgrade from, if named")
    candidate: str | None = Field(default=None, description="the version to upgrade to, if named")
    claims: tuple[ClaimResult, ...]
    causes: tuple[CauseResult, ...] = ()
    remedies: tuple[RemedyInfo, ...] = Field(default=(), description="those tried in a cell")
    expectations: tuple[ExpectationResult, ...] = ()
    predictor: PredictorResult | None = Field(
        default=None, description="how good the predictions are; null where there are none"
    )
    cells: tuple[CellResult, ...]

    @property
    def inferred(self) -> int:
        """How many cells were not measured, but inferred from others."""
        return sum(cell.inferred_from is not None for cell in self.cells)

    @property
    def asked_for(self) -> tuple[CellResult, ...]:
        """The cells of the environments that were asked for: others say what is compared with."""
        added = {environment.name for environment in self.environments if environment.added}
        return tuple(cell for cell in self.cells if cell.loaded_with not in added)

    @property
    def of_files(self) -> bool:
        """Whether it is about files that were saved elsewhere; each is a row."""
        return any(scenario.file for scenario in self.scenarios)
