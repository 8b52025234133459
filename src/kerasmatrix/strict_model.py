"""The base of all values that are read from documents, written to them, or both."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict

from kerasmatrix.slotted import STRICT

__all__ = ["StrictModel"]


class StrictModel(BaseModel):
    """An immutable value that refuses unknown fields, so that a misspelt one is an error."""

    model_config = ConfigDict(**STRICT)  # type: ignore[typeddict-item]
