"""The results as a pandas frame with one row per cell, and summaries of it.

Every table that is shown is a view of this frame, so that totals agree.
"""

from __future__ import annotations

import pandas as pd

from kerasmatrix.report.columns import COLUMNS, row_of
from kerasmatrix.results.cells import Status
from kerasmatrix.results.schema import Results

__all__ = ["cell_frame", "overview"]


def cell_frame(results: Results) -> pd.DataFrame:
    """Return one row per cell in table order, with `COLUMNS`.

    The names are categories in the order of ``results`` (environments oldest first), so sorting
    and grouping keep that order; ``status`` is ordered from best to worst.
    """
    frame = pd.DataFrame(
        [row_of(cell) for cell in results.cells],
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


def overview(frame: pd.DataFrame) -> dict[tuple[str, str], dict[Status, int]]:
    """Return the counts by status of each pair (saved with, loaded with), all blocks together."""
    keys = ["saved_with", "loaded_with", "status"]
    counts = frame.groupby(keys, observed=True).size().reset_index(name="count")
    pairs: dict[tuple[str, str], dict[Status, int]] = {}
    for saved, loaded, status, count in counts.itertuples(index=False):
        pairs.setdefault((str(saved), str(loaded)), {})[Status(str(status))] = int(count)
    return pairs
