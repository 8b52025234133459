"""The origin of a stored measurement: the parts of its key, which is a digest of them.

Stored with each measurement, so that `prune` can find those that no run can look up any more.
"""

from __future__ import annotations

from typing import NamedTuple

__all__ = ["CHECKED_FILE", "Origin", "scenario_of", "short"]

# The scenario of a file that was saved elsewhere: no matrix names it.
CHECKED_FILE = "file"
# Hexadecimal digits, 64 bits: that two of a million are equal has a chance of 3 in 100 million.
LENGTH = 16


class Origin(NamedTuple):
    """Of what a measurement's key was made, each in short.

    ``repair`` is the code that carries out remedies; empty where it had no part in it. The artifact
    that was loaded is left out: a save that is made again may leave the same.
    """

    engine: str
    environment: str
    scenario: str
    harness: str
    repair: str = ""


def scenario_of(name: str, digest: str) -> str:
    """Return a scenario as origins have it: two with the same content differ by name."""
    return f"{name}:{short(digest)}"


def short(digest: str) -> str:
    """Return as much of a digest as is needed to distinguish it from others in one store."""
    return digest[:LENGTH]
