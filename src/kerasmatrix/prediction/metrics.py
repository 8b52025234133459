"""Measures the quality of predictions against measured cells. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import Literal

from kerasmatrix.prediction.similar_cells import normalized_status
from kerasmatrix.results.cells import Status
from kerasmatrix.results.schema import CellResult, PredictorResult, ShareResult, StatusScore

__all__ = ["is_measured", "score", "share"]

# Statuses that depend on Keras and on the file, not on its writer or the machine.
MEASURED_STATUSES = {
    Status.PASS, Status.DEGRADED, Status.DRIFT, Status.FAIL, Status.CRASH, Status.TIMEOUT,
}  # fmt: skip
FAIL, NOT_FAIL, UNKNOWN = "fail", "not fail", "unknown"
ORDER: tuple[Literal["fail", "not fail", "pass", "degraded", "drift"], ...] = (
    "fail", "not fail", "pass", "degraded", "drift",
)  # fmt: skip
# Classes to which a status also belongs: most important is whether the file loads at all.
ALSO = {"pass": (NOT_FAIL,), "degraded": (NOT_FAIL,), "drift": (NOT_FAIL,)}


def score(cells: Iterable[CellResult]) -> PredictorResult | None:
    """Return precision and recall of the predictions of ``cells``; None if none was measured.

    Only cells with a measured load and a prediction count. ``unknown`` is never right: it lowers
    recall, and not precision.
    """
    pairs = [
        (normalized_status(cell.prediction.status), normalized_status(cell.status), cell)
        for cell in cells
        if cell.prediction and is_measured(cell)
    ]
    if not pairs:
        return None
    predicted: Counter[str] = Counter()
    measured: Counter[str] = Counter()
    right: Counter[str] = Counter()
    for expected, actual, _ in pairs:
        expected_classes = {expected, *ALSO.get(expected, ())}
        actual_classes = {actual, *ALSO.get(actual, ())}
        predicted.update(expected_classes)
        measured.update(actual_classes)
        right.update(expected_classes & actual_classes)
    failing = [cell for expected, actual, cell in pairs if expected == actual == FAIL]
    fixes = [
        any(fix.status == "verified" for fix in same)
        for cell in failing
        if cell.prediction
        and (same := [fix for fix in cell.remedies if fix.id == cell.prediction.remedy])
    ]
    return PredictorResult(
        cells=len(pairs),
        unknown=sum(expected == UNKNOWN for expected, _, _ in pairs),
        statuses=tuple(
            StatusScore(
                status=status,
                predicted=predicted[status],
                measured=measured[status],
                right=right[status],
                precision=share(right[status], predicted[status]),
                recall=share(right[status], measured[status]),
            )
            for status in ORDER
            if predicted[status] or measured[status]
        ),
        causes=_shares(
            [bool(cell.prediction and cell.prediction.cause == cell.cause) for cell in failing]
        ),
        remedies=_shares(fixes),
    )


def is_measured(cell: CellResult) -> bool:
    """Return whether the file was loaded in this cell; an inferred result is another cell's."""
    return cell.status in MEASURED_STATUSES and cell.inferred_from is None


def _shares(right: list[bool]) -> ShareResult:
    return ShareResult(of=len(right), right=sum(right), share=share(sum(right), len(right)))


def share(part: int, whole: int) -> float | None:
    """Return ``part`` of ``whole`` with three decimals; None if ``whole`` is 0."""
    return round(part / whole, 3) if whole else None
