"""Which cells a user most wants to know, if there is not the time for all of them. Pure."""

from __future__ import annotations

import enum
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

from kerasmatrix.analysis.compare import compare
from kerasmatrix.execution.plan import Plan
from kerasmatrix.results.cells import cell_of
from kerasmatrix.results.observations import BADNESS, Cell, Status
from kerasmatrix.results.schema import Results

__all__ = ["Rank", "Urgency", "rank_cells"]

# Since the epoch, in seconds: what was never measured is older than anything.
NEVER = 0.0


class Urgency(enum.IntEnum):
    """Why a cell is wanted, most of all first."""

    CANDIDATE = 0
    FRONTIER = 1
    CHANGED = 2
    OTHER = 3


class Rank(NamedTuple):
    """The place of a cell in the order of work; the least comes first.

    ``farther`` is 1 in the candidate's column for files that no upgrade is about. ``measured`` is
    when the cell was last measured, in seconds since the epoch.
    """

    urgency: Urgency
    farther: int = 0
    measured: float = NEVER


def rank_cells(plan: Plan, earlier: Iterable[Results]) -> dict[Cell, Rank]:
    """Return the rank of every cell of ``plan``.

    First comes the column of the version to upgrade to, files of the version to upgrade from before
    others; then cells at a frontier, where versions next to each other differ in how well they do;
    then cells that changed with the last run; then what was not measured for longest.

    Args:
        plan: what is wanted.
        earlier: results of earlier runs, the newest first.
    """
    runs = list(earlier)
    cells = list(plan.cells())
    statuses: dict[Cell, Status] = {}
    measured: dict[Cell, float] = {}
    for results in runs:
        for found in results.cells:
            if found.status in BADNESS:
                cell = cell_of(found)
                statuses.setdefault(cell, found.status)
                side = found.load or found.save
                measured.setdefault(cell, side.measured_at.timestamp() if side else NEVER)
    frontier = set(_frontiers(plan, cells, statuses))
    changed = set(_changed(runs))
    current, candidate = plan.selection.current, plan.selection.candidate

    def rank(cell: Cell) -> Rank:
        if cell.loaded_with == candidate:
            urgency = Urgency.CANDIDATE
        elif cell in frontier:
            urgency = Urgency.FRONTIER
        else:
            urgency = Urgency.CHANGED if cell in changed else Urgency.OTHER
        farther = urgency is Urgency.CANDIDATE and cell.saved_with != current
        return Rank(urgency, int(farther), measured.get(cell, NEVER))

    return {cell: rank(cell) for cell in cells}


def _frontiers(
    plan: Plan, cells: Sequence[Cell], statuses: Mapping[Cell, Status]
) -> Iterator[Cell]:
    """Yield the cells on both sides of every frontier, and those between that nobody knows."""
    places = {env.name: place for place, env in enumerate(plan.selection.environments)}
    lines: dict[tuple[str, ...], list[Cell]] = {}
    for cell in cells:
        lines.setdefault(("row", *cell[:3]), []).append(cell)
        lines.setdefault(("column", cell.scenario, cell.format, cell.loaded_with), []).append(cell)
    sides: Mapping[str, Callable[[Cell], int]] = {
        "row": lambda cell: places[cell.loaded_with],
        "column": lambda cell: places.get(cell.saved_with, -1),
    }
    for (side, *_), line in lines.items():
        ordered = sorted(line, key=sides[side])
        last: int | None = None
        for place, cell in enumerate(ordered):
            if cell not in statuses:
                continue
            if last is not None and BADNESS[statuses[cell]] != BADNESS[statuses[ordered[last]]]:
                yield from ordered[last : place + 1]
            last = place


def _changed(runs: Sequence[Results]) -> Iterator[Cell]:
    """Yield the cells that the last run found otherwise than the one before did."""
    if len(runs) > 1:
        for change in compare(runs[1], runs[0]).changes:
            if BADNESS.keys() >= {change.before, change.after}:
                yield Cell(change.scenario, change.format, change.saved_with, change.loaded_with)
