"""The frame as CSV, for spreadsheets, and as Parquet, for programs that count and compare.

Flat on purpose: chains, logs and packages are in ``results.json``. docs/columns.md tells what the
columns hold.
"""

from __future__ import annotations

import io
from collections.abc import Iterator

import pandas as pd

from kerasmatrix.errors import UsageError
from kerasmatrix.report.frame import cell_frame
from kerasmatrix.report.texts import for_spreadsheet
from kerasmatrix.results.schema import Results
from kerasmatrix.results.serialization import slices

__all__ = ["csv_parts", "to_parquet"]

NAMES = ("scenario", "format", "saved_with", "loaded_with")
NUMBERS = ("flaky", "max_abs_diff", "weights_equal", "seconds")

PART = 10_000  # cells; a frame of a hundred thousand takes more memory than the cells


def csv_parts(results: Results) -> Iterator[str]:
    """Yield `cell_frame` of ``results`` as CSV with a header, in parts.

    Its texts are made safe for a spreadsheet, and for a terminal that prints the table.
    """
    for number, part in enumerate(slices(results, PART)):
        safe = cell_frame(part)
        for column in safe.columns[~safe.columns.isin(NUMBERS)]:
            texts = safe[column].astype(object)
            # Few texts are there once only.
            safe[column] = texts.map({text: _disarm(text) for text in texts.unique()})
        yield str(safe.to_csv(index=False, header=number == 0, lineterminator="\n"))


def to_parquet(frame: pd.DataFrame) -> bytes:
    """Return ``frame`` as a Parquet file; names and statuses are dictionary-encoded.

    Raises:
        UsageError: nothing that writes Parquet is installed.
    """
    safe = frame.copy()
    # The types are those of the columns, whatever a run found: files of many runs are read as one.
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


def _disarm(value: object) -> object:
    return for_spreadsheet(value) if isinstance(value, str) else value
