"""The data of the page's script: a column for each fact, and details in compressed chunks.

Matrices, filters and the upgrade's answer need only the columns. The panel's details are unpacked
when a cell is chosen, so that a run of a hundred thousand cells opens as fast as its columns. Pure.
"""

from __future__ import annotations

import base64
import json
import zlib
from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise
from typing import Any, NamedTuple, TypedDict

from kerasmatrix.analysis.compare import Change
from kerasmatrix.diagnosis.upstream import side_of
from kerasmatrix.report.answer import NOTHING, gives_up, made_with
from kerasmatrix.report.blocks import Block
from kerasmatrix.report.cause_text import fault_of
from kerasmatrix.report.commands import Commands
from kerasmatrix.report.documentation import cause_page
from kerasmatrix.report.file_verdict import is_code_error
from kerasmatrix.report.page_details import (
    LONGEST_SUMMARY,
    Chunk,
    Table,
    make_chunk,
    plain_number,
)
from kerasmatrix.report.symbols import FLAKY, LOOKS, REPAIRED
from kerasmatrix.results.cells import (
    FIXABLE,
    INCONCLUSIVE,
    LOADS_OR_DRIFTS,
    SAYS_NOTHING,
    SEVERITY,
    Status,
    cell_of,
)
from kerasmatrix.results.history import RunSummary
from kerasmatrix.results.release_notes import release_notes
from kerasmatrix.results.schema import CellResult, EnvironmentResult, Results

__all__ = ["PageData", "embed", "eras", "pack", "page_data"]

# Cells in one chunk: a few hundred kilobytes, unpacked in some tens of milliseconds.
CHUNK = 4096
NONE = -1  # no value, in a column of numbers
# A character for each: the digits, and what follows them in ASCII.
CODES = {status: chr(ord("0") + number) for number, status in enumerate(Status)}


class BlockColumns(TypedDict):
    """A block by numbers: ``start`` is its first cell, ``places`` is None if no cell is missing."""

    scenario: int
    format: int
    start: int
    places: Sequence[int] | None


class PageData(NamedTuple):
    """``columns`` is read when the page opens, a chunk when one of its cells is chosen.

    The chunks are made one at a time.
    """

    columns: dict[str, Any]
    chunks: Iterator[Chunk]


