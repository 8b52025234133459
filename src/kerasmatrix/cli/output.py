"""Prints text from model files, whose control characters must not reach the terminal."""

from __future__ import annotations

import json

import click
from pydantic import BaseModel

from kerasmatrix.text.escape import escape_control_characters

__all__ = ["print_json", "say", "say_json"]


def say(text: str, *, err: bool = False) -> None:
    """Print ``text`` with control characters escaped."""
    click.echo("\n".join(escape_control_characters(line) for line in text.split("\n")), err=err)


def say_json(document: BaseModel) -> None:
    """Print a document as JSON."""
    print_json(document.model_dump(mode="json"), indent=1)


def print_json(value: object, *, indent: int | None = None) -> None:
    """Print JSON as ASCII: JSON escapes fewer control characters than terminals know.

    Two number signs, which only texts have, can start a command for a CI that reads the log.
    """
    separators = (",", ":") if indent is None else None
    click.echo(json.dumps(value, indent=indent, separators=separators).replace("##", "\\u0023#"))
