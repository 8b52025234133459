"""How an error that a user can mend is shown: what is wrong, and the way out below it."""

from __future__ import annotations

import re
from collections.abc import Iterable

import click

from kerasmatrix.errors import KerasmatrixError
from kerasmatrix.text.escape import visible

__all__ = ["show", "show_all"]

LONG_WORD = re.compile(r"\S{1000,}")


def show(error: KerasmatrixError) -> int:
    """Print ``error`` and return its exit code."""
    click.echo(f"kerasmatrix: {_lines(error.message)}", err=True)
    if error.hint:
        click.echo(f"  {_lines(error.hint)}", err=True)
    return error.exit_code


def _lines(text: str) -> str:
    """Return ``text`` with further lines indented: none of them looks like a message of its own."""
    lines = (LONG_WORD.sub(_shortened, line) for line in text.split("\n"))
    return "\n  ".join(map(visible, lines))


def _shortened(word: re.Match[str]) -> str:
    """Return a word, such as a path, without its middle: what is wrong with it stands beside it."""
    return f"{word[0][:200]}…{word[0][-100:]}"


def show_all(errors: Iterable[KerasmatrixError | None]) -> int:
    """Print those that are errors and return the worst exit code, 0 where there is none."""
    return max((show(error) for error in errors if error), default=0)
