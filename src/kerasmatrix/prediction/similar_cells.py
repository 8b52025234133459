"""Measured cells of similar files, which outweigh a rule's prediction. Pure.

Similar files have the same layers, format and writer.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from typing import NamedTuple

from kerasmatrix.prediction.prediction import Prediction
from kerasmatrix.results.cells import Status

__all__ = ["MEASURED", "SimilarCell", "SimilarCells", "normalized_status"]

# A prediction from a measured cell names it after this, in place of a rule.
MEASURED = "measured:"
DIED = {Status.CRASH, Status.TIMEOUT}


class SimilarCell(NamedTuple):
    """A measured cell and its result. ``remedy`` is a fix that was verified in it."""

    scenario: str
    format: str
    saved_with: str
    loaded_with: str
    status: str
    cause: str | None
    remedy: str | None

    @property
    def cell(self) -> str:
        """The cell, in one text."""
        return "/".join(self[:4])


def normalized_status(status: str) -> str:
    """Return the status that a prediction can have: fail for a crash or a timeout."""
    return Status.FAIL.value if status in DIED else str(status)


class SimilarCells:
    """Measured cells by the similarity key of the file and the loader key."""

    def __init__(self) -> None:
        self._cells: dict[tuple[str, str], list[SimilarCell]] = defaultdict(list)

    def add(self, similarity_key: str, loader_key: str, cell: SimilarCell) -> None:
        """Add a measured cell of a file with these keys."""
        self._cells[similarity_key, loader_key].append(cell)

    def weigh(
        self,
        prediction: Prediction,
        similarity_key: str,
        loader_key: str,
        *,
        without: str | None = None,
    ) -> Prediction:
        """Return ``prediction``, corrected by the measured cells of similar files.

        Args:
            prediction: a rule's.
            similarity_key: of the file.
            loader_key: of the environment.
            without: a scenario whose cells are ignored, because they are to be predicted.
        """
        known = self._cells.get((similarity_key, loader_key), ())
        cells = [cell for cell in known if cell.scenario != without]
        if not cells:
            return prediction
        votes = Counter((normalized_status(cell.status), cell.cause) for cell in cells)
        predicted = (prediction.status, prediction.cause)
        # In a tie the rule decides.
        (status, cause), count = max(
            votes.items(), key=lambda vote: (vote[1], vote[0] == predicted, str(vote[0]))
        )
        deciding = [
            cell
            for cell in cells
            if (normalized_status(cell.status), cell.cause) == (status, cause)
        ]
        fixes = Counter(cell.remedy for cell in deciding if cell.remedy)
        confidence = round((count + 1) / (len(cells) + 2), 3)
        example = max(deciding, key=lambda cell: (cell.remedy is not None, cell.cell)).cell
        evidence = f"measured in {count} of {len(cells)} cells of similar files: {example}"
        agrees = (status, cause) == predicted
        remedy = max(fixes, key=lambda name: (fixes[name], name == prediction.remedy), default=None)
        return Prediction(
            environment=prediction.environment,
            status=status,
            cause=cause,
            remedy=remedy or (prediction.remedy if agrees else None),
            rule=prediction.rule if agrees else MEASURED + example,
            confidence=max(confidence, prediction.confidence) if agrees else confidence,
            because=f"{prediction.because}; {evidence}" if agrees else evidence,
        )
