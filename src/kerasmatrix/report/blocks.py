"""The blocks of a report: one matrix for each scenario and format, and what it says as a whole."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

from kerasmatrix.results.cells import Status
from kerasmatrix.results.schema import CellResult, Results, count_statuses
from kerasmatrix.text.lines import brief_line

__all__ = ["Block", "Note", "blocks_of"]


class Note(NamedTuple):
    """A statement about a whole block, or about some ``rows`` of it."""

    rows: tuple[str, ...]
    status: Status
    text: str


@dataclass(frozen=True)
class Block:
    """The cells of one scenario in one format, row by row, oldest first on both sides.

    ``places`` says for each cell where it stands: row * environments + column.
    """

    scenario: str
    format: str
    cells: Sequence[CellResult]
    places: Sequence[int]

    @cached_property
    def counts(self) -> Mapping[Status, int]:
        """The number of cells by status, best first."""
        return count_statuses(self.cells)

    @cached_property
    def notes(self) -> Sequence[Note]:
        """Notes on the whole block, if all its cells are alike, or on rows that were not saved."""
        if len(self.counts) == 1:
            summaries = {cell.summary for cell in self.cells}
            text = summaries.pop() if len(summaries) == 1 else ""
            return [Note((), self.cells[0].status, brief_line(text))]
        rows: dict[str, list[CellResult]] = defaultdict(list)
        for cell in self.cells:
            rows[cell.saved_with].append(cell)
        unsaved: dict[str, list[str]] = defaultdict(list)
        for name, row in rows.items():
            if all(cell.status is Status.SAVE_FAILED for cell in row):
                unsaved[brief_line(row[0].summary)].append(name)
        return [Note(tuple(names), Status.SAVE_FAILED, text) for text, names in unsaved.items()]


def blocks_of(results: Results) -> list[Block]:
    """Return all blocks that have cells, in the order of scenarios and formats.

    Raises:
        ValueError: two cells of ``results`` are the same.
    """
    order = {environment.name: number for number, environment in enumerate(results.environments)}
    members_of: dict[tuple[str, str], list[tuple[int, CellResult]]] = defaultdict(list)
    for cell in results.cells:
        place = order[cell.saved_with] * len(order) + order[cell.loaded_with]
        members_of[cell.scenario, cell.format].append((place, cell))
    blocks = []
    for scenario in results.scenarios:
        for form in results.formats:
            members = sorted(
                members_of.get((scenario.name, form), ()), key=lambda member: member[0]
            )
            places = tuple(place for place, _ in members)
            # A results.json may come from anywhere; the page's script relies on distinct places.
            if len(set(places)) != len(places):
                raise ValueError(f"{scenario.name} as {form}: two cells are the same")
            if members:
                cells = tuple(cell for _, cell in members)
                blocks.append(Block(scenario.name, form, cells, places))
    return blocks
