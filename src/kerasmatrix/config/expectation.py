"""An expectation of ``matrix.yaml``: patterns of cells, and the statuses expected of them. Pure."""

from __future__ import annotations

import fnmatch
from collections.abc import Sequence
from typing import Annotated

from pydantic import BeforeValidator, Field, StringConstraints

from kerasmatrix.errors import nearest
from kerasmatrix.ranges import Day
from kerasmatrix.results.cells import Status
from kerasmatrix.strict_model import StrictModel

__all__ = ["SIDES", "Expectation", "PatternError", "names_of"]

# The parts of a cell that a pattern is about.
SIDES = ("scenario", "format", "saved_with", "loaded_with")


ALL = "*"
RANGE = ".."

Text = Annotated[str, StringConstraints(min_length=1, strip_whitespace=True)]


def _listed(value: object) -> object:
    return (value,) if isinstance(value, str) else value


Several = Annotated[tuple[Text, ...], BeforeValidator(_listed), Field(min_length=1)]
Statuses = Annotated[tuple[Status, ...], BeforeValidator(_listed), Field(min_length=1)]


class PatternError(ValueError):
    """A pattern matches no name. ``hint`` names the closest one."""

    def __init__(self, message: str, hint: str | None) -> None:
        super().__init__(message)
        self.hint = hint


class Expectation(StrictModel):
    """The expected statuses of the cells that match some patterns, and the reason.

    A pattern is a name, a glob (``tf2.1?``), or for environments a range in the order of their
    versions (``tf2.2..tf2.15``, ``..tf2.3``, ``tf2.16..``), or a list of these.
    """

    scenario: Several = (ALL,)
    format: Several = (ALL,)
    saved_with: Several = (ALL,)
    loaded_with: Several = (ALL,)
    status: Statuses
    cause: str | None = None
    reason: Text
    link: str | None = None
    until: Day | None = None
    where: str = Field(default="", description="file and line, set when it is read")


def names_of(patterns: Sequence[str], known: Sequence[str], *, ordered: bool) -> frozenset[str]:
    """Return the names that match ``patterns``.

    Args:
        patterns: names, globs, and ranges if ``ordered``.
        known: all names, in order.
        ordered: whether ranges are allowed.

    Raises:
        PatternError: a pattern matches none of the names.
    """
    names: set[str] = set()
    for pattern in patterns:
        if ordered and RANGE in pattern:
            matches = _range_of(pattern, known)
        else:
            matches = fnmatch.filter(known, pattern)
        # Else an expectation would silently expect nothing.
        if not matches:
            raise PatternError(f"{pattern!r} matches nothing", nearest(pattern, known))
        names.update(matches)
    return frozenset(names)


def _range_of(pattern: str, known: Sequence[str]) -> Sequence[str]:
    first, _, last = pattern.partition(RANGE)
    for end in (first, last):
        if end and end not in known:
            raise PatternError(f"{end!r} is not an environment", nearest(end, known))
    return known[known.index(first) if first else 0 : known.index(last) + 1 if last else len(known)]
