"""What repairing a failing cell takes: which attempt comes next, and what an attempt is worth.

Pure: it reads a plan and what was observed. See `kerasmatrix.diagnosis.fix_search` for the order.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache
from typing import Literal, NamedTuple

from kerasmatrix.diagnosis.catalogue import Catalogue, the_catalogue
from kerasmatrix.diagnosis.classify import AmbiguousError, Evidence, classify
from kerasmatrix.diagnosis.fix_search import Patient, Tried, next_attempt
from kerasmatrix.execution.bridges import Chain
from kerasmatrix.execution.plan import Plan
from kerasmatrix.results.cells import TOGETHER, UNCLASSIFIED, WORKS
from kerasmatrix.results.observations import (
    Cell,
    LoadObservation,
    Measured,
    Observation,
    SaveFacts,
    Status,
    Verdict,
)
from kerasmatrix.results.schema import RemedyResult

__all__ = [
    "Attempt",
    "Causes",
    "judge_attempt",
    "next_remedies",
]

NOT_APPLICABLE = "remedies.NotApplicable"


class Attempt(NamedTuple):
    """Remedies that were tried together, and what was seen; ``chain`` where it was a bridge."""

    remedies: tuple[str, ...]
    measured: Measured[LoadObservation]
    chain: Chain = ()


class Causes:
    """Finds the cause of cells and attempts, and remembers it: many look alike."""

    def __init__(self, plan: Plan, catalogue: Catalogue | None = None) -> None:
        """Use the keras versions of ``plan`` and the causes of ``catalogue``, or of the package."""
        self._plan = plan
        self._catalogue = catalogue or the_catalogue()
        self._known: dict[Evidence, str] = {}

    def of(
        self, cell: Cell, status: Status, lost: tuple[str, ...], observation: Observation
    ) -> str:
        """Return the slug of the cause, or ``unclassified``."""
        error = observation.error
        evidence = Evidence(
            chain=tuple((link.type, link.message) for link in error.chain) if error else (),
            log=observation.log,
            lost=lost,
            status=status,
            format=cell.format,
            writer_keras=self._plan.keras_major(cell.saved_with),
            reader_keras=self._plan.keras_major(cell.loaded_with),
        )
        if evidence not in self._known:
            try:
                cause = classify(self._catalogue, evidence)
            except AmbiguousError:
                cause = None
            self._known[evidence] = cause.slug if cause else UNCLASSIFIED
        return self._known[evidence]


def judge_attempt(
    plan: Plan, causes: Causes, cell: Cell, saved: SaveFacts, attempt: Attempt
) -> RemedyResult:
    """Return what an attempt is worth: verified only if it passes the checks of any cell."""
    observation = attempt.measured.observation
    verdict = plan.judge(cell, saved, observation)
    facts = observation.value
    works = verdict.status in WORKS
    return RemedyResult(
        id=TOGETHER.join(attempt.remedies),
        status=_worth(verdict.status),
        summary=_summary(verdict, observation),
        cause=None if works else causes.of(cell, verdict.status, verdict.lost, observation),
        lost=verdict.lost,
        did=(*_crossed(attempt.chain), *(facts.did if facts else ())),
        hops=(cell.saved_with, *(hop.environment for hop in attempt.chain), cell.loaded_with)
        if attempt.chain
        else (),
        seconds=observation.seconds,
    )


def _worth(status: Status) -> Literal["verified", "rejected", "unverified", "failed"]:
    if status in WORKS:
        return "verified"
    if status is Status.NOT_COMPARABLE:
        return "unverified"
    return "rejected" if status is Status.DRIFT else "failed"


def _summary(verdict: Verdict, observation: LoadObservation) -> str:
    """Say what came of an attempt; that there was nothing to do is no failure of Keras."""
    error = observation.error
    if error is not None and error.type.endswith(NOT_APPLICABLE):
        return f"does not apply: {error.message}"
    return verdict.summary


def _crossed(chain: Chain) -> tuple[str, ...]:
    told = []
    for hop in chain:
        by = f" ({TOGETHER.join(hop.remedies)})" if hop.remedies else ""
        if hop.saved:
            told.append(f"loaded with {hop.environment}{by} and saved as {hop.format}")
        else:
            told.append(f"rewrote the file for {hop.environment}{by}")
    return tuple(told)


def next_remedies(
    plan: Plan, cell: Cell, cause: str | None, judged: Iterable[RemedyResult]
) -> tuple[str, ...] | None:
    """Return what to try next in a cell, or None when there is nothing left to do."""
    if plan.remedies == "none":
        return None
    tried = tuple(
        (tuple(result.id.split(TOGETHER)), Tried(result.status == "verified", result.cause))
        for result in judged
    )
    patient = Patient(cause, cell.format, plan.keras_major(cell.loaded_with))
    return _next_attempt(patient, tried, everything=plan.remedies == "all")


@cache
def _next_attempt(
    patient: Patient, tried: tuple[tuple[tuple[str, ...], Tried], ...], *, everything: bool
) -> tuple[str, ...] | None:
    """Search the package's own catalogue; most cells have been through what others have."""
    return next_attempt(the_catalogue(), patient, dict(tried), everything=everything)
