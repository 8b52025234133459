"""What was measured of files that are alike, and what it makes of a rule's prediction. Pure.

A measured cell of a file with the same layers, format and writer outweighs a rule.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from typing import NamedTuple

from kerasmatrix.prediction.prediction import Prediction
from kerasmatrix.results.observations import Status

__all__ = ["MEASURED", "Precedent", "Precedents", "folded"]

# How an answer names the cell that it goes by.
MEASURED = "measured:"
DIED = {Status.CRASH, Status.TIMEOUT}


class Precedent(NamedTuple):
    """A measured cell: which, and what came of it. ``remedy`` was seen to work in it."""

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


def folded(status: str) -> str:
    """Return a measured status as a prediction says it: a crash or a timeout is a fail."""
    return Status.FAIL.value if status in DIED else str(status)


class Precedents:
    """Measured cells by what decides them: the likeness of the file, and the reader."""

    def __init__(self) -> None:
        self._cells: dict[tuple[str, str], list[Precedent]] = defaultdict(list)

    def add(self, likeness: str, reader: str, cell: Precedent) -> None:
        """Add a measured cell of a file of that likeness with that reader."""
        self._cells[likeness, reader].append(cell)

    def weigh(
        self, prediction: Prediction, likeness: str, reader: str, *, without: str | None = None
    ) -> Prediction:
        """Return a prediction as it is in the light of what was measured.

        Args:
            prediction: a rule's.
            likeness: of the file.
            reader: of the environment.
            without: a scenario whose cells count for nothing: they are what is to be foretold.
        """
        known = self._cells.get((likeness, reader), ())
        cells = [cell for cell in known if cell.scenario != without]
        if not cells:
            return prediction
        votes = Counter((folded(cell.status), cell.cause) for cell in cells)
        said = (prediction.status, prediction.cause)
        # Where as many say one thing as another, the rule has the casting vote.
        (status, cause), count = max(
            votes.items(), key=lambda vote: (vote[1], vote[0] == said, str(vote[0]))
        )
        deciding = [cell for cell in cells if (folded(cell.status), cell.cause) == (status, cause)]
        helped = Counter(cell.remedy for cell in deciding if cell.remedy)
        sure = round((count + 1) / (len(cells) + 2), 3)
        example = max(deciding, key=lambda cell: (cell.remedy is not None, cell.cell)).cell
        evidence = f"measured so in {count} of {len(cells)} cells of files like it: {example}"
        agrees = (status, cause) == said
        remedy = max(
            helped, key=lambda name: (helped[name], name == prediction.remedy), default=None
        )
        return Prediction(
            environment=prediction.environment,
            status=status,
            cause=cause,
            remedy=remedy or (prediction.remedy if agrees else None),
            rule=prediction.rule if agrees else MEASURED + example,
            confidence=max(sure, prediction.confidence) if agrees else sure,
            because=f"{prediction.because}; {evidence}" if agrees else evidence,
        )
