"""Attempts to fix a failing cell: each is a load with fixes, judged as any load. Pure.

`kerasmatrix.execution.next_fix` says which one is tried next.
"""

from __future__ import annotations

from typing import Literal, NamedTuple

from kerasmatrix.diagnosis.catalogue import Catalogue, the_catalogue
from kerasmatrix.diagnosis.keras_range import range_of_release
from kerasmatrix.diagnosis.python_names import Named, find_named
from kerasmatrix.diagnosis.recognize_cause import AmbiguousError, Evidence, recognize_cause
from kerasmatrix.execution.bridges import Chain
from kerasmatrix.execution.plan import Plan
from kerasmatrix.results.cells import LOADS, TOGETHER, UNCLASSIFIED, Cell, Status
from kerasmatrix.results.observations import LoadObservation, Measured, Observation, SaveFacts
from kerasmatrix.results.schema import RemedyResult
from kerasmatrix.results.verdict import Verdict

__all__ = [
    "Attempt",
    "Causes",
    "all_remedies",
    "judge_attempt",
]

# An exception with its causes, each as its type and its message.
Messages = tuple[tuple[str, str], ...]

NOT_APPLICABLE = ".NotApplicable"


class Attempt(NamedTuple):
    """Fixes that were tried together, and the observation; ``chain`` if it was a bridge."""

    remedies: tuple[str, ...]
    measured: Measured[LoadObservation]
    chain: Chain = ()


class Causes:
    """Finds the causes of cells and attempts; each distinct evidence is classified once."""

    def __init__(self, plan: Plan, catalogue: Catalogue | None = None) -> None:
        """Use the keras versions of ``plan`` and the causes of ``catalogue``, or of the package."""
        self._plan = plan
        self._catalogue = catalogue or the_catalogue()
        self._known: dict[Evidence, str] = {}
        self._names: dict[tuple[Messages, str], tuple[Named, ...]] = {}

    def of(
        self, cell: Cell, status: Status, lost: tuple[str, ...], observation: Observation
    ) -> str:
        """Return the slug of the cause, or ``unclassified``."""
        error = observation.error
        chain = tuple((link.type, link.message) for link in error.chain) if error else ()
        evidence = Evidence(
            chain=chain,
            log=observation.log,
            named=self._named(chain, self._plan.keras_release(cell.loaded_with)),
            lost=lost,
            status=status,
            format=cell.format,
            writer_keras=self._plan.keras_major(cell.saved_with),
            reader_keras=self._plan.keras_major(cell.loaded_with),
        )
        if evidence not in self._known:
            try:
                cause = recognize_cause(self._catalogue, evidence)
            except AmbiguousError:
                cause = None
            self._known[evidence] = cause.slug if cause else UNCLASSIFIED
        return self._known[evidence]

    def _named(self, chain: Messages, release: str) -> tuple[Named, ...]:
        """Return the names in an exception's messages, with their state in a release of Keras."""
        if (chain, release) not in self._names:
            self._names[chain, release] = tuple(find_named(chain, reader=range_of_release(release)))
        return self._names[chain, release]


def all_remedies(remedies: tuple[str, ...], chain: Chain) -> tuple[str, ...]:
    """Return the fixes of an attempt, including those on the way."""
    return (*remedies, *(remedy for hop in chain for remedy in hop.remedies))


def judge_attempt(
    plan: Plan, causes: Causes, cell: Cell, saved: SaveFacts, attempt: Attempt
) -> RemedyResult:
    """Return the result of an attempt: verified only if it passes the checks of any cell."""
    observation = attempt.measured.observation
    verdict = plan.judge(cell, saved, observation, all_remedies(attempt.remedies, attempt.chain))
    facts = observation.value
    has_cause = verdict.status not in LOADS and not _is_not_applicable(observation)
    return RemedyResult(
        id=TOGETHER.join(attempt.remedies),
        status=_attempt_status(verdict.status),
        summary=_summary(verdict, observation),
        cause=causes.of(cell, verdict.status, verdict.lost, observation) if has_cause else None,
        lost=verdict.lost,
        did=(*_describe_steps(attempt.chain), *(facts.did if facts else ())),
        hops=(cell.saved_with, *(hop.environment for hop in attempt.chain), cell.loaded_with)
        if attempt.chain
        else (),
        seconds=observation.seconds,
    )


def _attempt_status(status: Status) -> Literal["verified", "rejected", "unverified", "failed"]:
    if status in LOADS:
        return "verified"
    if status is Status.NOT_COMPARABLE:
        return "unverified"
    return "rejected" if status is Status.DRIFT else "failed"


def _summary(verdict: Verdict, observation: LoadObservation) -> str:
    """Return the summary of an attempt. A fix that does not apply is not a failure of Keras."""
    error = observation.error
    if error is not None and _is_not_applicable(observation):
        return f"does not apply: {error.message}"
    return verdict.summary


def _is_not_applicable(observation: LoadObservation) -> bool:
    return observation.error is not None and observation.error.type.endswith(NOT_APPLICABLE)


def _describe_steps(chain: Chain) -> tuple[str, ...]:
    steps = []
    for hop in chain:
        by = f" ({TOGETHER.join(hop.remedies)})" if hop.remedies else ""
        if hop.saved:
            steps.append(f"loaded with {hop.environment}{by} and saved as {hop.format}")
        else:
            steps.append(f"rewrote the file for {hop.environment}{by}")
    return tuple(steps)
