"""Prints text from model files, whose control characters must not reach the terminal."""

from __future__ import annotations

import json

import click
from pydantic import BaseModel

from kerasmatrix.text.escape import escape_control_characters

__all__ = ["say", "say_json"]


def say(text: str, *, err: bool = False) -> None:
    """Print ``text`` with control characters escaped."""
    click.echo("\n".join(escape_control_characters(line) for line in text.split("\n")), err=err)


def say_json(document: BaseModel) -> None:
    """Print a document as ASCII: JSON escapes fewer control characters than terminals know."""
    click.echo(json.dumps(document.model_dump(mode="json"), indent=1))
