"""The base of values of which a run has a hundred thousand, or that need no pydantic."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any, ClassVar, Self

__all__ = ["STRICT", "Slotted"]

# How pydantic reads them, and `StrictModel`: unknown fields are errors.
STRICT = {"extra": "forbid", "frozen": True}


@dataclass(frozen=True, slots=True)
class Slotted:
    """An immutable value in a quarter of the memory of a `StrictModel`.

    It is validated when it is read from a document, and not when the program makes it. This module
    needs the standard library alone, so that programs without pydantic can use such values.
    """

    __pydantic_config__: ClassVar[dict[str, Any]] = STRICT

    def but(self, **changes: Any) -> Self:  # noqa: ANN401 - fields
        """Return a copy with other values."""
        return dataclasses.replace(self, **changes)
