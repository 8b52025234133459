"""What the page's script is given: a column per fact, and details in compressed chunks.

The columns say what every cell is, so the matrices, the filters and the upgrade's answer need
nothing else. What a cell's panel shows is read from its chunk when it is asked for: a run of a
hundred thousand cells opens as fast as its columns. Pure.
"""

from __future__ import annotations

import base64
import json
import math
import zlib
from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise
from typing import Any, NamedTuple

from kerasmatrix.analysis.compare import Change
from kerasmatrix.report.blocks import Block
from kerasmatrix.report.symbols import FLAKY, LOOKS, REPAIRED
from kerasmatrix.results.cells import cell_of
from kerasmatrix.results.history import PastRun, Span, past_of
from kerasmatrix.results.observations import Culprit, ErrorReport, Status
from kerasmatrix.results.release_notes import release_notes
from kerasmatrix.results.schema import (
    CellResult,
    EnvironmentResult,
    PredictionResult,
    RemedyResult,
    Results,
    SideResult,
)

__all__ = ["PageData", "embed", "eras", "pack", "page_data"]

# Cells in one chunk: a few hundred kilobytes, unpacked in some tens of milliseconds.
CHUNK = 4096
# Characters of one text that the page shows; results.json has the rest.
LONGEST_TEXT = 24_000
# ... and of a summary that stands in the columns, where the filter looks for text.
LONGEST_SUMMARY = 240
NONE = -1
# A character for each: the digits, and what follows them in ASCII.
CODES = {status: chr(ord("0") + number) for number, status in enumerate(Status)}


class PageData(NamedTuple):
    """``columns`` is read when the page opens; each of ``chunks`` when one of its cells does.

    The chunks are made one at a time, as they are asked for.
    """

    columns: dict[str, Any]
    chunks: Iterator[dict[str, Any]]


