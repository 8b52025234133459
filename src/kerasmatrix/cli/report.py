"""``kerasmatrix report``: renders a stored run."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import click

from kerasmatrix.cli.examples import example
from kerasmatrix.cli.named_path import NamedPath
from kerasmatrix.cli.stored_runs import read_run, store_option
from kerasmatrix.errors import InfrastructureError
from kerasmatrix.filesystem.named_files import write_bytes
from kerasmatrix.report.badge import to_badge
from kerasmatrix.report.csv_parquet import csv_parts, to_parquet
from kerasmatrix.report.frame import cell_frame
from kerasmatrix.report.html import render_html
from kerasmatrix.report.junit import to_junit
from kerasmatrix.report.markdown import to_markdown
from kerasmatrix.results.results_json import to_json
from kerasmatrix.results.schema import Results
from kerasmatrix.store.runs import Archive

__all__ = ["report"]

FORMATS: dict[str, Callable[[Results], str | bytes]] = {
    "json": to_json,
    "csv": lambda results: "".join(csv_parts(results)),
    "parquet": lambda results: to_parquet(cell_frame(results)),
    "junit": to_junit,
    "markdown": to_markdown,
    "badge": to_badge,
}


@click.command(epilog=example("kerasmatrix report --format csv --output results.csv"))
@click.argument("run", default="last")
@click.option(
    "--format", "form", type=click.Choice(["html", *FORMATS]), required=True, help="Output format."
)
@click.option(
    "--output",
    type=NamedPath(path_type=Path, dir_okay=False),
    help="Output file.  [default: standard output]",
)
@store_option
def report(run: str, form: str, output: Path | None, store_folder: Path) -> int:
    """Write a stored run in another format.

    RUN is a results.json, a run's id, last (the default) or previous.
    """
    results = read_run(run, store_folder)
    if form == "html":
        past = Archive(store_folder).before(results.run.id)
        rendered: str | bytes = render_html(results, past=past)
    else:
        rendered = FORMATS[form](results)
    data = rendered if isinstance(rendered, bytes) else rendered.encode("utf-8", "replace")
    if output is None:
        click.echo(data, nl=False)
        return 0
    try:
        output.parent.mkdir(parents=True, exist_ok=True)
        write_bytes(output, data)
    except OSError as error:
        raise InfrastructureError(
            f"{output}: cannot be written: {error.strerror}",
            hint="choose another file with --output",
        ) from None
    return 0
