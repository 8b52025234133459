"""The details of cells that the page's panel shows, in chunks. Pure.

A chunk has a table for each kind of value, and equal values are there once. The types below are
the schema that the page's script relies on; a field that ends in ``_ref`` or ``_refs`` holds
indices into the table of its kind.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, TypedDict

from kerasmatrix.analysis.upstream import said_of
from kerasmatrix.diagnosis.upstream import Side
from kerasmatrix.results.cells import cell_of
from kerasmatrix.results.history import RunSpan, RunSummary, history_of
from kerasmatrix.results.observations import Culprit, ErrorReport
from kerasmatrix.results.schema import (
    CellResult,
    PredictionResult,
    RemedyResult,
    SideResult,
)

__all__ = [
    "LONGEST_SUMMARY",
    "AttemptDetails",
    "CellDetails",
    "Chunk",
    "CulpritDetails",
    "ErrorDetails",
    "LinkDetails",
    "PredictionDetails",
    "RetryDetails",
    "SideDetails",
    "SpanDetails",
    "StatementDetails",
    "Table",
    "make_chunk",
    "plain_number",
]

# Characters of one text that the page shows; results.json has the rest.
LONGEST_TEXT = 24_000
# The columns hold summaries up to this length, for the filter of text; the details longer ones.
LONGEST_SUMMARY = 240

Number = float | str | None
# A text, or a text of several lines as indices into `Chunk.lines`.
Text = str | list[int]


class CellDetails(TypedDict):
    """The panel's content for a cell, beyond the columns."""

    summary_ref: int | None
    error_ref: int | None
    lost_refs: list[int]
    not_compared_refs: list[int]
    max_abs_diff: Number
    max_abs_reference: Number
    weights_equal: bool | None
    artifact: str | None
    save_ref: int | None
    load_ref: int | None
    culprit_refs: list[int]
    attempt_refs: list[int]
    prediction_ref: int | None
    retries: list[RetryDetails]
    history_ref: int | None
    statement_refs: list[int]


class StatementDetails(TypedDict):
    """What TensorFlow or Keras says of the cell."""

    words: str
    link: str


class RetryDetails(TypedDict):
    """Another attempt at the cell."""

    status: str
    cause: str | None
    remedy: str | None
    summary_ref: int


class LinkDetails(TypedDict):
    """One exception of a chain."""

    type_ref: int
    message_ref: int


class ErrorDetails(TypedDict):
    """An exception with its causes."""

    chain: list[LinkDetails]
    traceback_ref: int


class SideDetails(TypedDict):
    """The save or the load."""

    ended: str
    stage: str | None
    seconds: Number
    memory: Number
    timings: dict[str, Number]
    log_ref: int
    measured_at: str
    retried_refs: list[int]


class AttemptDetails(TypedDict):
    """A fix that was tried."""

    id: str
    status: str
    summary_ref: int
    did_refs: list[int]
    hops: list[str]


class PredictionDetails(TypedDict):
    """A prediction."""

    status: str
    cause: str | None
    remedy: str | None
    rule: str
    confidence: float


class CulpritDetails(TypedDict):
    """A part of the stored architecture that fails by itself."""

    layer: str | None
    class_name: str
    keys: list[str]
    error_ref: int


class SpanDetails(TypedDict):
    """Consecutive earlier runs with the same result; ``first`` and ``last`` are run numbers."""

    first: int
    last: int
    runs: int
    status: str
    cause: str | None
    remedy: str | None
    flaky: bool


class Chunk(TypedDict):
    """The details of consecutive cells, and the tables that they refer to."""

    cells: list[CellDetails]
    lines: list[str]
    texts: list[Text]
    errors: list[ErrorDetails]
    sides: list[SideDetails]
    attempts: list[AttemptDetails]
    culprits: list[CulpritDetails]
    predictions: list[PredictionDetails]
    histories: list[list[SpanDetails]]
    statements: list[StatementDetails]


def make_chunk(
    cells: Iterable[CellResult],
    past: Sequence[RunSummary],
    sides: Mapping[str, Side],
) -> Chunk:
    """Return the details of ``cells``.

    Args:
        cells: consecutive cells.
        past: the earlier runs, oldest first.
        sides: the environments of the run, by name: see `side_of`.
    """
    tables = _Tables(sides)
    rows = [tables.cell(cell, history_of(cell_of(cell), past)) for cell in cells]
    return tables.chunk(rows)


class Table:
    """Values, each stored once."""

    def __init__(self) -> None:
        self.entries: list[Any] = []
        self._indices: dict[str, int] = {}

    def index(self, value: str | Sequence[Any] | Mapping[str, Any]) -> int:
        """Return the index of ``value``, which is added if it is new."""
        # The representations of lists and dictionaries start with a bracket, so that none is
        # equal to the key of a text.
        key = f"text:{value}" if isinstance(value, str) else repr(value)
        index = self._indices.setdefault(key, len(self.entries))
        if index == len(self.entries):
            self.entries.append(value)
        return index


