"""The page: one file that needs no network, under a policy that lets nothing else in.

Tables are rendered here, so they can be read without a script; details are data that the script
shows as text. What comes from experiments (names, messages, logs) is hostile until escaped.
"""

from __future__ import annotations

import base64
import hashlib
import json
import math
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib import resources
from itertools import pairwise
from typing import Any, NamedTuple

import pandas as pd
from jinja2 import Environment as Templates
from jinja2 import PackageLoader, StrictUndefined
from markupsafe import Markup

from kerasmatrix.formats import FORMATS
from kerasmatrix.outcome import Culprit, ErrorReport, Status
from kerasmatrix.repair import REPAIRABLE
from kerasmatrix.report.appearance import LOOKS, REPAIRED
from kerasmatrix.report.frame import block_grid, cell_frame, count_statuses, overview
from kerasmatrix.results import (
    CellResult,
    RemedyResult,
    Results,
    ScenarioResult,
    SideResult,
)

__all__ = ["page_data", "render_html"]

BAR_WIDTH = 48
# With more columns than this there is room for glyphs only.
ROOM_FOR_WORDS = 12
# Characters of one text that the page shows; results.json has the rest.
LONGEST_TEXT = 24_000
LONGEST_NOTE = 240
SAYS_NOTHING = {Status.UNSUPPORTED, Status.INFRA, Status.NOT_RUN}

# Characters that act on a terminal, or that reorder or hide text, are shown as what they are.
# script.js does the same to what it shows.
ACTING = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff]"
)


