"""What goes over the line between the runner and a worker: one JSON object a line.

The worker says ``hello`` once TensorFlow is imported (or ``unavailable`` if it cannot be), then
answers every ``batch`` with one ``result`` for each of its ``tasks``, as each is done and in their
order, with the task's id. End of input is the order to leave.
"""

from __future__ import annotations

import json
import math
import os
import select

__all__ = ["LONGEST", "PROTOCOL", "Buffer", "Line", "decode", "encode", "readable"]

PROTOCOL = 2

LONGEST = 8 << 20  # bytes of a line; a model of ten thousand weights takes three
# Digits of a number. Python before 3.11 takes a time that grows with their square.
MOST_DIGITS = 4000


def encode(message: dict) -> bytes:
    """Return ``message`` as one line. NaN and infinity are not JSON, so they must not be in it."""
    return json.dumps(message, allow_nan=False, separators=(",", ":")).encode("utf-8") + b"\n"


def decode(line: bytes) -> dict:
    """Return the object in ``line``. Its numbers are finite, and none has very many digits.

    Raises:
        ValueError: it is not a JSON object, or longer than any answer.
    """
    if len(line) > LONGEST:
        raise ValueError("too long")
    try:
        message = json.loads(
            line.decode("utf-8"), parse_int=_integer, parse_float=_float, parse_constant=_float
        )
    except RecursionError:
        raise ValueError("nested too deeply") from None
    if not isinstance(message, dict):
        raise ValueError("not a JSON object")  # noqa: TRY004 - it is the line that is wrong
    return message


def readable(descriptor: int, seconds: float) -> bool:
    """Whether a descriptor, however high its number, has data or its end within ``seconds``."""
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
    """Collects bytes until they are whole lines. Each byte is looked at once.

    A line that grows beyond `LONGEST` is dropped, and ``overflowed`` is True from then on.
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
        """Return the next whole line if it is here already."""
        if not self.ready:
            return None
        line = bytes(self._data[: self._searched])
        del self._data[: self._searched + 1]
        self._searched = 0
        return line


class Line:
    """Reads lines from a file descriptor without blocking longer than it is told to."""

    def __init__(self, descriptor: int) -> None:
        self.descriptor = descriptor
        self.closed = False
        self._buffer = Buffer()

    @property
    def overflowed(self) -> bool:
        """Whether a line came that is longer than any answer."""
        return self._buffer.overflowed

    def take(self) -> bytes | None:
        """Return the next whole line if it is here already."""
        return self._buffer.take()

    @property
    def ready(self) -> bool:
        """Whether `take` would return a line, or never will."""
        return self._buffer.ready or self.closed

    def fill(self) -> None:
        """Read what is there; blocks if nothing is. Notes the end of input in ``closed``.

        A line without end is the end, too.
        """
        data = os.read(self.descriptor, 65536)
        self._buffer.feed(data)
        self.closed = not data or self.overflowed

    def wait(self, seconds: float) -> bool:
        """Whether there is something to read (or the end) within ``seconds``."""
        return readable(self.descriptor, seconds)
