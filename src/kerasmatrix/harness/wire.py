"""What goes over the line between the runner and a worker: one JSON object a line.

The worker says ``hello`` once TensorFlow is imported (or ``unavailable`` if it cannot be), then
answers every ``batch`` with one ``result`` for each of its ``tasks``, as each is done and in their
order, with the task's id. End of input is the order to leave.
"""

from __future__ import annotations

import json
import os
import select

__all__ = ["LONGEST", "PROTOCOL", "Line", "decode", "encode", "readable"]

PROTOCOL = 2

LONGEST = 64 << 20  # bytes of a line; a model of ten thousand weights takes three


def encode(message: dict) -> bytes:
    """Return ``message`` as one line. NaN and infinity are not JSON, so they must not be in it."""
    return json.dumps(message, allow_nan=False, separators=(",", ":")).encode("utf-8") + b"\n"


def decode(line: bytes) -> dict:
    """Return the object in ``line``.

    Raises:
        ValueError: it is not a JSON object.
    """
    try:
        message = json.loads(line.decode("utf-8"))
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


class Line:
    """Reads lines from a file descriptor without blocking longer than it is told to."""

    def __init__(self, descriptor: int) -> None:
        self.descriptor = descriptor
        self.closed = False
        self.overflowed = False
        self._buffer = bytearray()

    def take(self) -> bytes | None:
        """Return the next whole line if it is here already."""
        end = self._buffer.find(b"\n")
        if end < 0:
            return None
        head = bytes(self._buffer[:end])
        del self._buffer[: end + 1]
        return head

    @property
    def ready(self) -> bool:
        """Whether `take` would return a line, or never will."""
        return b"\n" in self._buffer or self.closed

    def fill(self) -> None:
        """Read what is there; blocks if nothing is. Notes the end of input in ``closed``.

        A line without end is the end, too.
        """
        data = os.read(self.descriptor, 65536)
        self._buffer += data
        self.overflowed = len(self._buffer) > LONGEST and b"\n" not in self._buffer
        if self.overflowed:
            self._buffer.clear()
        self.closed = not data or self.overflowed

    def wait(self, seconds: float) -> bool:
        """Whether there is something to read (or the end) within ``seconds``."""
        return readable(self.descriptor, seconds)
