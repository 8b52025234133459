"""``kerasmatrix inspect``: describes a model file, which is read and never run."""

from __future__ import annotations

import json
from pathlib import Path

import click

from kerasmatrix.cli.error_output import show, show_all
from kerasmatrix.cli.examples import example
from kerasmatrix.cli.named_path import NamedPath
from kerasmatrix.cli.output import print_json
from kerasmatrix.cli.remote import with_downloads
from kerasmatrix.errors import KerasmatrixError, UsageError
from kerasmatrix.files.discover import find_models
from kerasmatrix.inspection.inspect import inspect as inspect_file
from kerasmatrix.inspection.model_info import ModelFile
from kerasmatrix.prediction.required_objects import inspect_required

__all__ = ["inspect"]


@click.command(epilog=example("kerasmatrix inspect model.h5"))
@click.argument("files", nargs=-1, type=NamedPath(path_type=Path, any_length=True), required=False)
@click.option("--digest", is_flag=True, help="Also compute a digest of all weights.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON, one line for each file.")
@click.option(
    "--sarif", is_flag=True, help="Print findings, such as code in a file, as SARIF for scanners."
)
@click.option("--schema", is_flag=True, help="Print the JSON Schema of the output.")
@with_downloads("files")
def inspect(
    files: tuple[Path, ...], *, digest: bool, as_json: bool, sarif: bool, schema: bool
) -> int:
    """Describe each of FILES: format, writer, layers, custom classes, weights.

    FILES can be files, folders or addresses (hf://, models:/, s3://). Nothing in them is run.
    """
    if schema:
        click.echo(json.dumps(ModelFile.model_json_schema(mode="serialization"), indent=2))
        return 0
    if not files:
        raise click.UsageError("name a model file")
    if sarif:
        return _print_sarif(files)
    models = find_models(files)
    code = show_all(models.refused.values())
    for number, path in enumerate(models.paths):
        if number and not as_json:
            click.echo()
        try:
            if as_json:
                # In ASCII: terminals interpret more characters than JSON escapes.
                print_json(inspect_file(path, digest=digest).model_dump(mode="json"))
            else:
                _show(path, digest=digest)
        except UsageError as error:  # the other files are inspected nevertheless
            code = show(error)
    return code


def _print_sarif(files: tuple[Path, ...]) -> int:
    from kerasmatrix.report.sarif import to_sarif  # noqa: PLC0415 - rarely needed

    models = find_models(files)
    told: list[tuple[str, ModelFile | KerasmatrixError]] = [
        (str(path), error) for path, error in models.refused.items()
    ]
    for path in models.paths:
        try:
            told.append((str(path), inspect_file(path)))
        except UsageError as error:
            told.append((str(path), error))
    print_json(to_sarif(told), indent=1)
    return 0


def _show(path: Path, *, digest: bool) -> None:
    # JSON output does not need rich, which is slow to import.
    from rich.console import Console  # noqa: PLC0415

    from kerasmatrix.cli.model_view import show_model  # noqa: PLC0415

    model_file, required = inspect_required(path, digest=digest)
    show_model(Console(highlight=False), model_file, required)
