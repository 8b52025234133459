"""The messages between the runner and a worker: one JSON object a line.

The worker sends ``hello`` once TensorFlow is imported, or ``unavailable`` if the import fails. It
answers every ``batch`` with one ``result`` for each of its ``tasks``, in order, each as soon as it
is there and with the task's id. It exits at the end of its input.
"""

from __future__ import annotations

import json
import math
import os
import select

__all__ = ["LONGEST", "PROTOCOL", "Buffer", "Line", "decode", "encode", "readable", "send"]

PROTOCOL = 2

LONGEST = 8 << 20  # bytes of a line; a model of ten thousand weights takes three
# Python before 3.11 parses a number in a time that grows with the square of its digits.
MOST_DIGITS = 4000


def encode(message: dict) -> bytes:
    """Return ``message`` as one line.

    Raises:
        ValueError: it holds NaN or an infinity, which JSON lacks.
    """
    return json.dumps(message, allow_nan=False, separators=(",", ":")).encode("utf-8") + b"\n"


def send(descriptor: int, message: dict) -> None:
    """Write ``message`` as one line.

    Raises:
        ValueError: it is not JSON.
    """
    data = encode(message)
    while data:
        data = data[os.write(descriptor, data) :]


def decode(line: bytes) -> dict:
    """Return the object in ``line``, which a model may have forged.

    Raises:
        ValueError: it is too long or nested too deeply, is not a JSON object, or has a number that
            is not finite or has too many digits.
    """
    if len(line) > LONGEST:
        raise ValueError("too long")
    try:
        message = json.loads(
            line.decode("utf-8"), parse_int=_integer, parse_float=_float, parse_constant=_float
        )
    except RecursionError:
        # An answer that a model has forged must not end the run.
        raise ValueError("nested too deeply") from None
    if not isinstance(message, dict):
        raise ValueError("not a JSON object")  # noqa: TRY004 - it is the line that is wrong
    return message


def readable(descriptor: int, seconds: float) -> bool:
    """Whether a descriptor, however high its number, has data or its end within ``seconds``."""
    # `select.select` fails for descriptors from 1024 on, of which a run may have more.
    poll = select.poll()
    poll.register(descriptor, select.POLLIN)
    return bool(poll.poll(max(0.0, seconds) * 1000))


def _integer(digits: str) -> int:
    if len(digits) > MOST_DIGITS:
        raise ValueError("a number of too many digits")
    return int(digits)


def _float(digits: str) -> float:
    number = float(digits)
    if not math.isfinite(number):
        raise ValueError("a number that is not finite")
    return number


class Buffer:
    """Collects bytes until they form lines, and searches each byte once.

    A line that grows beyond `LONGEST` is dropped; ``overflowed`` is True from then on.
    """

    def __init__(self) -> None:
        self.overflowed = False
        self._data = bytearray()
        self._searched = 0

    def feed(self, data: bytes) -> None:
        """Add ``data``."""
        if self.overflowed:
            return
        self._data += data
        if len(self._data) > LONGEST and not self.ready:
            self.overflowed = True
            self._data.clear()
            self._searched = 0

    @property
    def ready(self) -> bool:
        """Whether `take` would return a line."""
        end = self._data.find(b"\n", self._searched)
        self._searched = len(self._data) if end < 0 else end
        return end >= 0

    def take(self) -> bytes | None:
        """Return the next line if it has arrived completely."""
        if not self.ready:
            return None
        line = bytes(self._data[: self._searched])
        del self._data[: self._searched + 1]
        self._searched = 0
        return line


class Line:
    """Reads lines from a file descriptor, and blocks only where the caller asks for it."""

    def __init__(self, descriptor: int) -> None:
        self.descriptor = descriptor
        self.closed = False
        self._buffer = Buffer()

    @property
    def overflowed(self) -> bool:
        """Whether a line was longer than `LONGEST`."""
        return self._buffer.overflowed

    def take(self) -> bytes | None:
        """Return the next line if it has arrived completely."""
        return self._buffer.take()

    @property
    def ready(self) -> bool:
        """Whether `take` would return a line, or never will."""
        return self._buffer.ready or self.closed

    def fill(self) -> None:
        """Read the data that has arrived, or wait for some.

        ``closed`` is True after the end of input, and after a line that is too long.
        """
        data = os.read(self.descriptor, 65536)
        self._buffer.feed(data)
        self.closed = not data or self.overflowed

    def wait(self, seconds: float) -> bool:
        """Whether there is something to read (or the end) within ``seconds``."""
        return readable(self.descriptor, seconds)
