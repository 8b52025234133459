"""How an error that a user can mend is shown: what is wrong, and the way out below it."""

from __future__ import annotations

from collections.abc import Iterable

import click

from kerasmatrix.errors import KerasmatrixError
from kerasmatrix.visible import visible

__all__ = ["show", "show_all"]


def show(error: KerasmatrixError) -> int:
    """Print ``error`` and return its exit code."""
    click.echo(f"kerasmatrix: {_lines(error.message)}", err=True)
    if error.hint:
        click.echo(f"  {_lines(error.hint)}", err=True)
    return error.exit_code


def _lines(text: str) -> str:
    """Return ``text`` with further lines indented: none of them looks like a message of its own."""
    return "\n  ".join(visible(line) for line in text.split("\n"))


def show_all(errors: Iterable[KerasmatrixError | None]) -> int:
    """Print those that are errors and return the worst exit code, 0 where there is none."""
    return max((show(error) for error in errors if error), default=0)
