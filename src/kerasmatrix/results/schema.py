"""The results of a run as one typed value: the content of ``results.json``.

Every output (HTML, CSV, JSON, the matrix in the terminal) is rendered from it, so that they cannot
disagree. `SCHEMA_VERSION` grows when a field changes its meaning.
"""

from __future__ import annotations

import datetime
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from kerasmatrix.results.cells import Status
from kerasmatrix.results.observations import Culprit, ErrorReport, RetriedAttempt
from kerasmatrix.slotted import Slotted
from kerasmatrix.strict_model import StrictModel
from kerasmatrix.text.redaction import mask_secrets
from kerasmatrix.versions import keras_in, tensorflow_in

__all__ = [
    "SCHEMA_VERSION",
    "AdviceResult",
    "CauseResult",
    "CellResult",
    "ClaimResult",
    "EnvironmentResult",
    "ExpectationResult",
    "FixedResult",
    "PredictionResult",
    "PredictorResult",
    "RemedyInfo",
    "RemedyResult",
    "Results",
    "RunInfo",
    "ScenarioResult",
    "ShareResult",
    "SideResult",
    "StatusScore",
    "UpstreamResult",
    "count_statuses",
]

SCHEMA_VERSION: Literal[1] = 1


class RunInfo(StrictModel):
    """One execution. ``complete`` is False where it was cut off."""

    id: str
    started: datetime.datetime
    finished: datetime.datetime
    engine: str
    command: Annotated[str, AfterValidator(mask_secrets)]
    complete: bool
    measured: int = Field(description="tasks done in this run")
    known: int = Field(description="tasks that an earlier run had measured")
    isolated: bool = Field(default=False, description="every task was measured in its own process")
    retries: int = Field(
        default=0, description="attempts of this run that were inconclusive and repeated"
    )


class EnvironmentResult(StrictModel):
    """An environment, oldest first in the list. ``trouble`` says why it was unavailable."""

    name: str
    python: str
    packages: Mapping[str, str]
    variables: Mapping[str, str] = Field(default_factory=dict)
    keras_major: int = Field(description="major version of `tf.keras`: 2 or 3")
    lock: str = Field(description="SHA-256 of the lock: the environment's identity")
    trouble: str | None = None
    export: str | None = Field(
        default=None, description="the format to which it exports the models that it loads"
    )
    backend: str = Field(default="tensorflow", description="the backend of its Keras")
    added: bool = Field(
        default=False,
        description="it was not selected: added as a reference that files are compared with",
    )

    @property
    def tensorflow(self) -> str:
        """The version of TensorFlow, from whichever distribution; empty if there is none."""
        return tensorflow_in(self.packages) or ""

    @property
    def is_release(self) -> bool:
        """Whether it loads models as a release of TensorFlow does: see `config.environment`."""
        return self.export is None and self.backend == "tensorflow"

    @property
    def keras(self) -> str:
        """The version that ``import keras`` gives; empty if there is none."""
        return keras_in(self.packages) or ""


class FixedResult(StrictModel):
    """The file that ``check --fix`` wrote for `Results.candidate`."""

    path: str
    remedies: tuple[str, ...] = Field(default=(), description="ids of the fixes it was made with")
    lost: tuple[str, ...] = Field(default=(), description="what it does not bring back")


class ScenarioResult(StrictModel):
    """A scenario and its purpose."""

    name: str
    title: str
    shows: str
    reports: tuple[str, ...] = Field(default=(), description="public reports of the same problem")
    file: str | None = Field(
        default=None, description="the model file, where it was saved elsewhere"
    )
    written_by: str | None = Field(
        default=None, description="the version that wrote the model file, where it says so"
    )
    fixed: FixedResult | None = Field(
        default=None, description="the file that `check --fix` wrote for it"
    )


class ClaimResult(StrictModel):
    """A claim and the evidence: it applies to ``cells`` cells, and ``confirmed`` of them agree."""

    scenario: str
    says: str
    verdict: Literal["holds", "holds in part", "contradicted", "not measured"]
    cells: int
    confirmed: int
    statuses: Mapping[Status, int] = Field(description="of the cells that it applies to")
    confirmed_by: tuple[str, ...] = Field(
        default=(), description="cells of the scenario, as format/saved_with/loaded_with"
    )
    contradicted_by: tuple[str, ...] = ()


