"""What can go wrong that is not a cell's outcome.

A model that does not load is a *result*, never an exception. Exceptions are for the person at
the keyboard: each carries the way out as ``hint`` and the exit code of the command.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable

from kerasmatrix.redaction import mask_secrets

__all__ = ["InfrastructureError", "KerasmatrixError", "UntrustedError", "UsageError", "nearest"]


class KerasmatrixError(Exception):
    """Base of all errors shown to the user without a traceback.

    Terminals are recorded, by CI for one, so secrets in URLs are masked here.
    """

    exit_code = 1

    def __init__(self, message: str, *, hint: str | None = None) -> None:
        super().__init__(mask_secrets(message))
        self.message = mask_secrets(message)
        self.hint = mask_secrets(hint) if hint else hint


class UsageError(KerasmatrixError):
    """The command line, ``matrix.yaml`` or a scenario is wrong."""

    exit_code = 2


class UntrustedError(UsageError):
    """Code that is in a model file would run where nothing shuts it in."""


class InfrastructureError(KerasmatrixError):
    """The machine could not do what was asked: no engine, no interpreter, no space."""

    exit_code = 3


def nearest(name: str, choices: Iterable[str]) -> str | None:
    """Return a hint that names the valid choice closest to ``name``, or lists them all."""
    known = sorted(choices)
    close = difflib.get_close_matches(name, known, n=1, cutoff=0.5)
    if close:
        return f"did you mean {close[0]!r}?"
    return f"known: {', '.join(known)}" if known else None
