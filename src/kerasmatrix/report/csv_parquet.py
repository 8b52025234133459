"""The table of cells as CSV, for spreadsheets, and as Parquet, for programs.

It is flat on purpose: chains, logs and packages are in ``results.json``. docs/columns.md explains
the columns.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from functools import lru_cache
from typing import TYPE_CHECKING

from kerasmatrix.errors import UsageError
from kerasmatrix.report.columns import COLUMNS, row_of
from kerasmatrix.report.texts import for_spreadsheet
from kerasmatrix.results.results_json import slices
from kerasmatrix.results.schema import Results

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["csv_parts", "to_parquet"]

NAMES = ("scenario", "format", "saved_with", "loaded_with")
NUMBERS = ("flaky", "max_abs_diff", "weights_equal", "seconds")

PART = 10_000  # cells; the text of a hundred thousand takes much memory
DIFFERENT_TEXTS = 1_000  # most texts are repeated


def csv_parts(results: Results) -> Iterator[str]:
    """Yield the cells of ``results`` as CSV with a header, in parts.

    The texts are made safe for a spreadsheet, and for a terminal that prints the table.
    """
    disarm = lru_cache(DIFFERENT_TEXTS)(for_spreadsheet)
    for number, part in enumerate(slices(results, PART)):
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n")
        if number == 0:
            writer.writerow(COLUMNS)
        for cell in part.cells:
            writer.writerow(
                disarm(value) if isinstance(value, str) else value for value in row_of(cell)
            )
        yield text.getvalue()


def to_parquet(frame: pd.DataFrame) -> bytes:
    """Return ``frame`` as a Parquet file; names and statuses are dictionary-encoded.

    Raises:
        UsageError: no library that writes Parquet is installed.
    """
    import pandas as pd  # noqa: PLC0415 - it is slow to import, and CSV does not need it

    safe = frame.copy()
    # The types do not depend on the values, so that files of many runs can be read as one.
    for column in safe.columns[~safe.columns.isin(NUMBERS)]:
        safe[column] = safe[column].astype("string")
    for column in (*NAMES, "status"):
        known = pd.Index(safe[column].unique(), dtype="string")
        safe[column] = pd.Categorical(safe[column], categories=known)
    data = io.BytesIO()
    try:
        safe.to_parquet(data, index=False)
    except ImportError:
        raise UsageError(
            "Parquet needs pyarrow or fastparquet, and neither is installed",
            hint="pip install 'kerasmatrix[parquet]', or ask for --format csv",
        ) from None
    return data.getvalue()