class AdviceResult(StrictModel):
    """A known way to deal with a cause. Cells say which of them were tried."""

    id: str
    do: str
    code: str | None = None
    loses: str | None = None


class CauseResult(StrictModel):
    """A cause and how many cells have it; the list has the most frequent first."""

    slug: str
    story: str
    what: str
    cells: int
    failing: int = Field(default=0, description="cells that do not load, or drift")
    repaired: int = Field(default=0, description="failing cells with a verified fix")
    repaired_by: Mapping[str, int] = Field(
        default_factory=dict, description="repaired cells by fix"
    )
    advice: tuple[AdviceResult, ...]
    sources: tuple[str, ...]


class UpstreamResult(StrictModel):
    """What TensorFlow or Keras says of cells that do not pass: a promise, or a known issue."""

    id: str = Field(description="of a promise, or the link of an issue")
    kind: Literal["promised", "announced", "not-promised", "issue"]
    says: str
    link: str
    as_of: datetime.date = Field(description="the day of what was read there")
    state: str | None = Field(default=None, description="of an issue: open, closed or merged")
    cells: tuple[str, ...] = Field(description="as scenario/format/saved_with/loaded_with")
    broken: tuple[str, ...] = Field(default=(), description="the cells that break a promise")


class RemedyInfo(StrictModel):
    """A fix that can be tried: the code for a user's program, and what it gives up."""

    id: str
    title: str
    code: str
    gives_up: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RemedyResult(Slotted):
    """The result of a fix in a cell.

    ``verified``: the repaired load has the same weights and outputs. ``rejected``: it loads, but
    the outputs differ. ``unverified``: it loads, but there are no outputs to compare.
    ``failed``: it does not load.
    """

    id: Annotated[str, Field(description="the fix, or several together, joined by ' + '")]
    status: Literal["verified", "rejected", "unverified", "failed"]
    summary: Annotated[str, Field(description="the result in a sentence")]
    cause: Annotated[str | None, Field(description="cause of the failure")] = None
    lost: Annotated[tuple[str, ...], Field(description="features that stay lost")] = ()
    did: Annotated[tuple[str, ...], Field(description="changes that were made, in order")] = ()
    hops: Annotated[
        tuple[str, ...],
        Field(description="the environments that it goes through, if several"),
    ] = ()
    seconds: float | None = None


