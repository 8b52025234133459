"""Lists the findings of the gate: cells that got worse, and outdated expectations. Pure.

A cell is compared with its expectation, or with the baseline if it has none. A cell that was not
worse when it was measured again is flaky, since it is unknown whether it got worse.
"""

from __future__ import annotations

import enum
from collections.abc import Iterator
from typing import NamedTuple

from kerasmatrix.analysis.compare import WORSENING, Change, ChangeKind, Comparison, Outcome
from kerasmatrix.analysis.expectations import compare_to_expectation
from kerasmatrix.results.cells import INCONCLUSIVE, Cell, Status, cell_of
from kerasmatrix.results.observations import RetriedAttempt
from kerasmatrix.results.schema import CellResult, ExpectationResult, Results

__all__ = ["Finding", "FindingKind", "count_inconclusive", "findings"]


class FindingKind(enum.StrEnum):
    """The kind of a finding. All except the last fail the gate."""

    WORSE_THAN_BASELINE = "worse than the baseline"
    GONE = "gone since the baseline"
    WORSE_THAN_EXPECTED = "worse than expected"
    BETTER_THAN_EXPECTED = "better than expected"
    UNMATCHED = "expectation without a cell"
    EXPIRED = "expectation that has expired"
    FLAKY = "flaky"


class Finding(NamedTuple):
    """One problem, and the place to correct it (empty if there is none).

    ``cell`` is the cell that it is about, if any, and ``change`` the kind of its change.
    """

    kind: FindingKind
    text: str
    where: str = ""
    cell: Cell | None = None
    change: ChangeKind | None = None


def findings(results: Results, comparison: Comparison | None) -> list[Finding]:
    """Return the findings that fail the gate, and those about flaky cells."""
    return [
        *_against_baseline(results, comparison),
        *_against_expectations(results),
        *_out_of_date(results),
    ]


def count_inconclusive(comparison: Comparison) -> int:
    """Return the number of cells of the baseline that could not be measured or compared now."""
    return sum(change.after in INCONCLUSIVE for change in comparison.of(ChangeKind.UNMEASURED))


def _against_baseline(results: Results, comparison: Comparison | None) -> Iterator[Finding]:
    if comparison is None:
        return
    if comparison.gone and comparison.compared:
        cells_are = "measured cell is" if comparison.gone == 1 else "measured cells are"
        yield Finding(FindingKind.GONE, f"{comparison.gone} {cells_are} not in this run")
    cells = {cell_of(cell): cell for cell in results.cells}
    for change in comparison.changes:
        if change.kind not in WORSENING:
            continue
        key = Cell(change.scenario, change.format, change.saved_with, change.loaded_with)
        cell = cells[key]
        if cell.expected:
            continue
        kind = FindingKind.WORSE_THAN_BASELINE
        if any(_as_good(change, retry) for retry in cell.retries):
            kind = FindingKind.FLAKY
        text = f"{change.kind}: {_name(cell)}: {change.before} → {change.after}"
        text += f"{_cause(change.cause)}{_retries(cell)}"
        yield Finding(kind, text, cell=key, change=change.kind)


def _as_good(change: Change, retry: RetriedAttempt) -> bool:
    """Whether a cell that got worse was as good as before in another attempt."""
    outcome, before = Outcome(retry.status, retry.lost), Outcome(change.before, change.lost_before)
    # A save that worked this time, or a fault of the machine: that the cell got worse is in doubt.
    if not outcome.is_measured:
        return True
    if change.kind is ChangeKind.REMEDY_LOST and retry.remedy is None:
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
            compare_to_expectation(expectation, retry.status, retry.cause) != cell.expected
            for retry in cell.retries
        ):
            kind = FindingKind.FLAKY
        text = f"{_name(cell)}: {_expected(expectation)}, is {cell.status}{_cause(cell.cause)}"
        yield Finding(kind, f"{text}{_retries(cell)}", expectation.where, cell_of(cell))


def _out_of_date(results: Results) -> Iterator[Finding]:
    for expectation in results.expectations:
        if expectation.unmatched:
            text = f"it applies to no existing cell ({expectation.reason})"
            yield Finding(FindingKind.UNMATCHED, text, expectation.where)
        if expectation.expired:
            text = f"it ended on {expectation.until} ({expectation.reason})"
            yield Finding(FindingKind.EXPIRED, text, expectation.where)


def _name(cell: CellResult) -> str:
    return f"{cell.scenario} · {cell.format} · {cell.saved_with} → {cell.loaded_with}"


def _cause(slug: str | None) -> str:
    return f" ({slug})" if slug else ""


def _retries(cell: CellResult) -> str:
    """Return the results of a cell's repeated measurements as text, if there are any."""
    if not cell.retries:
        return ""
    attempts = (
        retry.summary
        if retry.status is Status.NOT_RUN
        else f"{retry.status}{_cause(retry.cause)}"
        + (f", fixed by {retry.remedy}" if retry.remedy else "")
        for retry in cell.retries
    )
    return f"; again: {'; '.join(attempts)}"


def _expected(expectation: ExpectationResult) -> str:
    statuses = " or ".join(expectation.status)
    return f"expected to be {statuses}{_cause(expectation.cause)}"
