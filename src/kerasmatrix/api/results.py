"""Explained errors, and the results of runs."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from kerasmatrix.api.places import PathLike, store_folder
from kerasmatrix.diagnosis.catalogue import Cause
from kerasmatrix.diagnosis.explain import explain_message as explanation
from kerasmatrix.diagnosis.explain import explain_text
from kerasmatrix.results.schema import Results
from kerasmatrix.store.runs import Archive, find_results

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["explain", "explanation", "frame", "load_results"]


def explain(
    error: str, *, saved_with: str | None = None, loaded_with: str | None = None
) -> Cause | None:
    """Return the cause of an error, with advice; None if the text does not tell one.

    Args:
        error: a message, or a whole traceback.
        saved_with: the TensorFlow that saved the file, such as ``tf2.4``.
        loaded_with: the TensorFlow that loads it.

    Raises:
        UsageError: the text is empty, or a version is invalid.
    """
    return explain_text(error, saved_with, loaded_with)


def load_results(
    run: PathLike = "last", *, matrix: PathLike | None = None, store: PathLike | None = None
) -> Results:
    """Return the results of a run of the matrix.

    Args:
        run: the path of a ``results.json``, or a stored run: its id, ``last`` or ``previous``.
        matrix: see the package.
        store: see the package.

    Raises:
        UsageError: there is no such run.
    """
    return find_results(os.fspath(run), Archive(store_folder(matrix, store)))


def frame(results: Results) -> pd.DataFrame:
    """Return results as a frame, one row per cell; docs/columns.md describes the columns."""
    from kerasmatrix.report.frame import cell_frame  # noqa: PLC0415 - it imports pandas

    return cell_frame(results)
