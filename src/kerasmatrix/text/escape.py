"""Makes texts from model files harmless for a terminal."""

from __future__ import annotations

__all__ = ["brief", "cut", "escape_control_characters"]

LONGEST = 60


def escape_control_characters(text: str) -> str:
    """Return ``text`` with characters that control a terminal as escape sequences."""
    return "".join(char if char.isprintable() else ascii(char)[1:-1] for char in text)


def brief(value: object) -> str:
    """Return the representation of a user's value, cut if it is long."""
    try:
        text = repr(value)
    except ValueError:  # an integer with thousands of digits
        return "a number with thousands of digits"
    return cut(text)


def cut(text: str) -> str:
    """Return ``text``, or its beginning if it is long."""
    return text if len(text) <= LONGEST else f"{text[:LONGEST]}…"
