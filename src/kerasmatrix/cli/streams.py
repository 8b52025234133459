"""Standard streams whose write errors do not stop the work.

``kerasmatrix run | head -1`` continues after ``head`` has exited, with its usual exit code. After
other write errors, such as a full disk, the work continues too, and the exit code is 3.
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

__all__ = ["LONGEST_INPUT", "flush_output", "install_robust_streams", "output_error", "read_input"]

# A traceback is seldom longer than a few kilobytes.
LONGEST_INPUT = 4 << 20


class _RobustWriter(io.FileIO):
    """Writes to a descriptor whose other end may close or be full."""

    # The first write error. A closed pipe does not count: its reader wanted no more.
    error: str | None = None

    def write(self, data: ReadableBuffer, /) -> int:
        size = memoryview(data).nbytes
        try:
            written = super().write(data)
            while written is None:  # not blocking, and full for the moment
                select.select([], [self], [])
                written = super().write(data)
        except OSError as error:
            if error.errno != errno.EPIPE:
                self.error = self.error or error.strerror or str(error)
            return size
        return written


_OUTPUT: list[_RobustWriter] = []


def install_robust_streams() -> None:
    """Replace the standard output and error streams of the program."""
    _fill_descriptors()
    # A stream that was closed when the program started is None.
    if sys.stdout:
        sys.stdout = _robust(sys.stdout, 1, line_buffering=sys.stdout.isatty())
    if sys.stderr:
        sys.stderr = _robust(sys.stderr, 2, line_buffering=True)


def output_error() -> str | None:
    """Return why a part of standard output could not be written, or None."""
    return next((raw.error for raw in _OUTPUT if raw.error), None)


def flush_output() -> None:
    """Write the buffers, so that `output_error` covers everything."""
    for stream in (sys.stdout, sys.stderr):
        if stream:
            with contextlib.suppress(OSError, ValueError):
                stream.flush()


def read_input() -> str:
    """Return standard input as text.

    Raises:
        OSError: it is closed, cannot be read, or is too long; ``strerror`` says why.
    """
    if sys.stdin is None:
        raise OSError(errno.EBADF, "it is closed")
    raw = getattr(sys.stdin, "buffer", None)
    if raw is None:  # the calling program replaced it by a text stream
        return sys.stdin.read(LONGEST_INPUT)
    data = raw.read(LONGEST_INPUT + 1)
    if len(data) > LONGEST_INPUT:
        raise OSError(errno.EFBIG, f"it is longer than {LONGEST_INPUT >> 20} MiB")
    # The readable part of a message is enough to explain it.
    return bytes(data).decode("utf-8", "replace")


def _fill_descriptors() -> None:
    """Open closed standard descriptors: the next opened file would become standard error."""
    for descriptor in (0, 1, 2):
        try:
            os.fstat(descriptor)
        except OSError:
            # The lowest free number is assigned first.
            os.open(os.devnull, os.O_RDWR)


def _robust(stream: TextIO, descriptor: int, *, line_buffering: bool) -> TextIO:
    raw = _RobustWriter(descriptor, "w", closefd=False)
    if descriptor == 1:
        _OUTPUT.append(raw)
    # A character that the encoding lacks is written as an escape, not an error.
    errors = "backslashreplace" if stream.errors == "strict" else stream.errors
    return io.TextIOWrapper(
        io.BufferedWriter(raw),
        encoding=stream.encoding,
        errors=errors,
        line_buffering=line_buffering,
    )
