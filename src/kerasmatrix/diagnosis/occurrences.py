"""Finds the cells of a run that have a cause, and the fixes that worked there. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path

from pydantic import Field

from kerasmatrix.results.schema import Results
from kerasmatrix.strict_model import StrictModel

__all__ = ["Checked", "CheckedCell", "Occurrences", "Pair", "find_checked", "find_occurrences"]


class Pair(StrictModel):
    """Two versions, and the number of cells between them that have the cause."""

    saved_with: str
    loaded_with: str
    cells: int


class Occurrences(StrictModel):
    """The cells of a run that have a cause. ``repaired_by`` counts the fixes that worked."""

    run: str
    cells: int
    pairs: tuple[Pair, ...] = Field(description="in the order of the matrix")
    repaired_by: Mapping[str, int] = Field(description="the most frequent first")


class CheckedCell(StrictModel):
    """The result of a check for one loading version."""

    loaded_with: str
    status: str
    cause: str | None
    repaired_by: str | None


class Checked(StrictModel):
    """The results of a check of one file."""

    run: str
    file: str
    cells: tuple[CheckedCell, ...]


def find_checked(runs: Iterable[Results], name: str) -> Checked | None:
    """Return what the newest of ``runs`` found that checked a file called ``name``."""
    for results in runs:
        scenarios = {
            scenario.name: scenario.file
            for scenario in results.scenarios
            if scenario.file and Path(scenario.file).name == name
        }
        cells = [cell for cell in results.cells if cell.scenario in scenarios]
        if cells:
            found = tuple(
                CheckedCell(
                    loaded_with=cell.loaded_with,
                    status=cell.status,
                    cause=cell.cause,
                    repaired_by=cell.repaired_by.id if cell.repaired_by else None,
                )
                for cell in cells
            )
            return Checked(
                run=results.run.id, file=scenarios[cells[0].scenario] or name, cells=found
            )
    return None


def find_occurrences(
    results: Results, cause: str, saved_with: str | None = None, loaded_with: str | None = None
) -> Occurrences:
    """Return where ``cause`` occurs in ``results``.

    Args:
        results: a run.
        cause: its slug.
        saved_with: only cells of this writer, if it is one of the run's environments.
        loaded_with: only cells of this reader, likewise.
    """
    names = {env.name for env in results.environments}
    occurrences = [
        cell
        for cell in results.cells
        if cell.cause == cause
        and (saved_with not in names or cell.saved_with == saved_with)
        and (loaded_with not in names or cell.loaded_with == loaded_with)
    ]
    pairs = Counter((cell.saved_with, cell.loaded_with) for cell in occurrences)
    order = {env.name: place for place, env in enumerate(results.environments)}
    helped = Counter(cell.repaired_by.id for cell in occurrences if cell.repaired_by)
    return Occurrences(
        run=results.run.id,
        cells=len(occurrences),
        pairs=tuple(
            Pair(saved_with=writer, loaded_with=reader, cells=pairs[writer, reader])
            for writer, reader in sorted(pairs, key=lambda pair: (order[pair[1]], order[pair[0]]))
        ),
        repaired_by=dict(helped.most_common()),
    )
