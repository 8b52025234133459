"""Standard output and error that outlive their readers: ``kerasmatrix run | head -1`` runs on.

What nobody reads any more is dropped. The exit code and the reports are what they would have been.
"""

from __future__ import annotations

import io
import sys
from typing import TYPE_CHECKING, TextIO

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer

__all__ = ["outlive_readers"]


class _Patient(io.FileIO):
    """A descriptor to write to, whose other end may go away."""

    def write(self, data: ReadableBuffer, /) -> int:
        try:
            return super().write(data)
        except BrokenPipeError:
            return memoryview(data).nbytes


def outlive_readers() -> None:
    """Put such streams in place of the program's own."""
    # A program that was started with one of them closed has none.
    if sys.stdout:
        sys.stdout = _patient(sys.stdout, 1, line_buffering=sys.stdout.isatty())
    if sys.stderr:
        sys.stderr = _patient(sys.stderr, 2, line_buffering=True)


def _patient(stream: TextIO, descriptor: int, *, line_buffering: bool) -> TextIO:
    return io.TextIOWrapper(
        io.BufferedWriter(_Patient(descriptor, "w", closefd=False)),
        encoding=stream.encoding,
        errors=stream.errors,
        line_buffering=line_buffering,
    )
