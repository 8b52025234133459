"""How good predictions are: held against what was measured. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import Literal

from kerasmatrix.prediction.similar_cells import folded
from kerasmatrix.results.observations import Status
from kerasmatrix.results.schema import CellResult, PredictorResult, ShareResult, StatusScore

__all__ = ["is_measured", "score", "share"]

# What says something about Keras, and about the file and not its writer.
MEASURED_STATUSES = {
    Status.PASS, Status.DEGRADED, Status.DRIFT, Status.FAIL, Status.CRASH, Status.TIMEOUT,
}  # fmt: skip
FAIL, NOT_FAIL, UNKNOWN = "fail", "not fail", "unknown"
ORDER: tuple[Literal["fail", "not fail", "pass", "degraded", "drift"], ...] = (
    "fail", "not fail", "pass", "degraded", "drift",
)  # fmt: skip
# What a status is one of, beside itself: whether it loads at all is what matters most.
ALSO = {"pass": (NOT_FAIL,), "degraded": (NOT_FAIL,), "drift": (NOT_FAIL,)}


def score(cells: Iterable[CellResult]) -> PredictorResult | None:
    """Return how good the predictions of ``cells`` are; None where none was measured.

    A cell counts whose load was measured and that has a prediction. ``unknown`` is right of none:
    it costs recall, and no precision.
    """
    pairs = [
        (folded(cell.prediction.status), folded(cell.status), cell)
        for cell in cells
        if cell.prediction and is_measured(cell)
    ]
    if not pairs:
        return None
    predicted: Counter[str] = Counter()
    measured: Counter[str] = Counter()
    right: Counter[str] = Counter()
    for told, found, _ in pairs:
        said, so = {told, *ALSO.get(told, ())}, {found, *ALSO.get(found, ())}
        predicted.update(said)
        measured.update(so)
        right.update(said & so)
    failing = [cell for told, found, cell in pairs if told == found == FAIL]
    tried = [
        any(each.status == "verified" for each in same)
        for cell in failing
        if cell.prediction
        and (same := [each for each in cell.remedies if each.id == cell.prediction.remedy])
    ]
    return PredictorResult(
        cells=len(pairs),
        unknown=sum(told == UNKNOWN for told, _, _ in pairs),
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
        remedies=_shares(tried),
    )


def is_measured(cell: CellResult) -> bool:
    """Say whether a cell's file was loaded in it; what was inferred is another cell's."""
    return cell.status in MEASURED_STATUSES and cell.inferred_from is None


def _shares(right: list[bool]) -> ShareResult:
    return ShareResult(of=len(right), right=sum(right), share=share(sum(right), len(right)))


def share(part: int, whole: int) -> float | None:
    """Return ``part`` of ``whole``, to three places; None of nothing."""
    return round(part / whole, 3) if whole else None
