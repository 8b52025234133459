"""What cells are expected to do: patterns in ``matrix.yaml``, and how cells keep to them. Pure.

Cells are measured all the same. Where several expectations speak of a cell the last one counts, so
that exceptions stand below the rule.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal

from kerasmatrix.config.expectation import SIDES, Expectation, names_of
from kerasmatrix.results.boundary import make_apart
from kerasmatrix.results.observations import BADNESS, Status
from kerasmatrix.results.schema import CellResult, ExpectationResult, Results

__all__ = ["expect", "verdict_of"]


def expect(
    results: Results,
    expectations: Sequence[Expectation],
    known: Mapping[str, Sequence[str]],
) -> Results:
    """Return ``results`` with what was expected of its cells and how they keep to it.

    Args:
        results: the verdicts.
        expectations: in the order of the file.
        known: all names of the matrix by side, of which the results may be a part.
    """
    return make_apart(results, lambda part: _expect(part, expectations, known))[1]


def _expect(
    results: Results,
    expectations: Sequence[Expectation],
    known: Mapping[str, Sequence[str]],
) -> Results:
    meant = [
        {
            side: names_of(getattr(expectation, side), known[side], ordered=side.endswith("with"))
            for side in SIDES
        }
        for expectation in expectations
    ]
    spoken: list[list[CellResult]] = [[] for _ in expectations]
    decided: dict[int, list[str]] = {number: [] for number in range(len(meant))}
    cells = []
    for cell in results.cells:
        fitting = [
            number
            for number, names in enumerate(meant)
            if all(getattr(cell, side) in names[side] for side in SIDES)
        ]
        for number in fitting:
            spoken[number].append(cell)
        decides = expectations[fitting[-1]] if fitting else None
        verdict = verdict_of(decides, cell.status, cell.cause) if decides else None
        if verdict is None:
            cells.append(cell)
            continue
        decided[fitting[-1]].append(verdict)
        cells.append(cell.but(expectation=fitting[-1], expected=verdict))
    told = tuple(
        _told(expectation, spoken[number], decided[number], results)
        for number, expectation in enumerate(expectations)
    )
    return results.model_copy(update={"cells": tuple(cells), "expectations": told})


def verdict_of(
    expectation: Expectation | ExpectationResult, status: Status, cause: str | None
) -> Literal["met", "better", "worse"] | None:
    """Say how a cell keeps to what is expected of it; None where it says nothing about Keras."""
    bad = BADNESS.get(status)
    if bad is None and status is not Status.NOT_COMPARABLE:
        return None
    if status in expectation.status:
        return "met" if expectation.cause in {None, cause} else "worse"
    if bad is None:
        return None
    least = min(BADNESS.get(expected, 0) for expected in expectation.status)
    return "better" if bad < least else "worse"


def _told(
    expectation: Expectation,
    spoken: Sequence[CellResult],
    decided: Sequence[str],
    results: Results,
) -> ExpectationResult:
    there = [cell for cell in spoken if cell.status is not Status.UNSUPPORTED]
    today = results.run.finished.date()
    return ExpectationResult(
        where=expectation.where,
        status=expectation.status,
        cause=expectation.cause,
        reason=expectation.reason,
        link=expectation.link,
        until=expectation.until,
        cells=len(there),
        met=sum(verdict == "met" for verdict in decided),
        better=sum(verdict == "better" for verdict in decided),
        worse=sum(verdict == "worse" for verdict in decided),
        expired=expectation.until is not None and expectation.until < today,
        # A part of the matrix need not have what an expectation is about.
        unmatched=bool(spoken) and not there,
    )
