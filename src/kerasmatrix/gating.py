"""What the gate finds: cells worse than expected or than in a baseline, expectations out of date.

Pure. Where an expectation decides a cell the baseline does not.
"""

from __future__ import annotations

import enum
from collections.abc import Iterator
from typing import NamedTuple

from kerasmatrix.comparison import WORSENING, Change, ChangeKind, Comparison
from kerasmatrix.outcome import Status
from kerasmatrix.results import CellResult, ExpectationResult, Results

__all__ = ["Finding", "FindingKind", "findings", "unseen"]

UNSEEN = {Status.INFRA, Status.NOT_RUN}


class FindingKind(enum.StrEnum):
    """What is wrong. Each of them fails the gate."""

    WORSE_THAN_BASELINE = "worse than the baseline"
    WORSE_THAN_EXPECTED = "worse than expected"
    BETTER_THAN_EXPECTED = "better than expected"
    UNMATCHED = "expectation without a cell"
    EXPIRED = "expectation that has expired"


class Finding(NamedTuple):
    """One thing that is wrong, and where to mend it (empty if nowhere)."""

    kind: FindingKind
    text: str
    where: str = ""


def findings(results: Results, comparison: Comparison | None) -> list[Finding]:
    """Return all that fails the gate, by kind."""
    return [
        *_against_baseline(results, comparison),
        *_against_expectations(results),
        *_out_of_date(results),
    ]


def unseen(comparison: Comparison) -> int:
    """Return how many cells of the baseline the machine could not measure this time."""
    return sum(change.after in UNSEEN for change in comparison.of(ChangeKind.UNMEASURED))


def _against_baseline(results: Results, comparison: Comparison | None) -> Iterator[Finding]:
    decided = {_name(cell) for cell in results.cells if cell.expected}
    for change in comparison.changes if comparison else ():
        if change.kind in WORSENING and _name(change) not in decided:
            text = f"{change.kind}: {_name(change)}: {change.before} → {change.after}"
            yield Finding(FindingKind.WORSE_THAN_BASELINE, f"{text}{_cause(change.cause)}")


def _against_expectations(results: Results) -> Iterator[Finding]:
    kinds = {"worse": FindingKind.WORSE_THAN_EXPECTED, "better": FindingKind.BETTER_THAN_EXPECTED}
    for cell in results.cells:
        if cell.expectation is None or cell.expected not in kinds:
            continue
        expectation = results.expectations[cell.expectation]
        text = f"{_name(cell)}: {_expected(expectation)}, and is {cell.status}{_cause(cell.cause)}"
        yield Finding(kinds[cell.expected], text, expectation.where)


def _out_of_date(results: Results) -> Iterator[Finding]:
    for expectation in results.expectations:
        if expectation.unmatched:
            text = f"no cell that it speaks of exists ({expectation.reason})"
            yield Finding(FindingKind.UNMATCHED, text, expectation.where)
        if expectation.expired:
            text = f"it ended on {expectation.until} ({expectation.reason})"
            yield Finding(FindingKind.EXPIRED, text, expectation.where)


def _name(of: CellResult | Change) -> str:
    return f"{of.scenario} · {of.format} · {of.saved_with} → {of.loaded_with}"


def _cause(slug: str | None) -> str:
    return f" ({slug})" if slug else ""


def _expected(expectation: ExpectationResult) -> str:
    statuses = " or ".join(expectation.status)
    return f"expected to be {statuses}{_cause(expectation.cause)}"
