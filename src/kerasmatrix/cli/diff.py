"""``kerasmatrix diff``: compares two model files, which are read and never run."""

from __future__ import annotations

import json
from pathlib import Path

import click

from kerasmatrix.cli.examples import example
from kerasmatrix.cli.file_output import file_link
from kerasmatrix.cli.named_path import NamedPath
from kerasmatrix.cli.output import say, say_json
from kerasmatrix.cli.remote import with_downloads
from kerasmatrix.errors import UsageError
from kerasmatrix.files.diff import diff as difference_of
from kerasmatrix.files.diff_result import Difference
from kerasmatrix.filesystem.atomic import write_atomic

__all__ = ["diff"]


@click.command(epilog=example("kerasmatrix diff old.h5 new.keras --html diff.html"))
@click.argument("a", type=NamedPath(path_type=Path), required=False)
@click.argument("b", type=NamedPath(path_type=Path), required=False)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.option(
    "--html",
    "page",
    type=NamedPath(path_type=Path, dir_okay=False),
    metavar="FILE",
    help="Also write a page.",
)
@click.option("--schema", is_flag=True, help="Print the JSON Schema of the output.")
@with_downloads("a", "b")
def diff(a: Path | None, b: Path | None, *, as_json: bool, page: Path | None, schema: bool) -> int:
    """Compare the model files A and B, of any formats and versions.

    Compared are layers, their arguments and wiring, weights, compile state and optimizer state.
    Arguments that two versions spell differently are equal. A and B can be addresses (hf://,
    models:/, s3://).

    Exit code: 0 if all is equal, 1 if anything differs or cannot be compared.
    """
    if schema:
        click.echo(json.dumps(Difference.model_json_schema(mode="serialization"), indent=2))
        return 0
    if a is None or b is None:
        raise click.UsageError("name two model files")
    found = difference_of(a, b)
    if page is not None:
        from kerasmatrix.report.diff_page import render_diff  # noqa: PLC0415 - rarely needed

        try:
            page.parent.mkdir(parents=True, exist_ok=True)
            write_atomic(page, [render_diff(found).encode()])
        except OSError as error:
            raise UsageError(
                f"{page}: cannot be written: {error.strerror}",
                hint="choose another file with --html",
            ) from None
    if as_json:
        say_json(found)
    else:
        from kerasmatrix.report.diff_text import text_of_diff  # noqa: PLC0415 - not for JSON

        say(text_of_diff(found))
        if page is not None:
            say(f"\nPage: {file_link(page)}")
    return 0 if found.equal else 1
