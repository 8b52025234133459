"""``kerasmatrix convert``: converts a model file for another version."""

from __future__ import annotations

from pathlib import Path

import click

from kerasmatrix.cli.named_path import NamedPath
from kerasmatrix.cli.options import companions_options, names_option, store_folder_option
from kerasmatrix.cli.output import say, say_json
from kerasmatrix.cli.session import measuring_options, session_from_options
from kerasmatrix.errors import UsageError
from kerasmatrix.files.conversion_plan import format_of
from kerasmatrix.files.convert import Conversion
from kerasmatrix.files.convert import convert as convert_file
from kerasmatrix.files.import_models import import_model
from kerasmatrix.files.manifest import ConversionFailure, Manifest
from kerasmatrix.files.model_assets import ModelAssets
from kerasmatrix.files.output import check_output, default_manifest, write_file

__all__ = ["convert"]

IMPOSSIBLE = 1
ACTIONS = {
    "copied": "copied; it loads as it is",
    "rewritten": "architecture rewritten, weights unchanged",
    "saved-again": "loaded and saved again",
    "bridged": "saved by an intermediate version",
}
NAMES = {"h5": "model.h5", "keras": "model.keras", "savedmodel": "model"}


@click.command()
@click.argument("file", type=NamedPath(path_type=Path))
@click.option("--for", "target", required=True, metavar="NAME", help="Target version.")
@click.option(
    "--output",
    required=True,
    type=NamedPath(path_type=Path),
    help="The file to write; its ending (.h5, .keras, none for a SavedModel) is its format.",
)
@click.option(
    "--manifest",
    type=NamedPath(path_type=Path),
    help="The file that describes the conversion.  [default: OUTPUT.kerasmatrix.json]",
)
@click.option("--overwrite", is_flag=True, help="Replace existing files; never the original.")
@names_option("--through", "environments, or groups of them, as intermediate versions")
@click.option(
    "--json",
    "as_json",
    is_flag=True,
    help="Print the manifest, or the reason for a failure, as JSON.",
)
@companions_options
@store_folder_option
@measuring_options
def convert(  # noqa: PLR0913 - one argument per option
    *,
    file: Path,
    target: str,
    output: Path,
    manifest: Path | None,
    overwrite: bool,
    through: tuple[str, ...],
    as_json: bool,
    code: Path | None,
    inputs: Path | None,
    matrix_file: Path,
    engine_name: str,
    jobs: int | None,
    trust: bool,
    fresh: bool,
    store_folder: Path,
) -> int:
    """Convert FILE so that a TensorFlow version loads it and computes the same outputs.

    Tries fixes as `check` does, makes a file with the one that works, and verifies that the version
    loads it before it is written. Exit code 1 if no such file can be made.
    """
    file_format = _format_of(output)
    if not file.exists():
        raise UsageError(f"{file}: there is no such file")
    manifest = manifest or default_manifest(output)
    check_output(file, output, manifest, overwrite=overwrite)
    with session_from_options(
        matrix_file, engine_name, store_folder, jobs=jobs, trust=trust, fresh=fresh
    ) as session:
        wanted = session.matrix.environment(target, "--for")
        between = session.select(through or ("default",)).environments
        with import_model(file, session.store, ModelAssets(code, inputs)) as model_input:
            conversion = convert_file(
                session, model_input, wanted, between, file_format=file_format, output=str(output)
            )
            if isinstance(conversion, Conversion):
                write_file(conversion.path, conversion.manifest, output, manifest)
            if model_input.has_changed:
                say(
                    f"kerasmatrix: {file}: has changed in the meantime; the converted file is the "
                    "file as it was",
                    err=True,
                )
    if isinstance(conversion, Conversion):
        value: Manifest | ConversionFailure = conversion.manifest
        text = _prose(conversion.manifest, manifest)
    else:
        value, text = conversion, _failure(conversion, target, file_format)
    if as_json:
        say_json(value)
    else:
        say(text)
    return 0 if isinstance(conversion, Conversion) else IMPOSSIBLE


def _format_of(output: Path) -> str:
    """Return the format of the file to write.

    Raises:
        UsageError: the name has an unknown extension, or is not that of a file.
    """
    file_format = format_of(output.suffix)
    if file_format is None:
        raise UsageError(f"{output}: unknown file extension", hint="use .h5 or .keras")
    if output.name in {"", ".."}:
        raise UsageError(
            f"{output}: is a folder, and not the name of a file",
            hint="name the file to write, such as model.h5 in it",
        )
    return file_format


def _prose(manifest: Manifest, path: Path) -> str:
    lines = [f"{manifest.output.path}: {ACTIONS[manifest.action]}"]
    if manifest.remedies:
        lines[0] += f" ({' + '.join(manifest.remedies)})"
    lines[0] += "."
    lines += [f"  {step}" for step in manifest.did]
    verified = manifest.verified
    lines.append(
        f"  Verified in {manifest.target.environment}: {verified.summary}; the outputs were "
        f"compared with those of {verified.reference.environment}."
    )
    return "\n".join([*lines, f"  Details: {path}"])


def _failure(failure: ConversionFailure, target: str, file_format: str) -> str:
    subject = f"{failure.file}: cannot be converted to {file_format} for {target}"
    lines = [f"{subject}: {failure.why}."]
    lines += [
        f"  tried {' + '.join(attempt.remedies) or 'saving it again'}"
        f"{f' as {attempt.format}' if attempt.format else ''}: {attempt.status}: {attempt.summary}"
        for attempt in failure.tried
    ]
    if failure.instead:
        names = " or ".join(NAMES[other] for other in failure.instead)
        lines.append(f"  Another format is possible: --output {names}")
    for remedy in failure.code:
        lines.append(f"  Fix in a program: {remedy.title}")
        lines += [f"      {line}" for line in remedy.code.splitlines()]
    return "\n".join(lines)