def embed(data: object) -> str:
    """Return ``data`` as JSON that can stand in a script element, whatever is in it."""
    text = json.dumps(data, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
    for character in "<>&\u2028\u2029":
        text = text.replace(character, f"\\u{ord(character):04x}")
    return text.encode("utf-8", "replace").decode("utf-8")


def pack(chunk: object) -> str:
    """Return ``chunk`` as compressed JSON in letters and digits."""
    text = json.dumps(chunk, separators=(",", ":"), allow_nan=False)
    return base64.b64encode(zlib.compress(text.encode(), 6)).decode("ascii")


def page_data(
    results: Results,
    blocks: Sequence[Block],
    changes: Sequence[Change] = (),
    past: Sequence[PastRun] = (),
) -> PageData:
    """Return what the page shows of ``results``, whose cells are in the order of ``blocks``.

    ``past`` are the runs before, oldest first.
    """
    size = len(results.environments)
    cells = [cell for block in blocks for cell in block.cells]
    columns = {
        "environments": [_environment(told) for told in results.environments],
        "eras": sorted(eras(results)),
        "scenarios": [scenario.name for scenario in results.scenarios],
        "formats": list(results.formats),
        "statuses": [{"id": status.value, **look._asdict()} for status, look in LOOKS.items()],
        "upgrade": [results.current, results.candidate],
        "mark": REPAIRED,
        "unsteady": FLAKY,
        "files": results.of_files,
        "engine": results.run.engine,
        "causes": {
            cause.slug: cause.model_dump(mode="json", include={"story", "what", "advice"})
            for cause in results.causes
        },
        "remedies": {
            info.id: info.model_dump(mode="json", exclude={"id"}) for info in results.remedies
        },
        "changes": _changes(cells, changes),
        "inferred": _inferred(results, cells),
        "expected": {
            number: [cell.expected, cell.expectation]
            for number, cell in enumerate(cells)
            if cell.expected
        },
        "expectations": [
            told.model_dump(mode="json", include={"where", "status", "reason", "link"})
            for told in results.expectations
        ],
        "runs": [f"{run.started:%Y-%m-%d %H:%M}" for run in past],
        "flaky": [number for number, cell in enumerate(cells) if cell.flaky],
        "blocks": list(_block_columns(results, blocks, size)),
        "chunk": CHUNK,
        **_cell_columns(cells),
    }
    chunks = (_chunk(cells[start : start + CHUNK], past) for start in range(0, len(cells), CHUNK))
    return PageData(columns, chunks)


def _changes(cells: Sequence[CellResult], changes: Sequence[Change]) -> dict[int, str]:
    """Return how cells changed since a baseline, by their number."""
    kinds = {
        (change.scenario, change.format, change.saved_with, change.loaded_with): change.kind.value
        for change in changes
    }
    found = ((number, kinds.get(cell_of(cell))) for number, cell in enumerate(cells))
    return {number: kind for number, kind in found if kind is not None}


def _inferred(results: Results, cells: Sequence[CellResult]) -> dict[int, int]:
    """Return whose file was loaded in the place of a cell's own, as numbers by its number."""
    places = {environment.name: place for place, environment in enumerate(results.environments)}
    found = ((number, cell.inferred_from) for number, cell in enumerate(cells))
    return {number: places[source] for number, source in found if source is not None}


def eras(results: Results) -> frozenset[int]:
    """Return the environments whose Keras has another major version than the one before."""
    majors = [environment.keras_major for environment in results.environments]
    return frozenset(
        number for number, (one, next_) in enumerate(pairwise(majors), start=1) if one != next_
    )


def _block_columns(
    results: Results, blocks: Iterable[Block], size: int
) -> Iterator[tuple[int, int, int, Sequence[int] | None]]:
    """Yield (scenario, format, its first cell, its places), all as numbers, for each block.

    None for the places says that all are there.
    """
    scenarios = {scenario.name: number for number, scenario in enumerate(results.scenarios)}
    formats = {name: number for number, name in enumerate(results.formats)}
    start = 0
    for block in blocks:
        whole = len(block.places) == size**2
        places = None if whole else block.places
        yield scenarios[block.scenario], formats[block.format], start, places
        start += len(block.cells)


def _environment(told: EnvironmentResult) -> dict[str, Any]:
    notes = release_notes(told)
    return {
        **told.model_dump(mode="json", include={"name", "python", "packages", "variables"}),
        "notes": notes[0].address if notes else None,
    }


def _cell_columns(cells: Sequence[CellResult]) -> dict[str, Any]:
    """Return what every cell is: numbers stand for texts, which are each there once."""
    causes, helps, losses, summaries = (_Table() for _ in range(4))
    differences = {}
    for number, cell in enumerate(cells):
        if cell.max_abs_diff:
            differences[number] = [
                _number(cell.max_abs_diff, None), _number(cell.max_abs_reference, None)
            ]  # fmt: skip
    return {
        "status": "".join(CODES[cell.status] for cell in cells),
        "cause": [NONE if cell.cause is None else causes.index(cell.cause) for cell in cells],
        "help": [
            NONE if (remedy := cell.repaired_by) is None else helps.index(remedy.id)
            for cell in cells
        ],
        "lost": [losses.index("; ".join(cell.lost)) if cell.lost else NONE for cell in cells],
        "summary": [summaries.index(_brief(cell.summary)) for cell in cells],
        "seconds": [NONE if cell.seconds is None else round(cell.seconds, 2) for cell in cells],
        "differences": differences,
        "slugs": causes.entries,
        "helps": helps.entries,
        "losses": losses.entries,
        "summaries": summaries.entries,
    }


def _chunk(cells: Iterable[CellResult], past: Sequence[PastRun]) -> dict[str, Any]:
    """Return the details of some cells; each text, and each line of several, is there once."""
    tables = _Details()
    rows = [tables.row(cell, past_of(cell_of(cell), past)) for cell in cells]
    return {"cells": rows, **tables.entries()}


class _Table:
    """Values that are each kept once."""

    def __init__(self) -> None:
        self.entries: list[Any] = []
        self._places: dict[str, int] = {}

    def index(self, value: Any) -> int:  # noqa: ANN401 - JSON
        """Return the place of ``value``, which is given one if it has none."""
        # A list is written with a bracket first, so none has the key of a text.
        key = f"text:{value}" if isinstance(value, str) else repr(value)
        place = self._places.setdefault(key, len(self.entries))
        if place == len(self.entries):
            self.entries.append(value)
        return place


class _Details:
    """The tables of one chunk. A text of several lines is a list of places in ``lines``."""

    def __init__(self) -> None:
        self._lines, self._texts, self._errors, self._sides = (_Table() for _ in range(4))
        self._attempts, self._faults = _Table(), _Table()
        self._predictions, self._pasts = _Table(), _Table()
        self._known: dict[str, int] = {}  # most cells say what others said
        # A save is a side of all cells of its row.
        self._measured: dict[tuple[object, float, str], int] = {}

    def entries(self) -> dict[str, list[Any]]:
        """Return the tables by name."""
        return {
            "lines": self._lines.entries,
            "texts": self._texts.entries,
            "errors": self._errors.entries,
            "sides": self._sides.entries,
            "attempts": self._attempts.entries,
            "faults": self._faults.entries,
            "predictions": self._predictions.entries,
            "pasts": self._pasts.entries,
        }

    def row(self, cell: CellResult, past: Sequence[Span]) -> list[Any]:
        """Return what the panel shows of ``cell`` beyond the columns."""
        return [
            self._text(cell.summary) if len(cell.summary) > LONGEST_SUMMARY else None,
            self._error(cell.error),
            [self._text(what) for what in cell.lost],
            _number(cell.max_abs_diff, None),
            _number(cell.max_abs_reference, None),
            cell.weights_equal,
            cell.artifact,
            self._side(cell.save),
            self._side(cell.load),
            None if cell.culprits is None else [self._fault(fault) for fault in cell.culprits],
            [self._attempt(tried) for tried in cell.remedies],
            self._prediction(cell.prediction),
            [
                [again.status.value, again.cause, again.remedy, self._text(again.summary)]
                for again in cell.retries
            ],
            self._past(past),
            [self._text(what) for what in cell.not_compared],
        ]

    def _past(self, spans: Sequence[Span]) -> int | None:
        told = [
            [first, last, runs, did.status.value, did.cause, did.remedy, did.flaky]
            for first, last, runs, did in spans
        ]
        return self._pasts.index(told) if told else None

    def _text(self, value: str) -> int:
        place = self._known.get(value)
        if place is None:
            short = _shorten(value)
            several = "\n" in short
            entry = [self._lines.index(line) for line in short.split("\n")] if several else short
            place = self._known[value] = self._texts.index(entry)
        return place

    def _error(self, report: ErrorReport | None) -> int | None:
        if report is None:
            return None
        links = report.chain or (report,)
        chain = [[self._text(link.type), self._text(link.message)] for link in links]
        return self._errors.index([chain, self._text(report.traceback)])

    def _side(self, found: SideResult | None) -> int | None:
        if found is None:
            return None
        key = (found.measured_at, found.seconds, found.log)
        place = self._measured.get(key)
        if place is not None:
            return place
        memory = None if found.peak_memory_mb is None else _number(found.peak_memory_mb, 0)
        timings = {name: _number(value, 4) for name, value in found.timings.items()}
        when = f"{found.measured_at:%Y-%m-%d %H:%M:%S} UTC"
        place = self._measured[key] = self._sides.index(
            [found.ended, found.stage, _number(found.seconds, 4), memory, timings,
             self._text(found.log), when, [self._text(told) for told in found.retried]]
        )  # fmt: skip
        return place

    def _attempt(self, tried: RemedyResult) -> int:
        return self._attempts.index(
            [tried.id, tried.status, self._text(tried.summary),
             [self._text(what) for what in tried.lost], [self._text(what) for what in tried.did],
             list(tried.hops)]
        )  # fmt: skip

    def _prediction(self, told: PredictionResult | None) -> int | None:
        if told is None:
            return None
        return self._predictions.index(
            [told.status, told.cause, told.remedy, told.rule, told.confidence]
        )

    def _fault(self, culprit: Culprit) -> int:
        return self._faults.index(
            [culprit.layer, culprit.class_name, list(culprit.keys), self._text(culprit.error)]
        )


def _brief(text: str) -> str:
    return text if len(text) <= LONGEST_SUMMARY else f"{text[: LONGEST_SUMMARY - 1]}…"


def _shorten(text: str) -> str:
    """Cut the middle out of a very long text, and say so."""
    if len(text) <= LONGEST_TEXT:
        return text
    head, tail = LONGEST_TEXT * 2 // 3, LONGEST_TEXT // 3
    left_out = len(text) - head - tail
    note = f"[… {left_out} characters left out here; results.json has them …]"
    return f"{text[:head]}\n{note}\n{text[-tail:]}"


def _number(value: float | None, places: int | None) -> float | str | None:
    """Return ``value`` rounded; NaN and the infinities, which JSON lacks, as words."""
    if value is None:
        return None
    if not math.isfinite(value):
        return str(value)
    return value if places is None else round(value, places or None)
