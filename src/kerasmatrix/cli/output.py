"""Printing what holds words of files: names and messages are theirs, and may act on a terminal."""

from __future__ import annotations

import json

import click
from pydantic import BaseModel

from kerasmatrix.text.escape import visible

__all__ = ["say", "say_json"]


def say(text: str, *, err: bool = False) -> None:
    """Print ``text``, with what acts on a terminal shown as what it is."""
    click.echo("\n".join(visible(line) for line in text.split("\n")), err=err)


def say_json(told: BaseModel) -> None:
    """Print a document in ASCII: a terminal acts on more characters than JSON leaves out."""
    click.echo(json.dumps(told.model_dump(mode="json"), indent=1))
