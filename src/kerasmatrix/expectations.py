"""What cells are expected to do: patterns in ``matrix.yaml``, and how cells keep to them. Pure.

Cells are measured all the same. Where several expectations speak of a cell the last one counts, so
that exceptions stand below the rule.
"""

from __future__ import annotations

import fnmatch
from collections.abc import Mapping, Sequence
from typing import Annotated, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints

from kerasmatrix.boundary import make_apart
from kerasmatrix.errors import nearest
from kerasmatrix.outcome import BADNESS, Status
from kerasmatrix.ranges import Day
from kerasmatrix.results import CellResult, ExpectationResult, Results

__all__ = ["SIDES", "Expectation", "PatternError", "expect", "names_of", "verdict_of"]

# The parts of a cell that a pattern is about.
SIDES = ("scenario", "format", "saved_with", "loaded_with")
ALL = "*"
RANGE = ".."
Text = Annotated[str, StringConstraints(min_length=1, strip_whitespace=True)]


def _listed(value: object) -> object:
    return (value,) if isinstance(value, str) else value


Several = Annotated[tuple[Text, ...], BeforeValidator(_listed), Field(min_length=1)]
Statuses = Annotated[tuple[Status, ...], BeforeValidator(_listed), Field(min_length=1)]


class PatternError(ValueError):
    """A pattern names what there is not. ``hint`` is the way out."""

    def __init__(self, message: str, hint: str | None) -> None:
        super().__init__(message)
        self.hint = hint


class Expectation(BaseModel):
    """What the cells of some patterns are expected to do, and why.

    A pattern is a name, a glob (``tf2.1?``), or for environments a range in the order of their
    versions (``tf2.2..tf2.15``, ``..tf2.3``, ``tf2.16..``), or a list of these.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    scenario: Several = (ALL,)
    format: Several = (ALL,)
    saved_with: Several = (ALL,)
    loaded_with: Several = (ALL,)
    status: Statuses
    cause: str | None = None
    reason: Text
    link: str | None = None
    until: Day | None = None
    where: str = Field(default="", description="file and line, noted when it is read")


def names_of(patterns: Sequence[str], known: Sequence[str], *, ordered: bool) -> frozenset[str]:
    """Return the names that ``patterns`` stand for.

    Args:
        patterns: names, globs, and where ``ordered`` ranges.
        known: all names, in order.
        ordered: whether a range means something.

    Raises:
        PatternError: a name that is not known, or a glob or range that stands for none.
    """
    found: set[str] = set()
    for pattern in patterns:
        if ordered and RANGE in pattern:
            here = _range_of(pattern, known)
        else:
            here = fnmatch.filter(known, pattern)
        if not here:
            raise PatternError(f"{pattern!r} stands for nothing", nearest(pattern, known))
        found.update(here)
    return frozenset(found)


def _range_of(pattern: str, known: Sequence[str]) -> Sequence[str]:
    first, _, last = pattern.partition(RANGE)
    for end in (first, last):
        if end and end not in known:
            raise PatternError(f"{end!r} is no environment", nearest(end, known))
    return known[known.index(first) if first else 0 : known.index(last) + 1 if last else len(known)]


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
