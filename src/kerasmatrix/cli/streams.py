"""Standard streams that never end a program: what cannot be written does not stop the work.

``kerasmatrix run | head -1`` runs on, and leaves with the exit code that it would have had. Where
the output itself is lost (a full disk), the work goes on too, and the exit code says so.
"""

from __future__ import annotations

import contextlib
import errno
import io
import os
import select
import sys
from typing import TYPE_CHECKING, TextIO

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer

__all__ = ["flush_output", "lost_output", "outlive_readers", "read_input"]

# A traceback is seldom longer than a few kilobytes.
LONGEST_INPUT = 4 << 20


class _Patient(io.FileIO):
    """A descriptor to write to, whose other end may go away or be full."""

    # Why output was lost, if it was; a reader that went away did not want it.
    trouble: str | None = None

    def write(self, data: ReadableBuffer, /) -> int:
        size = memoryview(data).nbytes
        try:
            written = super().write(data)
            while written is None:  # not blocking, and full for the moment
                select.select([], [self], [])
                written = super().write(data)
        except OSError as error:
            if error.errno != errno.EPIPE:
                self.trouble = self.trouble or error.strerror or str(error)
            return size
        return written


_OUTPUT: list[_Patient] = []


def outlive_readers() -> None:
    """Put such streams in place of the program's own."""
    _fill_descriptors()
    # A program that was started with one of them closed has none.
    if sys.stdout:
        sys.stdout = _patient(sys.stdout, 1, line_buffering=sys.stdout.isatty())
    if sys.stderr:
        sys.stderr = _patient(sys.stderr, 2, line_buffering=True)


def lost_output() -> str | None:
    """Return why a part of standard output could not be written, or None."""
    return next((raw.trouble for raw in _OUTPUT if raw.trouble), None)


def flush_output() -> None:
    """Write what is still in the buffers, so that `lost_output` knows of all of it."""
    for stream in (sys.stdout, sys.stderr):
        if stream:
            with contextlib.suppress(OSError, ValueError):
                stream.flush()


def read_input() -> str:
    """Return what is on standard input, as text.

    Raises:
        OSError: it is closed, cannot be read, or is too long; ``strerror`` says why.
    """
    if sys.stdin is None:
        raise OSError(errno.EBADF, "it is closed")
    raw = getattr(sys.stdin, "buffer", None)
    if raw is None:  # a program that calls us has put text in its place
        return sys.stdin.read(LONGEST_INPUT)
    data = raw.read(LONGEST_INPUT + 1)
    if len(data) > LONGEST_INPUT:
        raise OSError(errno.EFBIG, f"it is longer than {LONGEST_INPUT >> 20} MiB")
    # A message is explained by its readable part, whatever its encoding was.
    return bytes(data).decode("utf-8", "replace")


def _fill_descriptors() -> None:
    """Open what was closed: the next file that is opened would be standard error otherwise."""
    for descriptor in (0, 1, 2):
        try:
            os.fstat(descriptor)
        except OSError:
            # The lowest number that is free is given out first.
            os.open(os.devnull, os.O_RDWR)


def _patient(stream: TextIO, descriptor: int, *, line_buffering: bool) -> TextIO:
    raw = _Patient(descriptor, "w", closefd=False)
    if descriptor == 1:
        _OUTPUT.append(raw)
    # An encoding that lacks a character must not end the work: it is shown as an escape.
    errors = "backslashreplace" if stream.errors == "strict" else stream.errors
    return io.TextIOWrapper(
        io.BufferedWriter(raw),
        encoding=stream.encoding,
        errors=errors,
        line_buffering=line_buffering,
    )
