"""Repeats cells that would fail the gate, and finds the flaky ones. Pure.

A cell is flaky if its status or cause differs when it is measured again, or if a fix works once and
fails once. It is measured until its result differs, or a limit is reached. Repeating a single
crashed task is another matter: see `kerasmatrix.execution.confirm`.
"""

from __future__ import annotations

import datetime
from collections.abc import Iterable, Iterator

from kerasmatrix.analysis.compare import ChangeKind
from kerasmatrix.analysis.gate import Finding
from kerasmatrix.execution.fix_attempts import Attempt, judge_attempt
from kerasmatrix.execution.jobs import RetryJob
from kerasmatrix.execution.plan import Save
from kerasmatrix.execution.run_state import Retry, RunState
from kerasmatrix.results.boundary import spoilt
from kerasmatrix.results.cells import HAS_CAUSE, TOGETHER, Cell, Status, cell_of
from kerasmatrix.results.observations import Measured, RetriedAttempt, SaveObservation
from kerasmatrix.results.schema import CellResult, Results
from kerasmatrix.results.verdict import Verdict, judge_save

__all__ = ["MOST", "is_confirmed", "judge_retry", "suspects", "with_retries"]

# How many cells are repeated at most. If more fail at once, they are not flaky.
MOST = 200


def suspects(
    results: Results, baseline: Results | None, findings: Iterable[Finding], times: int
) -> list[RetryJob]:
    """Return the jobs to repeat, up to ``times`` each, of the findings of the gate.

    A cell that lost its fix is tried with that fix again, unless the fix is a bridge. A save that
    failed is repeated once for all cells of its row.
    """
    cells = {cell_of(cell): cell for cell in results.cells}
    before = {cell_of(cell): cell for cell in baseline.cells} if baseline else {}
    wanted: dict[Save | Cell, RetryJob] = {}
    for finding in findings:
        cell = cells.get(finding.cell) if finding.cell else None
        if cell is None:
            continue
        key = cell_of(cell)
        if cell.status is Status.SAVE_FAILED:
            wanted[key.save] = RetryJob(key.save, times)
        elif finding.change is ChangeKind.REMEDY_LOST:
            remedy = before[key].repaired_by
            if remedy and not remedy.hops:
                wanted[key] = RetryJob(key, times, tuple(remedy.id.split(TOGETHER)))
        else:
            wanted[key] = RetryJob(key, times)
    return list(wanted.values())[:MOST]


def judge_retry(state: RunState, cell: Cell, retry: Retry) -> RetriedAttempt:
    """Return the result of a repetition of a cell.

    Raises:
        ValueError: it was not measured before.
    """
    plan, causes = state.plan, state.causes
    observation, at = retry.measured
    if isinstance(observation, SaveObservation):
        failed = judge_save(observation)
        if failed is None:
            summary = "the save worked this time"
            return RetriedAttempt(status=Status.NOT_RUN, summary=summary, measured_at=at)
        return _judged(failed, causes.of(cell, failed.status, failed.lost, observation), at)
    facts = state.saves[cell.save].observation.value
    first = state.verdict(cell)
    if facts is None or first is None:
        raise ValueError(f"{cell} was not loaded before")
    if retry.remedies:
        attempt = Attempt(retry.remedies, Measured(observation, at))
        tried = judge_attempt(plan, causes, cell, facts, attempt)
        return RetriedAttempt(
            status=first.status,
            summary=tried.summary,
            cause=state.cause(cell, first),
            lost=first.lost,
            remedy=tried.id if tried.status == "verified" else None,
            measured_at=at,
        )
    verdict = plan.judge(cell, facts, observation)
    troubled = verdict.status in HAS_CAUSE
    cause = causes.of(cell, verdict.status, verdict.lost, observation) if troubled else None
    return _judged(verdict, cause, at)


def _judged(verdict: Verdict, cause: str | None, at: datetime.datetime) -> RetriedAttempt:
    return RetriedAttempt(
        status=verdict.status,
        summary=verdict.summary,
        cause=cause,
        lost=verdict.lost,
        measured_at=at,
    )


def is_confirmed(state: RunState, job: RetryJob) -> bool:
    """Whether a cell or row was repeated often enough, or is known to be flaky."""
    subject, done = job.subject, state.retries.get(job.subject, ())
    if len(done) >= job.most or state.boundary.of(subject):
        return True
    with state.boundary.apart(subject):
        cell = subject if isinstance(subject, Cell) else Cell(*subject, subject.saved_with)
        status, cause = _first(state, subject, cell)
        results = [judge_retry(state, cell, retry) for retry in done]
        return any(
            (retry.status, retry.cause) != (status, cause) or retry.remedy for retry in results
        )
    # Judging it raised an exception, as it would after one more repetition.
    return True


def with_retries(results: Results, state: RunState) -> Results:
    """Return ``results`` with the retries of cells."""
    if not state.retries:
        return results
    return results.model_copy(
        update={"cells": tuple(_retried(state, cell) for cell in results.cells)}
    )


def _retried(state: RunState, result: CellResult) -> CellResult:
    cell = cell_of(result)
    subject = cell.save if result.status is Status.SAVE_FAILED else cell
    done = state.retries.get(subject)
    fault = state.boundary.of(cell)
    if not done or (fault and result.status is Status.INFRA):
        return result
    with state.boundary.apart(cell):
        judged = tuple(judge_retry(state, cell, retry) for retry in done)
        flaky = result.flaky or any(_differing(result, judged))
        return result.but(retries=(*result.retries, *judged), flaky=flaky)
    return spoilt(cell, state.boundary.of(cell) or "")


def _differing(result: CellResult, retries: Iterable[RetriedAttempt]) -> Iterator[bool]:
    for retry in retries:
        yield (retry.status, retry.cause) != (result.status, result.cause)
        yield retry.remedy is not None and result.repaired_by is None


def _first(state: RunState, subject: Save | Cell, cell: Cell) -> tuple[Status, str | None]:
    """Return the first status and cause of a cell."""
    if isinstance(subject, Save):
        observation = state.saves[subject].observation
        return Status.SAVE_FAILED, state.causes.of(cell, Status.SAVE_FAILED, (), observation)
    verdict = state.verdict(subject)
    if verdict is None:
        raise ValueError(f"{subject} was not loaded before")
    troubled = verdict.status in HAS_CAUSE
    return verdict.status, state.cause(subject, verdict) if troubled else None
