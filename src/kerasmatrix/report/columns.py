"""The columns of the table of cells, as CSV, Parquet and pandas frame have it.

It has facts that can be counted and compared; logs and tracebacks stay in the results.
"""

from __future__ import annotations

from collections.abc import Mapping

from kerasmatrix.results.schema import CellResult

__all__ = ["COLUMNS", "row_of"]

# The content of each column. docs/columns.md has the same, with the types.
COLUMNS: Mapping[str, str] = {
    "scenario": "the model: the name of its folder, or of the file",
    "format": "the format: h5, keras, keras-archive, savedmodel, weights",
    "saved_with": "the environment that wrote it",
    "loaded_with": "the environment that loaded it",
    "status": "the result: pass, degraded, drift, fail and so on, as in README.md",
    "summary": "the reason in a sentence",
    "cause": "slug of the cause, or unclassified; empty where nothing is wrong",
    "remedy": "the first verified fix; empty if there is none",
    "expected": "compared with matrix.yaml: met, better or worse; empty without an expectation",
    "flaky": "whether the result changed when it was measured again",
    "error_type": "the class of the exception of the load, or of the save if that failed",
    "error_message": "its message",
    "lost": "the losses, separated by semicolons",
    "max_abs_diff": "the largest absolute difference of an output",
    "weights_equal": "whether all weights are equal by digest",
    "seconds": "the duration of the load",
    "artifact": "SHA-256 of the saved artifact",
    "inferred_from": "the environment whose identical file was loaded instead; empty if measured",
}


def row_of(cell: CellResult) -> tuple[str | float | None, ...]:
    """Return the values of a cell, one for each of `COLUMNS`."""
    remedy = cell.repaired_by
    return (
        cell.scenario,
        cell.format,
        cell.saved_with,
        cell.loaded_with,
        cell.status.value,
        _encodable(cell.summary),
        cell.cause,
        remedy.id if remedy else None,
        cell.expected,
        cell.flaky,
        _encodable(cell.error.type) if cell.error else None,
        _encodable(cell.error.message) if cell.error else None,
        _encodable("; ".join(cell.lost)),
        cell.max_abs_diff,
        cell.weights_equal,
        cell.seconds,
        cell.artifact,
        cell.inferred_from,
    )


def _encodable(text: str) -> str:
    """Return ``text`` with ``?`` for half a surrogate pair, which not every format can hold."""
    return text if text.isascii() else text.encode("utf-8", "replace").decode()
