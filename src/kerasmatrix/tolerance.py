"""How far outputs may differ and still be the same."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

__all__ = ["Tolerance"]


class Tolerance(BaseModel):
    """How far outputs may differ: ``absolute + relative * max|reference|``, elementwise."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    absolute: Annotated[float, Field(ge=0)] = 1e-5
    relative: Annotated[float, Field(ge=0)] = 1e-4
