"""What earlier runs said of each cell: a run in short, and a cell's past as spans of runs. Pure.

A run is kept whole beside the store; reading a dozen of them takes seconds. What is kept here of a
run is what every cell did, and no more.
"""

from __future__ import annotations

import datetime
import json
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from kerasmatrix.results.observations import Cell, Status
from kerasmatrix.results.schema import CellResult, Results

__all__ = ["Did", "PastRun", "Span", "from_json", "in_short", "past_of", "to_json"]

SCHEMA_VERSION = 1
SEPARATOR = "\t"


class Did(NamedTuple):
    """What a cell did in a run."""

    status: Status
    cause: str | None = None
    remedy: str | None = None
    flaky: bool = False


class PastRun(NamedTuple):
    """A run in short; cells that it did not measure are not in it."""

    id: str
    started: datetime.datetime
    cells: Mapping[Cell, Did]


class Span(NamedTuple):
    """Runs one after the other in which a cell did the same, as numbers into the runs."""

    first: int
    last: int
    runs: int
    did: Did


def in_short(results: Results) -> PastRun:
    """Return what every cell of ``results`` did."""
    cells = {
        Cell(cell.scenario, cell.format, cell.saved_with, cell.loaded_with): _did(cell)
        for cell in results.cells
        if cell.status is not Status.NOT_RUN
    }
    return PastRun(results.run.id, results.run.started, cells)


def past_of(cell: Cell, runs: Sequence[PastRun]) -> list[Span]:
    """Return what ``runs``, oldest first, said of a cell; not all of them measured it."""
    spans: list[Span] = []
    for number, run in enumerate(runs):
        did = run.cells.get(cell)
        if did is None:
            continue
        if spans and spans[-1].did == did:
            before = spans.pop()
            spans.append(Span(before.first, number, before.runs + 1, did))
        else:
            spans.append(Span(number, number, 1, did))
    return spans


def to_json(run: PastRun) -> str:
    """Return a run in short as JSON; what cells did is there once for all that did it."""
    kinds: dict[Did, int] = {}
    cells = {
        SEPARATOR.join(cell): kinds.setdefault(did, len(kinds)) for cell, did in run.cells.items()
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


def from_json(text: str) -> PastRun:
    """Return the run that `to_json` wrote.

    Raises:
        ValueError: it is damaged, or of another version.
    """
    try:
        told = json.loads(text)
        if told["schema_version"] != SCHEMA_VERSION:
            raise ValueError(f"has schema version {told['schema_version']!r}")
        kinds = [Did(Status(status), *more) for status, *more in told["kinds"]]
        cells = {Cell(*key.split(SEPARATOR)): kinds[kind] for key, kind in told["cells"].items()}
        return PastRun(told["id"], datetime.datetime.fromisoformat(told["started"]), cells)
    except (KeyError, TypeError, IndexError, AttributeError) as error:
        raise ValueError(f"is damaged: {error!r}") from None


def _did(cell: CellResult) -> Did:
    remedy = cell.repaired_by
    return Did(cell.status, cell.cause, remedy.id if remedy else None, cell.flaky)
