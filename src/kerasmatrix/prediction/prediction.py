"""The predicted result of loading a file in an environment."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from typing import Any

from kerasmatrix.slotted import Slotted

__all__ = ["Prediction", "equal_runs"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Prediction(Slotted):
    """The predicted result of loading a file in an environment, and the rule that predicts it.

    ``remedy`` is the id of a fix, or of several together, joined by `` + ``. ``rule`` is the id of
    a rule, or ``measured:`` and the cell of a similar file.
    """

    environment: str
    status: str = field(
        metadata={"description": "pass, degraded, drift, fail, unsupported or unknown"}
    )
    cause: str | None = None
    remedy: str | None = None
    rule: str
    confidence: float = field(
        metadata={"description": "between 0 and 1: how often the rule was right"}
    )
    because: str = field(
        metadata={"description": "the rule in a sentence, and the part of the file it is about"}
    )

    def about(self) -> dict[str, Any]:
        """Return all but the environment, as JSON: environments with one Keras have the same."""
        data = dataclasses.asdict(self)
        del data["environment"]
        return data


def equal_runs(predictions: Sequence[Prediction]) -> Iterator[tuple[str, Prediction]]:
    """Yield equal predictions for consecutive environments once, with the environments' names."""
    for _, group in groupby(predictions, Prediction.about):
        same = list(group)
        first, last = same[0].environment, same[-1].environment
        yield (first if first == last else f"{first} … {last}"), same[0]
