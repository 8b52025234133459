"""Cells of results: which cell a result is about, and sets of statuses that belong together."""

from __future__ import annotations

from kerasmatrix.results.observations import Cell, Status
from kerasmatrix.results.schema import CellResult

__all__ = [
    "IN_ANOTHER_SHARD",
    "REPAIRABLE",
    "RUN_ENDED",
    "TOGETHER",
    "TROUBLED",
    "UNCLASSIFIED",
    "WORKS",
    "cell_of",
]

# What a remedy is sought for: a load that ended badly, or that computes something else.
REPAIRABLE = {Status.FAIL, Status.CRASH, Status.TIMEOUT, Status.DRIFT}
WORKS = {Status.PASS, Status.DEGRADED}
UNCLASSIFIED = "unclassified"
TOGETHER = " + "
# Why a cell was not run that one of the results to merge with has.
IN_ANOTHER_SHARD = "in another shard"
# ... and one that an interrupt or a budget left out.
RUN_ENDED = "the run ended before this cell"
# A cell with one of these has something wrong with it that has a cause in Keras.
TROUBLED = {*REPAIRABLE, Status.DEGRADED, Status.SAVE_FAILED}


def cell_of(result: CellResult) -> Cell:
    """Return which cell a result is about."""
    return Cell(result.scenario, result.format, result.saved_with, result.loaded_with)
