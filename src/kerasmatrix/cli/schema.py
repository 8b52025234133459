"""``kerasmatrix schema``: print the JSON Schema of results.json."""

from __future__ import annotations

import json

import click

from kerasmatrix.cli.examples import example
from kerasmatrix.results.results_json import results_schema

__all__ = ["schema"]


@click.command(epilog=example("kerasmatrix schema > results.schema.json"))
def schema() -> None:
    """Print the JSON Schema of results.json."""
    click.echo(json.dumps(results_schema(), indent=2))
