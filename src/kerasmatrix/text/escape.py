"""What a terminal shows of texts that a file brought along."""

from __future__ import annotations

__all__ = ["brief", "cut", "visible"]

LONGEST = 60


def visible(text: str) -> str:
    """Return ``text`` with what acts on a terminal shown as what it is: names are the file's."""
    return "".join(each if each.isprintable() else ascii(each)[1:-1] for each in text)


def brief(value: object) -> str:
    """Return the representation of a value that a user gave, cut where it is long."""
    try:
        text = repr(value)
    except ValueError:  # an integer with thousands of digits
        return "a number with thousands of digits"
    return cut(text)


def cut(text: str) -> str:
    """Return ``text``, or its beginning where it is long."""
    return text if len(text) <= LONGEST else f"{text[:LONGEST]}…"
