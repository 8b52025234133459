"""``kerasmatrix inspect``: what a model file is and holds. It is read and never run."""

from __future__ import annotations

import json
from pathlib import Path

import click

from kerasmatrix.cli.error_output import show
from kerasmatrix.cli.named_path import NamedPath
from kerasmatrix.errors import UsageError
from kerasmatrix.inspection.inspect import inspect as look_into
from kerasmatrix.inspection.model_info import ModelFile

__all__ = ["inspect"]


@click.command()
@click.argument("files", nargs=-1, type=NamedPath(path_type=Path, any_length=True), required=False)
@click.option("--digest", is_flag=True, help="Read all weights and make a digest of them.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON, a line for each file.")
@click.option("--schema", is_flag=True, help="Print the JSON Schema of such a document.")
def inspect(files: tuple[Path, ...], *, digest: bool, as_json: bool, schema: bool) -> int:
    """Say what each of FILES is: format, writer, layers, custom code, weights."""
    if schema:
        click.echo(json.dumps(ModelFile.model_json_schema(mode="serialization"), indent=2))
        return 0
    if not files:
        raise click.UsageError("name a model file")
    code = 0
    for number, path in enumerate(files):
        if number and not as_json:
            click.echo()
        try:
            found = look_into(path, digest=digest)
        except UsageError as error:  # the other files are looked into all the same
            code = show(error)
            continue
        if as_json:
            # In ASCII: a terminal acts on more characters than JSON leaves out.
            click.echo(json.dumps(found.model_dump(mode="json"), separators=(",", ":")))
        else:
            _show(found)
    return code


def _show(found: ModelFile) -> None:
    # Programs that ask for JSON do not wait for what draws on a terminal.
    from rich.console import Console  # noqa: PLC0415

    from kerasmatrix.cli.model_view import show_model  # noqa: PLC0415

    show_model(Console(highlight=False), found)
