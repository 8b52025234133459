"""Prints errors for users: the problem, and a hint on the line below it."""

from __future__ import annotations

import re
from collections.abc import Iterable

import click

from kerasmatrix.errors import KerasmatrixError
from kerasmatrix.text.escape import escape_control_characters

__all__ = ["show", "show_all"]

# Such as a path, or data in an address. Longer ones would hide the message.
LONG_WORD = re.compile(r"\S{1000,}")
# Of a message; with its hint, an error has at most six lines.
MOST_LINES = 5


def show(error: KerasmatrixError) -> int:
    """Print ``error`` and return its exit code."""
    click.echo(f"kerasmatrix: {_lines(error.message)}", err=True)
    if error.hint:
        click.echo(f"  {_lines(error.hint)}", err=True)
    return error.exit_code


def _lines(text: str) -> str:
    """Return ``text`` with continuation lines indented, so that none looks like a new message."""
    lines = text.split("\n")
    if len(lines) > MOST_LINES:
        left_out = len(lines) - MOST_LINES + 1
        lines[MOST_LINES - 1 :] = [f"… and {left_out} more lines"]
    lines = [LONG_WORD.sub(_shortened, line) for line in lines]
    return "\n  ".join(map(escape_control_characters, lines))


def _shortened(word: re.Match[str]) -> str:
    """Return a long word, such as a path, without its middle."""
    return f"{word[0][:200]}…{word[0][-100:]}"


def show_all(errors: Iterable[KerasmatrixError | None]) -> int:
    """Print the errors and return the highest exit code, 0 without errors."""
    return max((show(error) for error in errors if error), default=0)
