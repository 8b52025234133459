"""The predicted result of loading a file in an environment."""

from __future__ import annotations

from pydantic import Field

from kerasmatrix.strict_model import StrictModel

__all__ = ["Prediction"]


class Prediction(StrictModel):
    """The predicted result of loading a file in an environment, and the rule that predicts it.

    ``remedy`` is the id of a fix, or of several together, joined by `` + ``. ``rule`` is the id of
    a rule, or ``measured:`` and the cell of a similar file.
    """

    environment: str
    status: str = Field(description="pass, degraded, drift, fail, unsupported or unknown")
    cause: str | None = None
    remedy: str | None = None
    rule: str
    confidence: float = Field(description="between 0 and 1: how often the rule was right")
    because: str = Field(description="the rule in a sentence, and the part of the file it is about")