class ExpectationResult(StrictModel):
    """An expectation of ``matrix.yaml`` and how many cells meet it.

    ``cells`` counts the existing cells that it applies to. Those that a later expectation decides,
    or that were not measured, are in none of ``met``, ``better`` and ``worse``.
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
    unmatched: bool = Field(description="it applies to no existing cell")


class PredictionResult(StrictModel):
    """The prediction for a cell, made from its file and not from its measurement."""

    status: str = Field(description="pass, degraded, drift, fail, unsupported or unknown")
    cause: str | None = None
    remedy: str | None = None
    rule: str = Field(
        description="the rule that decided, or `measured:` and a cell of a similar file"
    )
    confidence: float


class StatusScore(StrictModel):
    """How good predictions of a status are. A crash or a timeout counts as a fail."""

    status: Literal["fail", "not fail", "pass", "degraded", "drift"]
    predicted: int
    measured: int
    right: int = Field(description="predicted and measured")
    precision: float | None = Field(description="right, of those predicted")
    recall: float | None = Field(description="right, of those measured")


class ShareResult(StrictModel):
    """A share of a number."""

    of: int
    right: int
    share: float | None


class PredictorResult(StrictModel):
    """How good the predictions of a run are, compared with its measurements."""

    cells: int = Field(description="that were measured and had a prediction")
    unknown: int = Field(description="of them, those without a prediction")
    statuses: tuple[StatusScore, ...]
    causes: ShareResult = Field(description="of cells that fail as predicted: the same cause")
    remedies: ShareResult = Field(
        description="of cells that fail as predicted, where the predicted fix was tried: it worked"
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class SideResult(Slotted):
    """One side of a cell: the save or the load."""

    ended: str
    stage: str | None = None
    seconds: float
    peak_memory_mb: float | None = None
    timings: Mapping[str, float] = field(default_factory=dict)
    log: str = ""
    retried: Annotated[
        tuple[str, ...],
        Field(description="how earlier attempts ended, if there were any"),
    ] = ()
    measured_at: datetime.datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class CellResult(Slotted):
    """One cell. ``error`` is the load's, or the save's where ``status`` is ``save-failed``."""

    scenario: str
    format: str
    saved_with: str
    loaded_with: str
    status: Status
    summary: Annotated[str, Field(description="why, in a sentence")]
    cause: Annotated[
        str | None,
        Field(description="slug of the cause, or unclassified; null where nothing is wrong"),
    ] = None
    error: ErrorReport | None = None
    culprits: Annotated[
        tuple[Culprit, ...] | None,
        Field(
            description="parts of the stored architecture that this Keras cannot create; "
            "null if the layers were not checked"
        ),
    ] = None
    remedies: Annotated[tuple[RemedyResult, ...], Field(description="in the order of trying")] = ()
    untried: Annotated[
        str | None,
        Field(description="the fault of the machine that kept a fix from being tried"),
    ] = None
    lost: tuple[str, ...] = ()
    not_compared: Annotated[
        tuple[str, ...],
        Field(description="aspects that were not compared, each with the reason"),
    ] = ()
    max_abs_diff: float | None = None
    max_abs_reference: float | None = None
    weights_equal: bool | None = None
    artifact: Annotated[str | None, Field(description="SHA-256 of the saved artifact")] = None
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
        Field(description="null where there was no file to read"),
    ] = None
    expectation: Annotated[int | None, Field(description="which of `expectations` decides")] = None
    expected: Annotated[
        Literal["met", "better", "worse"] | None, Field(description="how the cell compares with it")
    ] = None
    retries: Annotated[tuple[RetriedAttempt, ...], Field(description="in the order of trying")] = ()
    flaky: Annotated[
        bool, Field(description="it had another result when it was measured again")
    ] = False

    @property
    def repaired_by(self) -> RemedyResult | None:
        """The verified fix that loses least; the first of several."""
        verified = [tried for tried in self.remedies if tried.status == "verified"]
        return min(verified, key=lambda tried: len(tried.lost), default=None)


def count_statuses(cells: Iterable[CellResult]) -> dict[Status, int]:
    """Return the number of cells by status, best first, without statuses that no cell has."""
    counts = Counter(cell.status for cell in cells)
    return {status: counts[status] for status in Status if counts[status]}


class Results(StrictModel):
    """The results of a run. ``cells`` holds every selected cell, in table order."""

    schema_version: Literal[1] = 1
    run: RunInfo
    environments: tuple[EnvironmentResult, ...]
    scenarios: tuple[ScenarioResult, ...]
    formats: tuple[str, ...]
    current: str | None = Field(default=None, description="the version to upgrade from, if named")
    candidate: str | None = Field(default=None, description="the version to upgrade to, if named")
    claims: tuple[ClaimResult, ...]
    causes: tuple[CauseResult, ...] = ()
    remedies: tuple[RemedyInfo, ...] = Field(
        default=(), description="fixes that were tried in a cell"
    )
    upstream: tuple[UpstreamResult, ...] = Field(
        default=(), description="what TensorFlow and Keras say of cells that do not pass"
    )
    expectations: tuple[ExpectationResult, ...] = ()
    predictor: PredictorResult | None = Field(
        default=None, description="how good the predictions are; null where there are none"
    )
    cells: tuple[CellResult, ...]

    @property
    def inferred(self) -> int:
        """How many results were inferred from other cells."""
        return sum(cell.inferred_from is not None for cell in self.cells)

    @property
    def versions(self) -> tuple[str, ...]:
        """The selected environments that one may upgrade to, oldest first.

        Exports are a way out. Other backends are versions only where nothing else was selected.
        """
        kept = [env for env in self.environments if not (env.added or env.export)]
        releases = [env.name for env in kept if env.is_release]
        return tuple(releases or (env.name for env in kept))

    @property
    def asked_for(self) -> tuple[CellResult, ...]:
        """The cells of the selected environments, without references that were added."""
        added = {environment.name for environment in self.environments if environment.added}
        return tuple(cell for cell in self.cells if cell.loaded_with not in added)

    @property
    def of_files(self) -> bool:
        """Whether the rows are files that were saved elsewhere."""
        return any(scenario.file for scenario in self.scenarios)
