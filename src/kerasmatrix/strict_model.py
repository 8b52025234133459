"""The base of all pydantic models for data that kerasmatrix itself writes or specifies."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict

__all__ = ["STRICT", "StrictModel"]

STRICT = ConfigDict(extra="forbid", frozen=True)


class StrictModel(BaseModel):
    """An immutable value that refuses unknown fields, so that a misspelt one is an error."""

    model_config = STRICT
