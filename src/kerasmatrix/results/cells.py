"""Cells and their statuses: the unit of result, and sets of statuses that are treated alike.

Every other module takes these sets from here, so that "the model loads" means the same in a gate,
a page and an exit code.
"""

from __future__ import annotations

import enum
from collections.abc import Mapping
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from kerasmatrix.results.schema import CellResult

__all__ = [
    "FIXABLE",
    "HAS_CAUSE",
    "INCONCLUSIVE",
    "IN_ANOTHER_SHARD",
    "LOADS",
    "LOADS_OR_DRIFTS",
    "NOT_MEASURED",
    "RUN_ENDED",
    "SAYS_NOTHING",
    "SEVERITY",
    "TOGETHER",
    "UNCLASSIFIED",
    "Cell",
    "Save",
    "Status",
    "cell_of",
]


class Status(enum.StrEnum):
    """The result of a cell. From best to worst, followed by those that say nothing on Keras."""

    PASS = "pass"  # noqa: S105 - it is a verdict
    DEGRADED = "degraded"
    DRIFT = "drift"
    FAIL = "fail"
    CRASH = "crash"
    TIMEOUT = "timeout"
    SAVE_FAILED = "save-failed"
    UNSUPPORTED = "unsupported"
    NOT_COMPARABLE = "not-comparable"
    INFRA = "infra"
    NOT_RUN = "not-run"


# How bad a status is; a larger number is worse. `SAYS_NOTHING` has the statuses without one.
SEVERITY: Mapping[Status, int] = {
    Status.PASS: 0,
    Status.DEGRADED: 1,
    Status.DRIFT: 2,
    Status.FAIL: 3,
    Status.CRASH: 3,
    Status.TIMEOUT: 3,
    Status.SAVE_FAILED: 3,
}

# The model loads and computes the same outputs, perhaps with losses.
LOADS = frozenset({Status.PASS, Status.DEGRADED})
# A model came back, even if its outputs differ.
LOADS_OR_DRIFTS = LOADS | {Status.DRIFT}
# The load ended badly or computes other outputs: fixes are tried.
FIXABLE = frozenset({Status.FAIL, Status.CRASH, Status.TIMEOUT, Status.DRIFT})
# Something is wrong, and the catalogue of causes is asked why.
HAS_CAUSE = FIXABLE | {Status.DEGRADED, Status.SAVE_FAILED}
# No measurement took place; another run may make it.
NOT_MEASURED = frozenset({Status.INFRA, Status.NOT_RUN})
# Another run, or other inputs, may give a status that says something.
INCONCLUSIVE = NOT_MEASURED | {Status.NOT_COMPARABLE}
# The status says neither that Keras loads the file nor that it does not.
SAYS_NOTHING = INCONCLUSIVE | {Status.UNSUPPORTED}

# The cause of a cell whose error no signature fits.
UNCLASSIFIED = "unclassified"
# Joins the ids of fixes that were tried together.
TOGETHER = " + "
# Summary of a cell that was left to another shard, whose results are yet to be merged.
IN_ANOTHER_SHARD = "in another shard"
# Summary of a cell that an interrupt left out.
RUN_ENDED = "the run ended before this cell"


class Cell(NamedTuple):
    """The unit of result."""

    scenario: str
    format: str
    saved_with: str
    loaded_with: str

    @property
    def save(self) -> Save:
        """The save whose file it loads: its row of the table."""
        return Save(self.scenario, self.format, self.saved_with)


class Save(NamedTuple):
    """One save: the row of a block."""

    scenario: str
    format: str
    saved_with: str


def cell_of(result: CellResult) -> Cell:
    """Return the cell that a result is about."""
    return Cell(result.scenario, result.format, result.saved_with, result.loaded_with)
