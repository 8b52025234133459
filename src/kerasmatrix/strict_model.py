"""The bases of all values that are read from documents, written to them, or both."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any, ClassVar, Self

from pydantic import BaseModel, ConfigDict

__all__ = ["STRICT", "Slotted", "StrictModel"]

STRICT = ConfigDict(extra="forbid", frozen=True)


class StrictModel(BaseModel):
    """An immutable value that refuses unknown fields, so that a misspelt one is an error."""

    model_config = STRICT


@dataclass(frozen=True, slots=True)
class Slotted:
    """The same for values of which a run has a hundred thousand: a quarter of the memory.

    They are validated when they are read from a document, and not when the program makes them.
    """

    __pydantic_config__: ClassVar[ConfigDict] = STRICT

    def but(self, **changes: Any) -> Self:  # noqa: ANN401 - fields
        """Return a copy with other values."""
        return dataclasses.replace(self, **changes)
