"""Lines of messages, which may be long or empty."""

from __future__ import annotations

__all__ = ["first_line"]


def first_line(message: object) -> str:
    """Return the first line of a message that has text; an empty one if none has."""
    return next(iter(str(message).strip().splitlines()), "")
