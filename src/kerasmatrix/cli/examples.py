"""Examples in the help of commands."""

from __future__ import annotations

__all__ = ["example"]


def example(*lines: str) -> str:
    """Return the epilog of a command's help: commands that a user can paste, one a line."""
    # click wraps paragraphs that do not begin with \b.
    return "\n".join(["\b", "Example:", *(f"  {line}" for line in lines)])
