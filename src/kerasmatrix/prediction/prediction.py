"""What is likely to become of a file in an environment, as a value."""

from __future__ import annotations

from pydantic import Field

from kerasmatrix.strict_model import StrictModel

__all__ = ["Prediction"]


class Prediction(StrictModel):
    """What is likely to become of a file in an environment, and which rule says so.

    ``remedy`` is the id of a remedy, or of several together, joined by `` + ``. ``rule`` is the id
    of a rule, or ``measured:`` and the cell of a file like it.
    """

    environment: str
    status: str = Field(description="pass, degraded, drift, fail, unsupported or unknown")
    cause: str | None = None
    remedy: str | None = None
    rule: str
    confidence: float = Field(description="between 0 and 1: how often the rule was right")
    because: str = Field(description="the rule, in a sentence, and what it found in the file")
