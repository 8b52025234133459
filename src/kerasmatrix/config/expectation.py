"""An expectation of ``matrix.yaml``: patterns of cells, and the statuses expected of them. Pure."""

from __future__ import annotations

import fnmatch
from collections.abc import Sequence
from typing import Annotated

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints

from kerasmatrix.errors import nearest
from kerasmatrix.ranges import Day
from kerasmatrix.results.observations import Status

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
    """A pattern names what there is not. ``hint`` is the way out."""

    def __init__(self, message: str, hint: str | None) -> None:
        super().__init__(message)
        self.hint = hint


class Expectation(BaseModel):
    """What the cells of some patterns are expected to do, and why.

    A pattern is a name, a glob (``tf2.1?``), or for environments a range in the order of their
    versions (``tf2.2..tf2.15``, ``..tf2.3``, ``tf2.16..``), or a list of these.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    scenario: Several = (ALL,)
    format: Several = (ALL,)
    saved_with: Several = (ALL,)
    loaded_with: Several = (ALL,)
    status: Statuses
    cause: str | None = None
    reason: Text
    link: str | None = None
    until: Day | None = None
    where: str = Field(default="", description="file and line, noted when it is read")


def names_of(patterns: Sequence[str], known: Sequence[str], *, ordered: bool) -> frozenset[str]:
    """Return the names that ``patterns`` stand for.

    Args:
        patterns: names, globs, and where ``ordered`` ranges.
        known: all names, in order.
        ordered: whether a range means something.

    Raises:
        PatternError: a name that is not known, or a glob or range that stands for none.
    """
    found: set[str] = set()
    for pattern in patterns:
        if ordered and RANGE in pattern:
            here = _range_of(pattern, known)
        else:
            here = fnmatch.filter(known, pattern)
        if not here:
            raise PatternError(f"{pattern!r} stands for nothing", nearest(pattern, known))
        found.update(here)
    return frozenset(found)


def _range_of(pattern: str, known: Sequence[str]) -> Sequence[str]:
    first, _, last = pattern.partition(RANGE)
    for end in (first, last):
        if end and end not in known:
            raise PatternError(f"{end!r} is no environment", nearest(end, known))
    return known[known.index(first) if first else 0 : known.index(last) + 1 if last else len(known)]
