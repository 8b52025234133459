"""The tables of the page that are there without a script: files by version, pairs of versions."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from itertools import accumulate
from typing import NamedTuple

from kerasmatrix.report.blocks import Block
from kerasmatrix.results.cells import SAYS_NOTHING, Status
from kerasmatrix.results.schema import CellResult, Results

__all__ = ["FileRow", "FileTable", "Pair", "pairs_of"]

# Cells of files that are in the page from the start; the script draws the others on demand.
MOST_CELLS = 5000

Numbered = tuple[int, CellResult]


class FileRow(NamedTuple):
    """A file with its cells, each with its number.

    ``reference`` is the cell of a version that was added only to compare the file with.
    """

    block: int
    scenario: str
    compared_with: str
    reference: Numbered | None
    cells: list[Numbered | None]


class FileTable:
    """The table of files by version, in the order of the results."""

    def __init__(self, results: Results, blocks: Sequence[Block]) -> None:
        """Make the rows, as many as the page has from the start."""
        asked = [environment.name for environment in results.environments if not environment.added]
        starts = accumulate((len(block.cells) for block in blocks), initial=0)
        limit = max(1, MOST_CELLS // max(1, len(asked)))
        rows = [
            _file_row(number, block, start, asked)
            for number, (block, start) in enumerate(zip(blocks, starts, strict=False))
        ]
        # Of all rows, also of those that the script draws later: it decides on the columns.
        self.elsewhere = any(row.reference for row in rows)
        self.rows = rows[:limit]
        self.left = len(rows) - len(self.rows)
        shown = (cell for row in self.rows for cell in (row.reference, *row.cells) if cell)
        self.first = next((number for number, _ in shown), 0)


def _file_row(number: int, block: Block, start: int, asked: Sequence[str]) -> FileRow:
    numbered = {cell.loaded_with: (start + place, cell) for place, cell in enumerate(block.cells)}
    compared_with = block.cells[0].saved_with
    reference = None if compared_with in asked else numbered.get(compared_with)
    cells = [numbered.get(name) for name in asked]
    return FileRow(number, block.scenario, compared_with, reference, cells)


class Pair(NamedTuple):
    """The cells of all scenarios and formats for two versions."""

    place: int
    cells: int
    text: str
    helped: int


def pairs_of(results: Results) -> list[list[Pair]]:
    """Return a row of pairs for each version that saves."""
    counts: dict[tuple[str, str], Counter[Status]] = defaultdict(Counter)
    helped: Counter[tuple[str, str]] = Counter()
    for cell in results.cells:
        pair = (cell.saved_with, cell.loaded_with)
        counts[pair][cell.status] += 1
        helped[pair] += cell.repaired_by is not None
    names = [environment.name for environment in results.environments]
    return [
        [
            _pair(row * len(names) + column, counts[saved, loaded], helped[saved, loaded])
            for column, loaded in enumerate(names)
        ]
        for row, saved in enumerate(names)
    ]


def _pair(place: int, counts: Counter[Status], helped: int) -> Pair:
    total = counts.total()
    measured = sum(number for status, number in counts.items() if status not in SAYS_NOTHING)
    passed = counts[Status.PASS]
    text = f"{passed}/{measured}" if measured else "none"
    return Pair(place, total, text, helped)
