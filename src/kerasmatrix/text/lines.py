"""Lines of messages, which may be long or empty."""

from __future__ import annotations

__all__ = ["brief_line", "first_line"]

# Characters; Keras prints whole configurations in one line.
LONGEST = 240


def first_line(message: object) -> str:
    """Return the first line of a message that has text; an empty one if none has."""
    return next(iter(str(message).strip().splitlines()), "")


def brief_line(message: object) -> str:
    """Return the first line of a message, shortened if it is long."""
    line = first_line(message)
    return line if len(line) <= LONGEST else f"{line[: LONGEST - 1]}…"
