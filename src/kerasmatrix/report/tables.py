"""The frame as CSV, for spreadsheets and other programs.

Flat on purpose: chains, logs and packages are in ``results.json``.
"""

from __future__ import annotations

import pandas as pd

__all__ = ["to_csv"]

# A spreadsheet takes a text that begins like this for a formula and runs it; some fold the
# full-width forms into the plain ones first.
FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20")
NAMES = ("scenario", "format", "saved_with", "loaded_with")
TEXTS = ("summary", "error_type", "error_message", "lost")


def to_csv(frame: pd.DataFrame) -> str:
    """Return ``frame`` as CSV with a header.

    A text that a spreadsheet would run is given a leading apostrophe. NUL and the carriage
    return, which many readers take for the end of a file or row, become U+FFFD and a line feed.
    """
    safe = frame.copy()
    for column in (*NAMES, *TEXTS):
        texts = safe[column].astype(object)
        # Few texts are there once only.
        safe[column] = texts.map({text: _disarm(text) for text in texts.unique()})
    return str(safe.to_csv(index=False, lineterminator="\n"))


def _disarm(value: object) -> object:
    if not isinstance(value, str):
        return value
    guarded = f"'{value}" if value.startswith(FORMULA_STARTS) else value
    return guarded.replace("\x00", "\ufffd").replace("\r\n", "\n").replace("\r", "\n")
