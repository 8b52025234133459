"""Fills lists of names into the patterns of the catalogue: ``<<removed-names>>`` and the like."""

from __future__ import annotations

import re
from functools import cache
from importlib import resources

import yaml

__all__ = ["names_of", "with_names"]

PLACEHOLDER = re.compile(r"<<([a-z0-9-]+)>>")


def with_names(pattern: str) -> str:
    """Return ``pattern`` with each ``<<list>>`` replaced by its names, as alternatives.

    Raises:
        ValueError: ``names.yaml`` has no such list.
    """
    return PLACEHOLDER.sub(lambda found: _alternatives(found[1]), pattern)


def _alternatives(name: str) -> str:
    lists = _lists()
    if name not in lists:
        raise ValueError(f"unknown list <<{name}>>; known: {', '.join(lists)}")
    return "|".join(lists[name].split())


@cache
def names_of(name: str) -> frozenset[str]:
    """Return the names of a list."""
    return frozenset(_lists()[name].split())


@cache
def _lists() -> dict[str, str]:
    text = resources.files("kerasmatrix.diagnosis").joinpath("names.yaml").read_text("utf-8")
    return dict(yaml.safe_load(text))
