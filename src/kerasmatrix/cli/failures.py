"""How an error that a user can mend is shown: what is wrong, and the way out below it."""

from __future__ import annotations

from collections.abc import Iterable

import click

from kerasmatrix.errors import KerasmatrixError
from kerasmatrix.visible import visible

__all__ = ["show", "show_all"]

LONGEST_LINE = 4_000  # characters; a path can be as long


def show(error: KerasmatrixError) -> int:
    """Print ``error`` and return its exit code."""
    click.echo(f"kerasmatrix: {_lines(error.message)}", err=True)
    if error.hint:
        click.echo(f"  {_lines(error.hint)}", err=True)
    return error.exit_code


def _lines(text: str) -> str:
    """Return ``text`` with further lines indented: none of them looks like a message of its own."""
    lines = (_cut(line) for line in text.split("\n"))
    return "\n  ".join(map(visible, lines))


def _cut(line: str) -> str:
    """Return a line without its middle if it is long: what is wrong stands at its end."""
    if len(line) <= LONGEST_LINE:
        return line
    half = LONGEST_LINE // 2
    return f"{line[:half]}…{line[-half:]}"


def show_all(errors: Iterable[KerasmatrixError | None]) -> int:
    """Print those that are errors and return the worst exit code, 0 where there is none."""
    return max((show(error) for error in errors if error), default=0)
