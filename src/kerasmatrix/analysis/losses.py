"""The losses of a load that a user can accept, by kind. Pure."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from kerasmatrix.results.cells import Status
from kerasmatrix.results.schema import CellResult, Results

__all__ = ["LOSSES", "accept_losses", "unaccepted"]

# How the descriptions of each kind begin (results/compile_state.py, results/differences.py).
LOSSES = {
    "optimizer-state": ("the optimizer state",),
    "compile-state": (
        "the compile state",
        "the compile argument",
        "the loss",
        "the metric",
        "the weighted metric",
        "the optimizer",
    ),
    "training": ("the ability to be trained", "what evaluate() gives", "the way it goes on train"),
    "saving": ("the ability to be saved again",),
}


def unaccepted(lost: Collection[str], kinds: Collection[str]) -> tuple[str, ...]:
    """Return the losses that are of none of ``kinds``."""
    begins = tuple(begin for kind in kinds for begin in LOSSES[kind])
    return tuple(loss for loss in lost if not loss.startswith(begins))


def accept_losses(results: Results, kinds: Collection[str]) -> Results:
    """Return the results as if losses of ``kinds`` were none, in cells and in fixes alike."""
    if not kinds:
        return results
    cells = tuple(_accepting(cell, kinds) for cell in results.cells)
    return results.model_copy(update={"cells": cells})


def _accepting(cell: CellResult, kinds: Collection[str]) -> CellResult:
    left = unaccepted(cell.lost, kinds)
    changes: dict[str, Any] = {
        "lost": left,
        "remedies": tuple(tried.but(lost=unaccepted(tried.lost, kinds)) for tried in cell.remedies),
    }
    if cell.status is Status.DEGRADED and not left:
        changes |= {"status": Status.PASS, "cause": None}
    return cell.but(**changes)
