"""Compares results with the expectations of ``matrix.yaml``. Pure.

Cells with an expectation are measured like any other. If several expectations apply to a cell, the
last one decides, so that exceptions come after the rule.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal

from kerasmatrix.config.expectation import SIDES, Expectation, names_of
from kerasmatrix.results.boundary import make_apart
from kerasmatrix.results.cells import SEVERITY, Status
from kerasmatrix.results.schema import CellResult, ExpectationResult, Results

__all__ = ["compare_to_expectation", "expect"]


def expect(
    results: Results,
    expectations: Sequence[Expectation],
    known: Mapping[str, Sequence[str]],
) -> Results:
    """Return ``results`` with the expectation of each cell and whether the cell meets it.

    Args:
        results: the results of a run.
        expectations: in the order of the file.
        known: all names of the matrix by side; the results may be about a part of it.
    """
    return make_apart(results, lambda part: _expect(part, expectations, known))[1]


def _expect(
    results: Results,
    expectations: Sequence[Expectation],
    known: Mapping[str, Sequence[str]],
) -> Results:
    names_by_side = [
        {
            side: names_of(getattr(expectation, side), known[side], ordered=side.endswith("with"))
            for side in SIDES
        }
        for expectation in expectations
    ]
    concerned: list[list[CellResult]] = [[] for _ in expectations]
    decided: dict[int, list[str]] = {number: [] for number in range(len(expectations))}
    cells = []
    for cell in results.cells:
        fitting = [
            number
            for number, names in enumerate(names_by_side)
            if all(getattr(cell, side) in names[side] for side in SIDES)
        ]
        for number in fitting:
            concerned[number].append(cell)
        # The last one: in matrix.yaml, exceptions come after the rule.
        decides = expectations[fitting[-1]] if fitting else None
        verdict = compare_to_expectation(decides, cell.status, cell.cause) if decides else None
        if verdict is None:
            cells.append(cell)
            continue
        decided[fitting[-1]].append(verdict)
        cells.append(cell.but(expectation=fitting[-1], expected=verdict))
    summaries = tuple(
        _summarize(expectation, concerned[number], decided[number], results)
        for number, expectation in enumerate(expectations)
    )
    return results.model_copy(update={"cells": tuple(cells), "expectations": summaries})


def compare_to_expectation(
    expectation: Expectation | ExpectationResult, status: Status, cause: str | None
) -> Literal["met", "better", "worse"] | None:
    """Return how a status compares with an expectation; None if it says nothing about Keras."""
    severity = SEVERITY.get(status)
    if severity is None and status is not Status.NOT_COMPARABLE:
        return None
    if status in expectation.status:
        return "met" if expectation.cause in {None, cause} else "worse"
    if severity is None:
        return None
    least = min(SEVERITY.get(expected, 0) for expected in expectation.status)
    return "better" if severity < least else "worse"


def _summarize(
    expectation: Expectation,
    concerned: Sequence[CellResult],
    decided: Sequence[str],
    results: Results,
) -> ExpectationResult:
    existing = [cell for cell in concerned if cell.status is not Status.UNSUPPORTED]
    today = results.run.finished.date()
    return ExpectationResult(
        where=expectation.where,
        status=expectation.status,
        cause=expectation.cause,
        reason=expectation.reason,
        link=expectation.link,
        until=expectation.until,
        cells=len(existing),
        met=sum(verdict == "met" for verdict in decided),
        better=sum(verdict == "better" for verdict in decided),
        worse=sum(verdict == "worse" for verdict in decided),
        expired=expectation.until is not None and expectation.until < today,
        # A run of a part of the matrix may have no cell for an expectation.
        unmatched=bool(concerned) and not existing,
    )
