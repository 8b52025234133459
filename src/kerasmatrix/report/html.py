"""The page: one file that needs no network, under a policy that lets nothing else in.

Tables are rendered here, so they can be read without a script; details are data that the script
shows as text. What comes from experiments (names, messages, logs) is hostile until escaped.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib import resources
from itertools import groupby
from typing import Any

import pandas as pd
from jinja2 import Environment as Templates
from jinja2 import PackageLoader, StrictUndefined
from markupsafe import Markup

from kerasmatrix.formats import FORMATS
from kerasmatrix.outcome import ErrorReport, Status
from kerasmatrix.report.appearance import LOOKS
from kerasmatrix.report.frame import cell_frame, count_statuses, overview
from kerasmatrix.results import CellResult, Results, SideResult

__all__ = ["page_data", "render_html"]

BAR_WIDTH = 48
# With more columns than this there is room for glyphs only.
ROOM_FOR_WORDS = 12


def render_html(results: Results, frame: pd.DataFrame | None = None) -> str:
    """Return ``results`` as one HTML page."""
    frame = cell_frame(results) if frame is None else frame
    style, script = _asset("style.css"), _asset("script.js")
    templates = Templates(
        loader=PackageLoader("kerasmatrix.report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    names = [environment.name for environment in results.environments]
    return templates.get_template("index.html.j2").render(
        results=results,
        names=names,
        looks=LOOKS,
        statuses=count_statuses(frame),
        overview=_bars(overview(frame)),
        sections=list(_sections(results)),
        wordy=len(names) <= ROOM_FOR_WORDS,
        policy=f"default-src 'none'; base-uri 'none'; form-action 'none'; "
        f"style-src {_source(style)}; script-src {_source(script)}",
        style=Markup(style),  # noqa: S704 - our own file
        script=Markup(script),  # noqa: S704 - our own file
        data=Markup(_embed(page_data(results))),  # noqa: S704 - made safe by _embed
    )


@dataclass(frozen=True)
class Block:
    """One matrix: a scenario in a format. ``rows`` pair a name with (index, cell) pairs."""

    format: str
    title: str
    rows: list[tuple[str, list[tuple[int, CellResult]]]]
    counts: Mapping[Status, int]


def page_data(results: Results) -> dict[str, Any]:
    """Return what the script needs to show any cell; each text is there once."""
    texts = _Table()
    errors = _Table()
    sides = _Table()

    def error(report: ErrorReport | None) -> int | None:
        if report is None:
            return None
        chain = [[link.type, texts.index(link.message)] for link in report.chain]
        return errors.index(
            {
                "type": report.type,
                "message": texts.index(report.message),
                "chain": chain,
                "traceback": texts.index(report.traceback),
            }
        )

    def side(found: SideResult | None) -> int | None:
        if found is None:
            return None
        shown = found.model_dump(mode="json", exclude={"log", "measured_at"})
        shown["timings"] = {name: round(value, 4) for name, value in found.timings.items()}
        shown["seconds"] = round(found.seconds, 4)
        shown["log"] = texts.index(found.log)
        shown["measured_at"] = f"{found.measured_at:%Y-%m-%d %H:%M:%S} UTC"
        return sides.index(shown)

    cells = [
        [
            cell.scenario,
            cell.format,
            cell.saved_with,
            cell.loaded_with,
            cell.status.value,
            texts.index(cell.summary),
            cell.cause,
            error(cell.error),
            list(cell.lost),
            cell.max_abs_diff,
            cell.weights_equal,
            cell.artifact,
            side(cell.save),
            side(cell.load),
        ]
        for cell in results.cells
    ]
    return {
        "environments": {
            environment.name: environment.model_dump(mode="json", exclude={"name"})
            for environment in results.environments
        },
        "looks": {status.value: look._asdict() for status, look in LOOKS.items()},
        "engine": results.run.engine,
        "causes": {
            cause.slug: cause.model_dump(mode="json", include={"story", "what", "remedies"})
            for cause in results.causes
        },
        "texts": texts.entries,
        "errors": errors.entries,
        "sides": sides.entries,
        "cells": cells,
    }


class _Table:
    """Values that are each kept once."""

    def __init__(self) -> None:
        self.entries: list[Any] = []
        self._places: dict[str, int] = {}

    def index(self, value: Any) -> int:  # noqa: ANN401 - JSON
        """Return the place of ``value``, which is given one if it has none."""
        key = json.dumps(value, sort_keys=True)
        if key not in self._places:
            self._places[key] = len(self.entries)
            self.entries.append(value)
        return self._places[key]


def _sections(results: Results) -> Iterator[tuple[Any, list[Block]]]:
    """Yield each scenario with its blocks."""
    told = {scenario.name: scenario for scenario in results.scenarios}
    numbered = enumerate(results.cells)
    for name, of_scenario in groupby(numbered, key=lambda pair: pair[1].scenario):
        blocks = []
        for form, of_format in groupby(of_scenario, key=lambda pair: pair[1].format):
            pairs = list(of_format)
            counts = {
                status: number
                for status in Status
                if (number := sum(cell.status is status for _, cell in pairs))
            }
            rows = [
                (saved, list(row))
                for saved, row in groupby(pairs, key=lambda pair: pair[1].saved_with)
            ]
            title = FORMATS[form].title if form in FORMATS else form
            blocks.append(Block(form, title, rows, counts))
        yield told[name], blocks


def _bars(
    counts: Mapping[tuple[str, str], Mapping[Status, int]],
) -> dict[tuple[str, str], list[tuple[Status, float, float, int]]]:
    """Return each pair's stacked bar: (status, x, width, count), in pixels of `BAR_WIDTH`."""
    bars = {}
    for pair, found in counts.items():
        total = sum(found.values())
        x = 0.0
        bar = []
        for status, number in found.items():
            width = BAR_WIDTH * number / total
            bar.append((status, round(x, 2), round(width, 2), number))
            x += width
        bars[pair] = bar
    return bars


def _asset(name: str) -> str:
    return resources.files("kerasmatrix.report").joinpath("templates", name).read_text("utf-8")


def _source(text: str) -> str:
    """Return the policy's name for an inline text: its hash."""
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


def _embed(data: object) -> str:
    """Return ``data`` as JSON that can stand in a script element, whatever is in it."""
    text = json.dumps(data, separators=(",", ":"), ensure_ascii=False)
    for character in "<>&\u2028\u2029":
        text = text.replace(character, f"\\u{ord(character):04x}")
    return text.encode("utf-8", "replace").decode("utf-8")
