"""The frame as CSV, for spreadsheets and other programs."""

from __future__ import annotations

import pandas as pd

__all__ = ["to_csv"]

# A spreadsheet takes a text that begins like this for a formula and runs it.
FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")
TEXTS = ("summary", "error_type", "error_message", "lost")


def to_csv(frame: pd.DataFrame) -> str:
    """Return ``frame`` as CSV with a header; texts that a spreadsheet would run are quoted."""
    safe = frame.copy()
    for column in TEXTS:
        safe[column] = safe[column].map(_disarm)
    return str(safe.to_csv(index=False, lineterminator="\n"))


def _disarm(value: object) -> object:
    if not isinstance(value, str):
        return value
    text = value.replace("\x00", "\ufffd")
    return f"'{text}" if text.startswith(FORMULA_STARTS) else text