class _Tables:
    """The tables of one chunk."""

    def __init__(self, sides: Mapping[str, Side]) -> None:
        self._by_name = sides
        self._statements = Table()
        self._lines, self._texts, self._errors, self._sides = (Table() for _ in range(4))
        self._attempts, self._culprits = Table(), Table()
        self._predictions, self._histories = Table(), Table()
        # Most cells have texts of other cells.
        self._known_texts: dict[str, int] = {}
        # All cells of a row have the same save.
        self._known_sides: dict[tuple[object, float, str], int] = {}

    def chunk(self, rows: list[CellDetails]) -> Chunk:
        return {
            "cells": rows,
            "lines": self._lines.entries,
            "texts": self._texts.entries,
            "errors": self._errors.entries,
            "sides": self._sides.entries,
            "attempts": self._attempts.entries,
            "culprits": self._culprits.entries,
            "predictions": self._predictions.entries,
            "histories": self._histories.entries,
            "statements": self._statements.entries,
        }

    def cell(self, cell: CellResult, past: Sequence[RunSpan]) -> CellDetails:
        is_long = len(cell.summary) > LONGEST_SUMMARY
        return {
            "summary_ref": self._text(cell.summary) if is_long else None,
            "error_ref": self._error(cell.error),
            "lost_refs": self._all(cell.lost),
            "not_compared_refs": self._all(cell.not_compared),
            "max_abs_diff": plain_number(cell.max_abs_diff),
            "max_abs_reference": plain_number(cell.max_abs_reference),
            "weights_equal": cell.weights_equal,
            "artifact": cell.artifact,
            "save_ref": self._side(cell.save),
            "load_ref": self._side(cell.load),
            "culprit_refs": [self._culprit(culprit) for culprit in cell.culprits or ()],
            "attempt_refs": [self._attempt(attempt) for attempt in cell.remedies],
            "prediction_ref": self._prediction(cell.prediction),
            "retries": [
                {
                    "status": retry.status.value,
                    "cause": retry.cause,
                    "remedy": retry.remedy,
                    "summary_ref": self._text(retry.summary),
                }
                for retry in cell.retries
            ],
            "history_ref": self._history(past),
            "statement_refs": self._said(cell),
        }

    def _said(self, cell: CellResult) -> list[int]:
        if cell.cause is None:  # a cell that passes needs no explanation
            return []
        statements: list[StatementDetails] = [
            {"words": said.words, "link": said.statement.link}
            for said in said_of(cell, self._by_name)
        ]
        return [self._statements.index(statement) for statement in statements]

    def _history(self, spans: Sequence[RunSpan]) -> int | None:
        history: list[SpanDetails] = [
            {
                "first": first,
                "last": last,
                "runs": runs,
                "status": result.status.value,
                "cause": result.cause,
                "remedy": result.remedy,
                "flaky": result.flaky,
            }
            for first, last, runs, result in spans
        ]
        return self._histories.index(history) if history else None

    def _all(self, texts: Iterable[str]) -> list[int]:
        return [self._text(text) for text in texts]

    def _text(self, value: str) -> int:
        index = self._known_texts.get(value)
        if index is None:
            short = _shorten(value)
            several = "\n" in short
            entry = [self._lines.index(line) for line in short.split("\n")] if several else short
            index = self._known_texts[value] = self._texts.index(entry)
        return index

    def _error(self, report: ErrorReport | None) -> int | None:
        if report is None:
            return None
        chain: list[LinkDetails] = [
            {"type_ref": self._text(link.type), "message_ref": self._text(link.message)}
            for link in report.chain or (report,)
        ]
        error: ErrorDetails = {"chain": chain, "traceback_ref": self._text(report.traceback)}
        return self._errors.index(error)

    def _side(self, result: SideResult | None) -> int | None:
        if result is None:
            return None
        key = (result.measured_at, result.seconds, result.log)
        if key not in self._known_sides:
            side: SideDetails = {
                "ended": result.ended,
                "stage": result.stage,
                "seconds": plain_number(result.seconds, 4),
                "memory": plain_number(result.peak_memory_mb, 0),
                "timings": {name: plain_number(value, 4) for name, value in result.timings.items()},
                "log_ref": self._text(result.log),
                "measured_at": f"{result.measured_at:%Y-%m-%d %H:%M:%S} UTC",
                "retried_refs": self._all(result.retried),
            }
            self._known_sides[key] = self._sides.index(side)
        return self._known_sides[key]

    def _attempt(self, result: RemedyResult) -> int:
        attempt: AttemptDetails = {
            "id": result.id,
            "status": result.status,
            "summary_ref": self._text(result.summary),
            "did_refs": self._all(result.did),
            "hops": list(result.hops),
        }
        return self._attempts.index(attempt)

    def _prediction(self, result: PredictionResult | None) -> int | None:
        if result is None:
            return None
        prediction: PredictionDetails = {
            "status": result.status,
            "cause": result.cause,
            "remedy": result.remedy,
            "rule": result.rule,
            "confidence": result.confidence,
        }
        return self._predictions.index(prediction)

    def _culprit(self, result: Culprit) -> int:
        culprit: CulpritDetails = {
            "layer": result.layer,
            "class_name": result.class_name,
            "keys": list(result.keys),
            "error_ref": self._text(result.error),
        }
        return self._culprits.index(culprit)


def _shorten(text: str) -> str:
    """Cut the middle out of a very long text, and say so."""
    if len(text) <= LONGEST_TEXT:
        return text
    head, tail = LONGEST_TEXT * 2 // 3, LONGEST_TEXT // 3
    left_out = len(text) - head - tail
    note = f"[… {left_out} characters left out here; results.json has them …]"
    return f"{text[:head]}\n{note}\n{text[-tail:]}"


def plain_number(value: float | None, places: int | None = None) -> Number:
    """Return ``value`` rounded; NaN and the infinities, which JSON lacks, as words."""
    if value is None:
        return None
    if not math.isfinite(value):
        return str(value)
    return value if places is None else round(value, places or None)