def embed(data: object) -> str:
    """Return ``data`` as JSON that is safe in a script element, whatever its texts are."""
    text = json.dumps(data, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
    # `</script` would end the element, and U+2028 and U+2029 end a line in older JavaScript.
    for character in "<>&\u2028\u2029":
        text = text.replace(character, f"\\u{ord(character):04x}")
    return text.encode("utf-8", "replace").decode("utf-8")


def pack(chunk: object) -> str:
    """Return ``chunk`` as compressed JSON in letters and digits."""
    # The highest level: a page is written once, and opened and mailed often.
    # Base64, since the page is one file of text that needs no network.
    text = json.dumps(chunk, separators=(",", ":"), allow_nan=False)
    return base64.b64encode(zlib.compress(text.encode(), 9)).decode("ascii")


def page_data(
    results: Results,
    blocks: Sequence[Block],
    changes: Sequence[Change] = (),
    past: Sequence[RunSummary] = (),
) -> PageData:
    """Return the data for ``results``, with cells in the order of ``blocks``.

    ``past`` are earlier runs, oldest first.
    """
    size = len(results.environments)
    cells = [cell for block in blocks for cell in block.cells]
    columns = {
        "environments": [_environment(env) for env in results.environments],
        "eras": sorted(eras(results)),
        "scenarios": [scenario.name for scenario in results.scenarios],
        "formats": list(results.formats),
        "statuses": [
            {"id": status.value, "severity": SEVERITY.get(status, NONE), **look._asdict()}
            for status, look in LOOKS.items()
        ],
        "status_sets": {
            "loads_or_drifts": sorted(LOADS_OR_DRIFTS),
            "says_nothing": sorted(SAYS_NOTHING),
            "inconclusive": sorted(INCONCLUSIVE),
            "fixable": sorted(FIXABLE),
        },
        "mark": REPAIRED,
        "unsteady": FLAKY,
        "files": results.of_files,
        **_file_columns(results),
        "commands": _commands(results),
        "causes": {
            cause.slug: {
                **cause.model_dump(mode="json", include={"story", "what", "advice", "sources"}),
                "page": cause_page(cause.slug),
            }
            for cause in results.causes
        },
        "remedies": {
            info.id: info.model_dump(mode="json", exclude={"id"}) for info in results.remedies
        },
        "changes": _changes(cells, changes),
        "inferred": _inferred(results, cells),
        "expected": {
            number: {"verdict": cell.expected, "expectation": cell.expectation}
            for number, cell in enumerate(cells)
            if cell.expected
        },
        "expectations": [
            expectation.model_dump(mode="json", include={"where", "status", "reason", "link"})
            for expectation in results.expectations
        ],
        "runs": [f"{run.started:%Y-%m-%d %H:%M}" for run in past],
        "flaky": [number for number, cell in enumerate(cells) if cell.flaky],
        "blocks": list(_block_columns(results, blocks, size)),
        "chunk": CHUNK,
        **_cell_columns(cells),
    }
    sides = {environment.name: side_of(environment) for environment in results.environments}
    chunks = (
        make_chunk(cells[start : start + CHUNK], past, sides)
        for start in range(0, len(cells), CHUNK)
    )
    return PageData(columns, chunks)


def _file_columns(results: Results) -> dict[str, Any]:
    """Return the facts of every file of a user, by the number of its scenario."""
    if not results.of_files:
        return {"paths": [], "writers": [], "fixed": [], "fixed_for": None}
    return {
        "paths": [scenario.file or scenario.name for scenario in results.scenarios],
        "writers": [scenario.written_by for scenario in results.scenarios],
        "fixed": [
            {
                "path": scenario.fixed.path,
                "by": made_with(scenario.fixed),
                "lost": "; ".join(scenario.fixed.lost) or NOTHING,
            }
            if scenario.fixed
            else None
            for scenario in results.scenarios
        ],
        "fixed_for": results.candidate,
    }


def _commands(results: Results) -> dict[str, Any]:
    """Return the parts of commands that the script completes with a file and versions."""
    commands = Commands(results)
    return {
        "options": commands.options,
        "check": commands.check([]) if commands.is_check else None,
        "is_fixing": commands.is_fixing,
    }


def _changes(cells: Sequence[CellResult], changes: Sequence[Change]) -> dict[int, str]:
    """Return the changes since a baseline by the number of the cell."""
    kinds = {
        (change.scenario, change.format, change.saved_with, change.loaded_with): change.kind.value
        for change in changes
    }
    kind_of = ((number, kinds.get(cell_of(cell))) for number, cell in enumerate(cells))
    return {number: kind for number, kind in kind_of if kind is not None}


def _inferred(results: Results, cells: Sequence[CellResult]) -> dict[int, int]:
    """Return the environments whose file was loaded instead, by the number of the cell."""
    places = {environment.name: place for place, environment in enumerate(results.environments)}
    source_of = ((number, cell.inferred_from) for number, cell in enumerate(cells))
    return {number: places[source] for number, source in source_of if source is not None}


def eras(results: Results) -> frozenset[int]:
    """Return the environments whose Keras major version differs from the one before."""
    majors = [environment.keras_major for environment in results.environments]
    return frozenset(
        number
        for number, (major, following) in enumerate(pairwise(majors), start=1)
        if major != following
    )


def _block_columns(results: Results, blocks: Iterable[Block], size: int) -> Iterator[BlockColumns]:
    """Yield the columns of each block."""
    scenarios = {scenario.name: number for number, scenario in enumerate(results.scenarios)}
    formats = {name: number for number, name in enumerate(results.formats)}
    start = 0
    for block in blocks:
        # Most blocks have a cell for every pair, so their places need not be listed.
        whole = len(block.places) == size**2
        places = None if whole else block.places
        yield {
            "scenario": scenarios[block.scenario],
            "format": formats[block.format],
            "start": start,
            "places": places,
        }
        start += len(block.cells)


def _environment(environment: EnvironmentResult) -> dict[str, Any]:
    notes = release_notes(environment)
    return {
        **environment.model_dump(mode="json", include={"name", "python", "packages", "variables"}),
        "notes": notes[0].address if notes else None,
    }


def _cell_columns(cells: Sequence[CellResult]) -> dict[str, Any]:
    """Return the facts of every cell, with numbers for texts, each of which is there once."""
    causes, helps, losses, summaries, faults = (Table() for _ in range(5))
    differences: dict[int, Any] = {}
    fault_at: dict[int, int] = {}
    for number, cell in enumerate(cells):
        if cell.max_abs_diff:
            differences[number] = plain_number(cell.max_abs_diff)
        if (fault := fault_of(cell)) is not None:
            fault_at[number] = faults.index(fault)
    return {
        "status": "".join(CODES[cell.status] for cell in cells),
        "cause": [NONE if cell.cause is None else causes.index(cell.cause) for cell in cells],
        "help": [
            NONE
            if (remedy := cell.repaired_by) is None
            else helps.index((remedy.id, gives_up(cell)))
            for cell in cells
        ],
        "lost": [losses.index("; ".join(cell.lost)) if cell.lost else NONE for cell in cells],
        "summary": [summaries.index(_brief(cell.summary)) for cell in cells],
        # Rounded: most of the digits are noise, and they do not compress.
        "seconds": [NONE if cell.seconds is None else round(cell.seconds, 2) for cell in cells],
        "differences": differences,
        "slugs": causes.entries,
        "helps": [fix for fix, _ in helps.entries],
        "help_losses": [lost for _, lost in helps.entries],
        "fault": fault_at,
        "faults": faults.entries,
        "code_errors": [number for number, cell in enumerate(cells) if is_code_error(cell)],
        "losses": losses.entries,
        "summaries": summaries.entries,
    }


def _brief(text: str) -> str:
    return text if len(text) <= LONGEST_SUMMARY else f"{text[: LONGEST_SUMMARY - 1]}…"
