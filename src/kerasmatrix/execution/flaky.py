"""Cells that are measured again because they would fail the gate, and what is flaky. Pure.

A cell is flaky if it does something else when it is measured again: another status or cause, or a
remedy that works once and once not. It is measured again until it does, or a limit is reached.
"""

from __future__ import annotations

import datetime
from collections.abc import Iterable, Iterator

from kerasmatrix.analysis.compare import ChangeKind
from kerasmatrix.analysis.gate import Finding
from kerasmatrix.execution.attempts import Attempt, Causes, judge_attempt
from kerasmatrix.execution.evaluate import Observed, Retry
from kerasmatrix.execution.plan import Plan, Save
from kerasmatrix.execution.work_queue import Again
from kerasmatrix.results.boundary import spoilt
from kerasmatrix.results.cells import TOGETHER, TROUBLED, cell_of
from kerasmatrix.results.observations import (
    Cell,
    Measured,
    SaveObservation,
    Status,
    Verdict,
    judge_save,
)
from kerasmatrix.results.schema import CellResult, Results, RetryResult

__all__ = ["MOST", "is_settled", "judge_retry", "suspects", "with_retries"]

# So many cells are measured again. When more fail at once it is no accident, and takes long.
MOST = 200


def suspects(
    results: Results, baseline: Results | None, found: Iterable[Finding], times: int
) -> list[Again]:
    """Return what to measure again, up to ``times`` each, of what fails the gate.

    A cell that lost its remedy is tried with that remedy again; one that was repaired by way of
    other versions is left as it is. The save of a row that was not saved is done again once for
    all its cells.
    """
    cells = {cell_of(cell): cell for cell in results.cells}
    before = {cell_of(cell): cell for cell in baseline.cells} if baseline else {}
    wanted: dict[Save | Cell, Again] = {}
    for finding in found:
        cell = cells.get(finding.cell) if finding.cell else None
        if cell is None:
            continue
        key = cell_of(cell)
        if cell.status is Status.SAVE_FAILED:
            row = Save(*key[:3])
            wanted[row] = Again(row, times)
        elif finding.change is ChangeKind.REMEDY_LOST:
            remedy = before[key].repaired_by
            if remedy and not remedy.hops:
                wanted[key] = Again(key, times, tuple(remedy.id.split(TOGETHER)))
        else:
            wanted[key] = Again(key, times)
    return list(wanted.values())[:MOST]


def judge_retry(
    plan: Plan, observed: Observed, causes: Causes, cell: Cell, again: Retry
) -> RetryResult:
    """Return what a cell did when it was measured again.

    Raises:
        ValueError: it was not measured before.
    """
    observation, at = again.measured
    if isinstance(observation, SaveObservation):
        failed = judge_save(observation)
        if failed is None:
            said = "the save worked this time"
            return RetryResult(status=Status.NOT_RUN, summary=said, measured_at=at)
        return _judged(failed, causes.of(cell, failed.status, failed.lost, observation), at)
    facts = observed.saves[Save(*cell[:3])].observation.value
    first = observed.verdict(plan, cell)
    if facts is None or first is None:
        raise ValueError(f"{cell} was not loaded before")
    if again.remedies:
        attempt = Attempt(again.remedies, Measured(observation, at))
        tried = judge_attempt(plan, causes, cell, facts, attempt)
        return RetryResult(
            status=first.status,
            summary=tried.summary,
            cause=observed.cause(causes, cell, first),
            lost=first.lost,
            remedy=tried.id if tried.status == "verified" else None,
            measured_at=at,
        )
    verdict = plan.judge(cell, facts, observation)
    troubled = verdict.status in TROUBLED
    cause = causes.of(cell, verdict.status, verdict.lost, observation) if troubled else None
    return _judged(verdict, cause, at)


def _judged(verdict: Verdict, cause: str | None, at: datetime.datetime) -> RetryResult:
    return RetryResult(
        status=verdict.status,
        summary=verdict.summary,
        cause=cause,
        lost=verdict.lost,
        measured_at=at,
    )


def is_settled(plan: Plan, observed: Observed, causes: Causes, again: Again) -> bool:
    """Whether a cell or row needs not be measured again: it was, often enough, or is flaky."""
    done = observed.retries.get(again.of, ())
    if len(done) >= again.times or observed.boundary.of(again.of):
        return True
    with observed.boundary.apart(again.of):
        cell = again.of if isinstance(again.of, Cell) else Cell(*again.of, again.of.saved_with)
        status, cause = _first(plan, observed, causes, again.of, cell)
        results = [judge_retry(plan, observed, causes, cell, each) for each in done]
        return any((each.status, each.cause) != (status, cause) or each.remedy for each in results)
    return True


def with_retries(results: Results, plan: Plan, observed: Observed, causes: Causes) -> Results:
    """Return ``results`` with what cells did when they were measured again."""
    if not observed.retries:
        return results
    return results.model_copy(
        update={"cells": tuple(_retried(plan, observed, causes, cell) for cell in results.cells)}
    )


def _retried(plan: Plan, observed: Observed, causes: Causes, result: CellResult) -> CellResult:
    cell = cell_of(result)
    of = Save(*cell[:3]) if result.status is Status.SAVE_FAILED else cell
    done = observed.retries.get(of)
    fault = observed.boundary.of(cell)
    if not done or (fault and result.status is Status.INFRA):
        return result
    with observed.boundary.apart(cell):
        judged = tuple(judge_retry(plan, observed, causes, cell, each) for each in done)
        flaky = result.flaky or any(_differing(result, judged))
        return result.but(retries=(*result.retries, *judged), flaky=flaky)
    return spoilt(cell, observed.boundary.of(cell) or "")


def _differing(result: CellResult, retries: Iterable[RetryResult]) -> Iterator[bool]:
    for each in retries:
        yield (each.status, each.cause) != (result.status, result.cause)
        yield each.remedy is not None and result.repaired_by is None


def _first(
    plan: Plan, observed: Observed, causes: Causes, of: Save | Cell, cell: Cell
) -> tuple[Status, str | None]:
    """Return what a cell did the first time."""
    if isinstance(of, Save):
        observation = observed.saves[of].observation
        return Status.SAVE_FAILED, causes.of(cell, Status.SAVE_FAILED, (), observation)
    verdict = observed.verdict(plan, of)
    if verdict is None:
        raise ValueError(f"{of} was not loaded before")
    troubled = verdict.status in TROUBLED
    return verdict.status, observed.cause(causes, of, verdict) if troubled else None
