"""Names the part of a model at which a load fails, in a few words. Pure."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import NamedTuple

from kerasmatrix.results.schema import CellResult

__all__ = ["fault_of"]

CLASS, ARGUMENT = r"(?P<owner>[\w.>]{1,80})", r"(?P<argument>\w{1,80})"
# The messages in which Keras and Python name an argument, or a class or function.
ARGUMENTS = tuple(
    re.compile(pattern)
    for pattern in (
        rf"{CLASS}\.__init__\(\) got an unexpected keyword argument '{ARGUMENT}'",
        rf"Unrecognized keyword arguments passed to {CLASS}: \{{'{ARGUMENT}'",
        rf"Keyword argument not understood:',? '{ARGUMENT}'",
        rf"got an unexpected keyword argument '{ARGUMENT}'",
    )
)
UNKNOWN = re.compile(
    r"Unknown (?P<kind>[a-z ]{1,40})?: ?['\"]?(?P<name>[\w.>]{1,80})['\"]?|"
    r"Could not locate (?P<what>class|function) '(?P<other>[\w.>]{1,80})'"
)


def fault_of(cell: CellResult) -> str | None:
    """Return the argument, class or layer that the error of a cell is about, if it names one."""
    if cell.error is None:
        return None
    named = [_named_in(link.message) for link in cell.error.chain or (cell.error,)]
    for found in named:
        if found and found.is_argument:
            return _argument(cell, found.name, found.owner)
    return next((f"{found.owner} `{found.name}`" for found in named if found), None)


class _Named(NamedTuple):
    """An argument and its class, or the kind of something unknown and its name."""

    is_argument: bool
    name: str
    owner: str | None


# Many cells have the same message.
@lru_cache(maxsize=4096)
def _named_in(message: str) -> _Named | None:
    for pattern in ARGUMENTS:
        if found := pattern.search(message):
            parts = found.groupdict()
            return _Named(is_argument=True, name=parts["argument"], owner=parts.get("owner"))
    if found := UNKNOWN.search(message):
        kind = (found["kind"] or found["what"] or "class").strip()
        return _Named(is_argument=False, name=found["name"] or found["other"], owner=kind)
    return None


def _argument(cell: CellResult, argument: str, owner: str | None) -> str:
    """Name an argument, with the class and the layer that have it."""
    culprit = next((each for each in cell.culprits or () if argument in each.keys), None)
    owner = owner or (culprit.class_name if culprit else None)
    of = f" of `{owner}`" if owner and owner != "__init__" else ""
    layer = f" (layer {culprit.layer})" if culprit and culprit.layer else ""
    return f"argument `{argument}`{of}{layer}"
