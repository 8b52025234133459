"""Summaries of earlier runs, and the history of a cell as spans of runs with the same result. Pure.

Whole runs are stored too, but to read a dozen of them takes seconds. A summary has the status,
cause and fix of every cell, and no more.
"""

from __future__ import annotations

import datetime
import json
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from kerasmatrix.results.cells import Cell, Status, cell_of
from kerasmatrix.results.schema import CellResult, Results

__all__ = [
    "CellSummary",
    "RunSpan",
    "RunSummary",
    "from_json",
    "history_of",
    "summarize",
    "to_json",
]

SCHEMA_VERSION = 1
SEPARATOR = "\t"


class CellSummary(NamedTuple):
    """The result of a cell in one run."""

    status: Status
    cause: str | None = None
    remedy: str | None = None
    flaky: bool = False


class RunSummary(NamedTuple):
    """The results of a run, without the cells that it did not measure."""

    id: str
    started: datetime.datetime
    cells: Mapping[Cell, CellSummary]


class RunSpan(NamedTuple):
    """Consecutive runs in which a cell had the same result; ``first`` and ``last`` are indices."""

    first: int
    last: int
    runs: int
    result: CellSummary


def summarize(results: Results) -> RunSummary:
    """Return the summary of a run."""
    cells = {
        cell_of(cell): _summarize_cell(cell)
        for cell in results.cells
        if cell.status is not Status.NOT_RUN
    }
    return RunSummary(results.run.id, results.run.started, cells)


def history_of(cell: Cell, runs: Sequence[RunSummary]) -> list[RunSpan]:
    """Return the results of a cell in ``runs``, oldest first; not all of them measured it."""
    spans: list[RunSpan] = []
    for number, run in enumerate(runs):
        result = run.cells.get(cell)
        if result is None:
            continue
        if spans and spans[-1].result == result:
            before = spans.pop()
            spans.append(RunSpan(before.first, number, before.runs + 1, result))
        else:
            spans.append(RunSpan(number, number, 1, result))
    return spans


def to_json(run: RunSummary) -> str:
    """Return the summary as JSON, with each distinct result of a cell once."""
    kinds: dict[CellSummary, int] = {}
    cells = {
        SEPARATOR.join(cell): kinds.setdefault(result, len(kinds))
        for cell, result in run.cells.items()
    }
    return json.dumps(
        {
            "schema_version": SCHEMA_VERSION,
            "id": run.id,
            "started": run.started.isoformat(),
            "kinds": list(kinds),
            "cells": cells,
        }
    )


def from_json(text: str) -> RunSummary:
    """Return the summary that `to_json` wrote.

    Raises:
        ValueError: it is damaged, or of another version.
    """
    try:
        data = json.loads(text)
        if data["schema_version"] != SCHEMA_VERSION:
            raise ValueError(f"has schema version {data['schema_version']!r}")
        kinds = [CellSummary(Status(status), *more) for status, *more in data["kinds"]]
        cells = {Cell(*key.split(SEPARATOR)): kinds[kind] for key, kind in data["cells"].items()}
        return RunSummary(data["id"], datetime.datetime.fromisoformat(data["started"]), cells)
    except (KeyError, TypeError, IndexError, AttributeError) as error:
        raise ValueError(f"is damaged: {error!r}") from None


def _summarize_cell(cell: CellResult) -> CellSummary:
    remedy = cell.repaired_by
    return CellSummary(cell.status, cell.cause, remedy.id if remedy else None, cell.flaky)
