"""How far outputs may differ and still be the same."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict

from kerasmatrix.ranges import NotNegative

__all__ = ["Tolerance"]


class Tolerance(BaseModel):
    """How far each element of an output may differ: ``absolute + relative * |reference|``.

    As `numpy.allclose` does it. An element near zero of an output with large numbers carries their
    rounding, so that ``absolute`` is at least that of the output's largest number; see
    `kerasmatrix.results.differences`.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    absolute: NotNegative = 1e-5
    relative: NotNegative = 1e-4
