"""The results as a pandas frame, one row per cell, and the summaries drawn from it.

Every table that is shown is a view of this frame, so their totals agree. It holds what can be
counted and compared; logs and tracebacks stay in the results.
"""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd

from kerasmatrix.results.observations import Status
from kerasmatrix.results.schema import Results

__all__ = ["COLUMNS", "cell_frame", "overview"]

# What a column holds. docs/columns.md says it too, with the types.
COLUMNS: Mapping[str, str] = {
    "scenario": "what was saved: the name of its folder, or of the file",
    "format": "how it was stored: h5, keras, keras-archive, savedmodel, weights",
    "saved_with": "the environment that wrote it",
    "loaded_with": "the environment that loaded it",
    "status": "what happened: pass, degraded, drift, fail and so on, as in README.md",
    "summary": "why, in a sentence",
    "cause": "slug of the cause, or unclassified; empty where nothing is wrong",
    "remedy": "the first remedy that was seen to work in this cell; empty if none was",
    "expected": "how it keeps to what matrix.yaml expects: met, better or worse; empty if nothing",
    "flaky": "whether it did something else when it was measured again",
    "error_type": "the class of what was raised, by the load, or the save if that failed",
    "error_message": "its message",
    "lost": "what was lost on the way, separated by semicolons",
    "max_abs_diff": "the largest absolute difference of an output",
    "weights_equal": "whether all weights are the same, digest for digest",
    "seconds": "how long the load took",
    "artifact": "SHA-256 of what the save left",
    "inferred_from": "the environment whose equal file was loaded in its place; empty if measured",
}


def cell_frame(results: Results) -> pd.DataFrame:
    """Return one row per cell in table order, with `COLUMNS`.

    The names are categories in the order of ``results`` (environments oldest first), so sorting
    and grouping keep that order; ``status`` is ordered from best to worst.
    """
    frame = pd.DataFrame(
        [
            (
                cell.scenario,
                cell.format,
                cell.saved_with,
                cell.loaded_with,
                cell.status.value,
                _encodable(cell.summary),
                cell.cause,
                remedy.id if (remedy := cell.repaired_by) else None,
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
            for cell in results.cells
        ],
        columns=list(COLUMNS),
    )
    environments = [environment.name for environment in results.environments]
    categories = {
        "scenario": [scenario.name for scenario in results.scenarios],
        "format": list(results.formats),
        "saved_with": environments,
        "loaded_with": environments,
        "status": [status.value for status in Status],
    }
    for column, names in categories.items():
        frame[column] = pd.Categorical(frame[column], categories=names, ordered=True)
    return frame.astype(
        {
            "max_abs_diff": "float64",
            "weights_equal": "boolean",
            "seconds": "float64",
            "flaky": "bool",
        }
    )


def _encodable(text: str) -> str:
    """Return ``text`` with ``?`` for half a surrogate pair, which not every frame can hold."""
    return text if text.isascii() else text.encode("utf-8", "replace").decode()


def overview(frame: pd.DataFrame) -> dict[tuple[str, str], dict[Status, int]]:
    """Return the counts by status of each pair (saved with, loaded with), all blocks together."""
    keys = ["saved_with", "loaded_with", "status"]
    counts = frame.groupby(keys, observed=True).size().reset_index(name="count")
    pairs: dict[tuple[str, str], dict[Status, int]] = {}
    for saved, loaded, status, count in counts.itertuples(index=False):
        pairs.setdefault((str(saved), str(loaded)), {})[Status(str(status))] = int(count)
    return pairs
