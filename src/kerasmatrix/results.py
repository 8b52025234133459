"""What a run found, as one typed value: the content of ``results.json``.

Every output (HTML, CSV, JSON, the matrix in the terminal) is rendered from it, so they cannot
disagree. `SCHEMA_VERSION` grows whenever a field changes its meaning.
"""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from kerasmatrix.outcome import ErrorReport, Status

__all__ = [
    "SCHEMA_VERSION",
    "CauseResult",
    "CellResult",
    "ClaimResult",
    "EnvironmentResult",
    "RemedyResult",
    "Results",
    "RunInfo",
    "ScenarioResult",
    "SideResult",
]

SCHEMA_VERSION: Literal[1] = 1


class _Result(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class RunInfo(_Result):
    """One execution. ``complete`` is False where it was cut off."""

    id: str
    started: datetime.datetime
    finished: datetime.datetime
    engine: str
    command: str
    complete: bool
    measured: int = Field(description="tasks done in this run")
    known: int = Field(description="tasks whose outcome an earlier run had measured")


class EnvironmentResult(_Result):
    """An environment, oldest first in the list. ``trouble`` says why it could not be had."""

    name: str
    python: str
    packages: Mapping[str, str]
    variables: Mapping[str, str] = Field(default_factory=dict)
    keras_major: int = Field(description="which Keras `tf.keras` is there: 2 or 3")
    lock: str = Field(description="SHA-256 of the lock: the environment's identity")
    trouble: str | None = None


class ScenarioResult(_Result):
    """A scenario and what it is for."""

    name: str
    title: str
    shows: str
    reports: tuple[str, ...] = Field(default=(), description="public reports of the same")


class ClaimResult(_Result):
    """A claim beside the evidence: of ``cells`` cells it speaks of, ``confirmed`` are so."""

    scenario: str
    says: str
    verdict: Literal["holds", "holds in part", "contradicted", "not measured"]
    cells: int
    confirmed: int
    statuses: Mapping[Status, int] = Field(description="of the cells it speaks of")


class RemedyResult(_Result):
    """Something known to help against a cause. None of them has been tried in these cells."""

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
    remedies: tuple[RemedyResult, ...]
    sources: tuple[str, ...]


class SideResult(_Result):
    """How one side of a cell went: the save or the load."""

    ended: str
    stage: str | None = None
    seconds: float
    peak_memory_mb: float | None = None
    timings: Mapping[str, float] = Field(default_factory=dict)
    log: str = ""
    measured_at: datetime.datetime


class CellResult(_Result):
    """One cell. ``error`` is the load's, or the save's where ``status`` is ``save-failed``."""

    scenario: str
    format: str
    saved_with: str
    loaded_with: str
    status: Status
    summary: str = Field(description="why, in a sentence")
    cause: str | None = Field(
        default=None,
        description="slug of the catalogue's cause, or unclassified; null where nothing is wrong",
    )
    error: ErrorReport | None = None
    lost: tuple[str, ...] = ()
    max_abs_diff: float | None = None
    max_abs_reference: float | None = None
    weights_equal: bool | None = None
    artifact: str | None = Field(default=None, description="SHA-256 of what the save left")
    seconds: float | None = Field(default=None, description="of the load")
    save: SideResult | None = None
    load: SideResult | None = None


class Results(_Result):
    """Everything a run found. ``cells`` holds every selected cell, in table order."""

    schema_version: Literal[1] = 1
    run: RunInfo
    environments: tuple[EnvironmentResult, ...]
    scenarios: tuple[ScenarioResult, ...]
    formats: tuple[str, ...]
    claims: tuple[ClaimResult, ...]
    causes: tuple[CauseResult, ...] = ()
    cells: tuple[CellResult, ...]
