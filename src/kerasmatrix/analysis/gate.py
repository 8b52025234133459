"""What the gate finds: cells worse than expected or than in a baseline, expectations out of date.

Pure. Where an expectation decides a cell the baseline does not. A cell that was measured again and
was then no worse is flaky: nobody knows whether it got worse, and it is told apart from both.
"""

from __future__ import annotations

import enum
from collections.abc import Iterator
from typing import NamedTuple

from kerasmatrix.analysis.compare import WORSENING, Change, ChangeKind, Comparison, Outcome
from kerasmatrix.analysis.expectations import verdict_of
from kerasmatrix.results.cells import cell_of
from kerasmatrix.results.observations import Cell, Status
from kerasmatrix.results.schema import CellResult, ExpectationResult, Results, RetryResult

__all__ = ["Finding", "FindingKind", "findings", "unseen"]

UNSEEN = {Status.NOT_COMPARABLE, Status.INFRA, Status.NOT_RUN}


class FindingKind(enum.StrEnum):
    """What is wrong. Each of them but the last fails the gate."""

    WORSE_THAN_BASELINE = "worse than the baseline"
    WORSE_THAN_EXPECTED = "worse than expected"
    BETTER_THAN_EXPECTED = "better than expected"
    UNMATCHED = "expectation without a cell"
    EXPIRED = "expectation that has expired"
    FLAKY = "flaky"


class Finding(NamedTuple):
    """One thing that is wrong, and where to mend it (empty if nowhere).

    ``cell`` is the cell it is about, if it is one, and ``change`` what became of it.
    """

    kind: FindingKind
    text: str
    where: str = ""
    cell: Cell | None = None
    change: ChangeKind | None = None


def findings(results: Results, comparison: Comparison | None) -> list[Finding]:
    """Return all that fails the gate, by kind, and what is flaky."""
    return [
        *_against_baseline(results, comparison),
        *_against_expectations(results),
        *_out_of_date(results),
    ]


def unseen(comparison: Comparison) -> int:
    """Return how many cells of the baseline could not be measured or compared this time."""
    return sum(change.after in UNSEEN for change in comparison.of(ChangeKind.UNMEASURED))


def _against_baseline(results: Results, comparison: Comparison | None) -> Iterator[Finding]:
    if comparison is None:
        return
    cells = {cell_of(cell): cell for cell in results.cells}
    for change in comparison.changes:
        if change.kind not in WORSENING:
            continue
        key = Cell(change.scenario, change.format, change.saved_with, change.loaded_with)
        cell = cells[key]
        if cell.expected:
            continue
        kind = FindingKind.WORSE_THAN_BASELINE
        if any(_as_good(change, again) for again in cell.retries):
            kind = FindingKind.FLAKY
        text = f"{change.kind}: {_name(cell)}: {change.before} → {change.after}"
        text += f"{_cause(change.cause)}{_again(cell)}"
        yield Finding(kind, text, cell=key, change=change.kind)


def _as_good(change: Change, again: RetryResult) -> bool:
    """Whether a cell that got worse was as good as before when it was measured again."""
    outcome, before = Outcome(again.status, again.lost), Outcome(change.before, change.lost_before)
    if not outcome.is_measured:
        return True
    if change.kind is ChangeKind.REMEDY_LOST and again.remedy is None:
        return before.is_worse_than(outcome) and not outcome.is_worse_than(before)
    return not outcome.is_worse_than(before)


def _against_expectations(results: Results) -> Iterator[Finding]:
    kinds = {"worse": FindingKind.WORSE_THAN_EXPECTED, "better": FindingKind.BETTER_THAN_EXPECTED}
    for cell in results.cells:
        if cell.expectation is None or cell.expected not in kinds:
            continue
        expectation = results.expectations[cell.expectation]
        kind = kinds[cell.expected]
        if any(
            verdict_of(expectation, again.status, again.cause) != cell.expected
            for again in cell.retries
        ):
            kind = FindingKind.FLAKY
        text = f"{_name(cell)}: {_expected(expectation)}, and is {cell.status}{_cause(cell.cause)}"
        yield Finding(kind, f"{text}{_again(cell)}", expectation.where, cell_of(cell))


def _out_of_date(results: Results) -> Iterator[Finding]:
    for expectation in results.expectations:
        if expectation.unmatched:
            text = f"no cell that it speaks of exists ({expectation.reason})"
            yield Finding(FindingKind.UNMATCHED, text, expectation.where)
        if expectation.expired:
            text = f"it ended on {expectation.until} ({expectation.reason})"
            yield Finding(FindingKind.EXPIRED, text, expectation.where)


def _name(cell: CellResult) -> str:
    return f"{cell.scenario} · {cell.format} · {cell.saved_with} → {cell.loaded_with}"


def _cause(slug: str | None) -> str:
    return f" ({slug})" if slug else ""


def _again(cell: CellResult) -> str:
    """Say what a cell did when it was measured again, if it was."""
    if not cell.retries:
        return ""
    told = (
        again.summary
        if again.status is Status.NOT_RUN
        else f"{again.status}{_cause(again.cause)}"
        + (f", repaired by {again.remedy}" if again.remedy else "")
        for again in cell.retries
    )
    return f"; again: {'; '.join(told)}"


def _expected(expectation: ExpectationResult) -> str:
    statuses = " or ".join(expectation.status)
    return f"expected to be {statuses}{_cause(expectation.cause)}"
