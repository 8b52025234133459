"""Errors that are shown to users, each with a hint and the exit code of the command.

A model that does not load is a *result*, never an exception.
"""

from __future__ import annotations

import difflib
import errno
from collections.abc import Iterable

from kerasmatrix.text.redaction import mask_secrets

__all__ = [
    "InfrastructureError",
    "KerasmatrixError",
    "UntrustedError",
    "UsageError",
    "as_machine_trouble",
    "nearest",
]

MOST_CHOICES = 40  # that an error lists
_SPACE = "free some space and run again: completed measurements are kept"
_RIGHTS = "get the right to read and write it"
_FILES = "allow more open files (`ulimit -n`), or use fewer --jobs"
_MEMORY = "free some memory or allow more processes, or use fewer --jobs"
_NAME = "use a shorter name, or a link that leads to a file"
# Error numbers that are a fault of the machine, not of this program, with their hints.
_HINTS = {
    errno.ENOSPC: _SPACE,
    errno.EDQUOT: _SPACE,
    errno.EFBIG: _SPACE,
    errno.EROFS: _RIGHTS,
    errno.EACCES: _RIGHTS,
    errno.EPERM: _RIGHTS,
    errno.EMFILE: _FILES,
    errno.ENFILE: _FILES,
    errno.ENOMEM: _MEMORY,
    errno.EAGAIN: _MEMORY,
    errno.EIO: "check the disk",
    errno.ESTALE: "check that the network drive is mounted",
    errno.ENODEV: "check that the device is connected",
    errno.ENXIO: "check that the device is connected",
    errno.ENAMETOOLONG: _NAME,
    errno.ELOOP: _NAME,
}


class KerasmatrixError(Exception):
    """Base of all errors shown to the user without a traceback.

    CI records terminals, so secrets in URLs are masked.
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
    """Code in a model file would run outside a sandbox."""


class InfrastructureError(KerasmatrixError):
    """A fault of the machine: no engine, no interpreter, no space."""

    exit_code = 3


def as_machine_trouble(error: BaseException) -> KerasmatrixError | None:
    """Return an exception of Python as an error of the machine; None if it is another error.

    A full disk, or exhausted memory, can raise an exception at any line.
    """
    if isinstance(error, MemoryError):
        return InfrastructureError("not enough memory", hint=_MEMORY)
    if isinstance(error, RuntimeError) and "start new thread" in str(error):
        return InfrastructureError(str(error), hint=_MEMORY)
    if not isinstance(error, OSError) or error.errno not in _HINTS:
        return None
    place = f"{error.filename}: " if error.filename else ""
    kind = UsageError if error.errno in {errno.ENAMETOOLONG, errno.ELOOP} else InfrastructureError
    return kind(f"{place}{error.strerror}", hint=_HINTS[error.errno])


def nearest(name: str, choices: Iterable[str]) -> str | None:
    """Return a hint that names the valid choice closest to ``name``, or lists them."""
    known = sorted(choices)
    close = difflib.get_close_matches(name, known, n=1, cutoff=0.5)
    if close:
        return f"did you mean {close[0]!r}?"
    left = len(known) - MOST_CHOICES
    more = f" and {left} others" if left > 0 else ""
    return f"known: {', '.join(known[:MOST_CHOICES])}{more}" if known else None