def render_html(results: Results, frame: pd.DataFrame | None = None) -> str:
    """Return ``results`` as one HTML page.

    Args:
        results: what to show.
        frame: `cell_frame` of ``results``, if the caller has it.
    """
    frame = cell_frame(results) if frame is None else frame
    style, script = _asset("style.css"), _asset("script.js")
    templates = Templates(
        loader=PackageLoader("kerasmatrix.report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=_finalize,
    )
    names = [environment.name for environment in results.environments]
    return templates.get_template("index.html.j2").render(
        results=results,
        names=names,
        eras=_eras(results),
        troubles={
            environment.name: _first_line(environment.trouble)
            for environment in results.environments
            if environment.trouble
        },
        looks=LOOKS,
        mark=REPAIRED,
        statuses=count_statuses(frame),
        overview=_bars(overview(frame), _repaired(results)),
        broken=sum(cell.status in REPAIRABLE for cell in results.cells),
        repaired=sum(cell.repaired_by is not None for cell in results.cells),
        sections=list(_sections(results, frame)),
        wordy=len(names) <= ROOM_FOR_WORDS,
        policy=f"default-src 'none'; base-uri 'none'; form-action 'none'; "
        f"style-src {_source(style)}; script-src {_source(script)}",
        style=Markup(style),  # noqa: S704 - our own file
        script=Markup(script),  # noqa: S704 - our own file
        data=Markup(_embed(page_data(results))),  # noqa: S704 - made safe by _embed
    )


def page_data(results: Results) -> dict[str, Any]:
    """Return what the script needs to show any cell; each text, and each line, is there once.

    A text of several lines is a list of places in ``lines``: tracebacks share most of theirs.
    """
    lines = _Table()
    texts = _Table()
    errors = _Table()
    sides = _Table()
    remedies = _Table()
    faults = _Table()

    # A save is a side of all cells of its row.
    measured: dict[tuple[object, float, str], int] = {}
    known: dict[str, int] = {}  # most cells say what others said

    def text(value: str) -> int:
        place = known.get(value)
        if place is None:
            short = _shorten(value)
            several = "\n" in short
            entry = [lines.index(line) for line in short.split("\n")] if several else short
            place = known[value] = texts.index(entry)
        return place

    def error(report: ErrorReport | None) -> int | None:
        if report is None:
            return None
        links = report.chain or (report,)
        chain = [[text(link.type), text(link.message)] for link in links]
        return errors.index([chain, text(report.traceback)])

    def side(found: SideResult | None) -> int | None:
        if found is None:
            return None
        timings = {name: _number(value) for name, value in found.timings.items()}
        memory = None if found.peak_memory_mb is None else _number(found.peak_memory_mb, places=0)
        key = (found.measured_at, found.seconds, found.log)
        place = measured.get(key)
        if place is not None:
            return place
        when = f"{found.measured_at:%Y-%m-%d %H:%M:%S} UTC"
        place = measured[key] = sides.index(
            [found.ended, found.stage, _number(found.seconds), memory, timings, text(found.log),
             when]
        )  # fmt: skip
        return place

    def remedy(tried: RemedyResult) -> int:
        return remedies.index(
            [tried.id, tried.status, text(tried.summary), [text(what) for what in tried.lost],
             [text(what) for what in tried.did], list(tried.hops)]
        )  # fmt: skip

    def fault(culprit: Culprit) -> int:
        return faults.index(
            [culprit.layer, culprit.class_name, list(culprit.keys), text(culprit.error)]
        )

    cells = [
        [
            text(cell.scenario),
            text(cell.format),
            text(cell.saved_with),
            text(cell.loaded_with),
            cell.status.value,
            text(cell.summary),
            cell.cause,
            error(cell.error),
            [text(what) for what in cell.lost],
            _number(cell.max_abs_diff, places=None),
            _number(cell.max_abs_reference, places=None),
            cell.weights_equal,
            None if cell.artifact is None else text(cell.artifact),
            side(cell.save),
            side(cell.load),
            None if cell.culprits is None else [fault(culprit) for culprit in cell.culprits],
            [remedy(tried) for tried in cell.remedies],
        ]
        for cell in results.cells
    ]
    return {
        "environments": [
            environment.model_dump(mode="json") for environment in results.environments
        ],
        "looks": {status.value: look._asdict() for status, look in LOOKS.items()},
        "mark": REPAIRED,
        "engine": results.run.engine,
        "causes": {
            cause.slug: cause.model_dump(mode="json", include={"story", "what", "advice"})
            for cause in results.causes
        },
        "remedies": {
            info.id: info.model_dump(mode="json", exclude={"id"}) for info in results.remedies
        },
        "attempts": remedies.entries,
        "faults": faults.entries,
        "lines": lines.entries,
        "texts": texts.entries,
        "errors": errors.entries,
        "sides": sides.entries,
        "cells": cells,
    }


class Square(NamedTuple):
    """A cell in a block. ``number`` is its place in ``results.cells``."""

    number: int
    cell: CellResult
    classes: str


class Row(NamedTuple):
    """A row of a block: None where the run has no such cell."""

    saved_with: str
    unsaved: bool
    squares: list[Square | None]


class Note(NamedTuple):
    """What a block says as a whole, in a sentence; ``rows`` are those it speaks of, if not all."""

    rows: list[str]
    status: Status
    text: str


@dataclass(frozen=True)
class Block:
    """One matrix: a scenario in a format."""

    format: str
    title: str
    rows: list[Row]
    counts: Mapping[Status, int]
    notes: list[Note]


class Bar(NamedTuple):
    """One pair's cells. ``parts`` are (status, x, width, count) in units of `BAR_WIDTH`."""

    parts: list[tuple[Status, float, float, int]]
    passed: int
    measured: int
    repaired: int


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


def _sections(
    results: Results, frame: pd.DataFrame
) -> Iterator[tuple[ScenarioResult, list[Block]]]:
    """Yield each scenario that has cells, with its blocks."""
    present = set(zip(frame["scenario"], frame["format"], strict=True))
    eras = _eras(results)
    for scenario in results.scenarios:
        blocks = [
            _block(results, form, block_grid(frame, scenario.name, form), eras)
            for form in results.formats
            if (scenario.name, form) in present
        ]
        if blocks:
            yield scenario, blocks


def _block(results: Results, form: str, grid: pd.DataFrame, eras: frozenset[str]) -> Block:
    names = list(grid.columns)
    rows: list[Row] = []
    counts: dict[Status, int] = {}
    for saved, places in zip(grid.index, grid.to_numpy(dtype=object), strict=True):
        squares: list[Square | None] = []
        for loaded, place in zip(names, places, strict=True):
            if place is pd.NA:
                squares.append(None)
                continue
            cell = results.cells[int(place)]
            counts[cell.status] = counts.get(cell.status, 0) + 1
            classes = [cell.status.value]
            if saved == loaded:
                classes.append("diagonal")
            if cell.repaired_by:
                classes.append("repaired")
            if loaded in eras:
                classes.append("era")
            squares.append(Square(int(place), cell, " ".join(classes)))
        found = {square.cell.status for square in squares if square}
        rows.append(Row(str(saved), found == {Status.SAVE_FAILED}, squares))
    return Block(
        format=form,
        title=FORMATS[form].title if form in FORMATS else form,
        rows=rows,
        counts={status: counts[status] for status in Status if status in counts},
        notes=_notes(rows, counts),
    )


def _notes(rows: list[Row], counts: Mapping[Status, int]) -> list[Note]:
    """Return what need not be read cell by cell: a block all alike, rows that were never saved."""
    if len(counts) == 1:
        cells = [square.cell for row in rows for square in row.squares if square]
        summaries = {cell.summary for cell in cells}
        text = summaries.pop() if len(summaries) == 1 else ""
        return [Note([], cells[0].status, _first_line(text))]
    unsaved: dict[str, list[str]] = {}
    for row in rows:
        first = next((square.cell for square in row.squares if square), None)
        if row.unsaved and first:
            unsaved.setdefault(_first_line(first.summary), []).append(row.saved_with)
    return [Note(names, Status.SAVE_FAILED, text) for text, names in unsaved.items()]


def _eras(results: Results) -> frozenset[str]:
    """Return the environments whose Keras has another major version than the one before."""
    return frozenset(
        later.name
        for earlier, later in pairwise(results.environments)
        if earlier.keras_major != later.keras_major
    )


def _repaired(results: Results) -> Mapping[tuple[str, str], int]:
    """Return how many cells of each pair have a verified remedy."""
    return Counter(
        (cell.saved_with, cell.loaded_with) for cell in results.cells if cell.repaired_by
    )


def _bars(
    counts: Mapping[tuple[str, str], Mapping[Status, int]],
    repaired: Mapping[tuple[str, str], int],
) -> dict[tuple[str, str], Bar]:
    """Return each pair's stacked bar."""
    bars = {}
    for pair, found in counts.items():
        total = sum(found.values())
        x = 0.0
        parts = []
        for status, number in found.items():
            width = BAR_WIDTH * number / total
            parts.append((status, round(x, 2), round(width, 2), number))
            x += width
        silent = sum(found.get(status, 0) for status in SAYS_NOTHING)
        passed = found.get(Status.PASS, 0)
        bars[pair] = Bar(parts, passed, total - silent, repaired.get(pair, 0))
    return bars


def _finalize(value: object) -> object:
    """Make visible what a template would print unseen. Markup is our own."""
    if not isinstance(value, str) or isinstance(value, Markup):
        return value
    return ACTING.sub(lambda found: f"\\u{ord(found[0]):04x}", value)


def _first_line(text: str) -> str:
    line = next(iter(text.strip().splitlines()), "")
    return line if len(line) <= LONGEST_NOTE else f"{line[: LONGEST_NOTE - 1]}…"


def _shorten(text: str) -> str:
    """Cut the middle out of a very long text, and say so."""
    if len(text) <= LONGEST_TEXT:
        return text
    head, tail = LONGEST_TEXT * 2 // 3, LONGEST_TEXT // 3
    left_out = len(text) - head - tail
    note = f"[… {left_out} characters left out here; results.json has them …]"
    return f"{text[:head]}\n{note}\n{text[-tail:]}"


def _number(value: float | None, places: int | None = 4) -> float | str | None:
    """Return ``value`` rounded; NaN and the infinities, which JSON lacks, as words."""
    if value is None:
        return None
    if not math.isfinite(value):
        return str(value)
    return value if places is None else round(value, places or None)


def _asset(name: str) -> str:
    return resources.files("kerasmatrix.report").joinpath("templates", name).read_text("utf-8")


def _source(text: str) -> str:
    """Return the policy's name for an inline text: its hash."""
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


def _embed(data: object) -> str:
    """Return ``data`` as JSON that can stand in a script element, whatever is in it."""
    text = json.dumps(data, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
    for character in "<>&\u2028\u2029":
        text = text.replace(character, f"\\u{ord(character):04x}")
    return text.encode("utf-8", "replace").decode("utf-8")
