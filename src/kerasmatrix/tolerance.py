"""How far outputs may differ and still be the same."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict

from kerasmatrix.ranges import NotNegative

__all__ = ["Tolerance"]


class Tolerance(BaseModel):
    """How far outputs may differ: ``absolute + relative * max|reference|``, elementwise."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    absolute: NotNegative = 1e-5
    relative: NotNegative = 1e-4
