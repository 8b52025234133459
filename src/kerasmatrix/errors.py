"""What can go wrong that is not a cell's outcome.

A model that does not load is a *result*, never an exception. Exceptions are for the person at
the keyboard: each carries the way out as ``hint`` and the exit code of the command.
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

_SPACE = "make space and run again: what is measured so far is kept"
_RIGHTS = "see that you may read and write it"
_FILES = "allow more open files (`ulimit -n`), or use fewer --jobs"
_MEMORY = "free some memory or allow more processes, or use fewer --jobs"
_NAME = "use a shorter name, or a link that leads to a file"
# What the system says when the machine, and not this program, is at fault; and the way out.
_WAYS_OUT = {
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
    errno.EIO: "see that the disk is sound",
    errno.ESTALE: "see that the network's disk is there",
    errno.ENODEV: "see that the device is there",
    errno.ENXIO: "see that the device is there",
    errno.ENAMETOOLONG: _NAME,
    errno.ELOOP: _NAME,
}


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


def as_machine_trouble(error: BaseException) -> KerasmatrixError | None:
    """Return an exception of Python as an error of the machine; None if it is not one.

    A disk can be full, and memory exhausted, at any line: these are not faults of the program,
    wherever they are noticed.
    """
    if isinstance(error, MemoryError):
        return InfrastructureError("not enough memory", hint=_MEMORY)
    if isinstance(error, RuntimeError) and "start new thread" in str(error):
        return InfrastructureError(str(error), hint=_MEMORY)
    if not isinstance(error, OSError) or error.errno not in _WAYS_OUT:
        return None
    place = f"{error.filename}: " if error.filename else ""
    kind = UsageError if error.errno in {errno.ENAMETOOLONG, errno.ELOOP} else InfrastructureError
    return kind(f"{place}{error.strerror}", hint=_WAYS_OUT[error.errno])


def nearest(name: str, choices: Iterable[str]) -> str | None:
    """Return a hint that names the valid choice closest to ``name``, or lists them all."""
    known = sorted(choices)
    close = difflib.get_close_matches(name, known, n=1, cutoff=0.5)
    if close:
        return f"did you mean {close[0]!r}?"
    return f"known: {', '.join(known)}" if known else None
