"""The results as a pandas frame, one row per cell, and the summaries drawn from it.

Every table that is shown is a view of this frame, so their totals agree. It holds what can be
counted and compared; logs and tracebacks stay in the results.
"""

from __future__ import annotations

import pandas as pd

from kerasmatrix.outcome import Status
from kerasmatrix.results import Results

__all__ = ["COLUMNS", "cell_frame", "count_statuses", "overview"]

COLUMNS = (
    "scenario", "format", "saved_with", "loaded_with", "status", "summary", "cause", "error_type",
    "error_message", "lost", "max_abs_diff", "weights_equal", "seconds", "artifact",
)  # fmt: skip


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
                cell.summary,
                cell.cause,
                cell.error.type if cell.error else None,
                cell.error.message if cell.error else None,
                "; ".join(cell.lost),
                cell.max_abs_diff,
                cell.weights_equal,
                cell.seconds,
                cell.artifact,
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
        {"max_abs_diff": "float64", "weights_equal": "boolean", "seconds": "float64"}
    )


def count_statuses(frame: pd.DataFrame) -> dict[Status, int]:
    """Return how many cells have each status, best first; those that none has are left out."""
    counts = frame["status"].value_counts(sort=False)
    return {Status(str(name)): int(count) for name, count in counts.items() if count}


def overview(frame: pd.DataFrame) -> dict[tuple[str, str], dict[Status, int]]:
    """Return the counts by status of each pair (saved with, loaded with), all blocks together."""
    keys = ["saved_with", "loaded_with", "status"]
    counts = frame.groupby(keys, observed=True).size().reset_index(name="count")
    pairs: dict[tuple[str, str], dict[Status, int]] = {}
    for saved, loaded, status, count in counts.itertuples(index=False):
        pairs.setdefault((str(saved), str(loaded)), {})[Status(str(status))] = int(count)
    return pairs
