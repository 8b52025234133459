"""What a terminal shows of texts that a file brought along."""

from __future__ import annotations

__all__ = ["visible"]


def visible(text: str) -> str:
    """Return ``text`` with what acts on a terminal shown as what it is: names are the file's."""
    return "".join(each if each.isprintable() else ascii(each)[1:-1] for each in text)
