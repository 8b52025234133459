"""``kerasmatrix convert``: converts model files for another version."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import click

from kerasmatrix.cli.error_output import show, show_all
from kerasmatrix.cli.examples import example
from kerasmatrix.cli.exit_codes import NO
from kerasmatrix.cli.file_output import say_required, say_wrapped
from kerasmatrix.cli.named_path import NamedPath
from kerasmatrix.cli.options import companions_options, names_option, store_folder_option
from kerasmatrix.cli.output import print_json, say, say_json
from kerasmatrix.cli.remote import with_downloads
from kerasmatrix.cli.session import MeasuringOptions, measuring_options, session_from_options
from kerasmatrix.errors import KerasmatrixError, UsageError
from kerasmatrix.files.conversion_plan import format_of
from kerasmatrix.files.convert import Conversion, Converted
from kerasmatrix.files.discover import find_models
from kerasmatrix.files.fix import Outcome, OutputFile, OutputFolder, convert_files, module_notes
from kerasmatrix.files.import_models import import_models
from kerasmatrix.files.manifest import ConversionFailure, Manifest
from kerasmatrix.files.model_assets import ModelAssets
from kerasmatrix.files.model_input import CHANGED, ModelInput
from kerasmatrix.files.output import check_folder, check_output, default_manifest
from kerasmatrix.prediction.required_objects import program_arguments

__all__ = ["convert"]

ACTIONS = {
    "copied": "copied; it loads as it is",
    "rewritten": "architecture rewritten, weights unchanged",
    "saved-again": "loaded and saved again",
    "bridged": "saved by an intermediate version",
}
NAMES = {"h5": "model.h5", "keras": "model.keras", "savedmodel": "model"}


@click.command(epilog=example("kerasmatrix convert model.h5 --for 2.21 --output model.keras"))
@click.argument("files", nargs=-1, required=True, type=NamedPath(path_type=Path, any_length=True))
@click.option("--for", "target", required=True, metavar="VERSION", help="Target version.")
@click.option(
    "--output",
    type=NamedPath(path_type=Path),
    help="The file to write; its ending (.h5, .keras, none for a SavedModel) is its format.",
)
@click.option(
    "--output-dir",
    "folder",
    metavar="DIR",
    type=NamedPath(path_type=Path),
    help="The folder to write into: a file for each of FILES, under the same name.",
)
@click.option(
    "--manifest",
    type=NamedPath(path_type=Path),
    help="The file that describes the conversion.  [default: OUTPUT.kerasmatrix.json]",
)
@click.option("--overwrite", is_flag=True, help="Replace existing files; never an original.")
@names_option("--through", "environments, or groups of them, as intermediate versions")
@click.option(
    "--json",
    "as_json",
    is_flag=True,
    help="Print the manifest, or the reason for a failure, as JSON; of several files, a list.",
)
@companions_options
@store_folder_option
@measuring_options
@with_downloads("files")
def convert(  # noqa: PLR0913 - one argument per option
    *,
    files: tuple[Path, ...],
    target: str,
    output: Path | None,
    folder: Path | None,
    manifest: Path | None,
    overwrite: bool,
    through: tuple[str, ...],
    as_json: bool,
    code: Path | None,
    inputs: Path | None,
    measuring: MeasuringOptions,
) -> int:
    """Convert FILES so that a TensorFlow version loads them and computes the same outputs.

    FILES can be files, folders or addresses (hf://, models:/, s3://): one file with --output, any
    number with --output-dir. Tries fixes as `check` does, makes a file with the one that works, and
    verifies that the version loads it before it is written. Exit code 1 if no such file can be
    made.
    """
    if (output is None) == (folder is None):
        raise UsageError(
            "name either --output FILE, or --output-dir DIR",
            hint="--output-dir fixed writes a file for each of FILES, under its name",
        )
    place = (
        _single(files, output, manifest, overwrite=overwrite)
        if output
        else _folder(files, folder or Path(), manifest, overwrite=overwrite)
    )
    models = find_models(files)
    refused: list[KerasmatrixError] = list(models.refused.values())
    paths = [
        path for path in models.paths if isinstance(place, OutputFile) or not place.holds(path)
    ]
    if isinstance(place, OutputFile) and len(paths) > 1:
        raise UsageError(f"{files[0]}: holds {len(paths)} models", hint="use --output-dir DIR")
    outcomes: list[Outcome] = []
    if paths:
        with (
            session_from_options(measuring) as session,
            import_models(paths, session.store, ModelAssets(code, inputs)) as (models_in, bad),
        ):
            refused += bad
            say_required(models_in, code)
            wanted = session.environment(target, "--for")
            between = session.select(through or ("default",)).environments
            outcomes = convert_files(session, models_in, wanted, between, place)
            _say_changed(models_in)
    exit_code = show_all(refused)
    if isinstance(place, OutputFile):
        _report_single(outcomes, target, place, as_json=as_json)
    else:
        _report_all(outcomes, target, place, as_json=as_json)
    return max([exit_code, *(_exit_code(outcome.result) for outcome in outcomes)])


def _single(
    files: tuple[Path, ...], output: Path, manifest: Path | None, *, overwrite: bool
) -> OutputFile:
    """Return the file to write, after all was checked that needs no measurement."""
    if len(files) > 1:
        raise UsageError(f"--output: one file for {len(files)}", hint="use --output-dir DIR")
    file_format = _format_of(output)
    if not files[0].exists():
        raise UsageError(f"{files[0]}: there is no such file")
    manifest = manifest or default_manifest(output)
    check_output(files[0], output, manifest, overwrite=overwrite)
    return OutputFile(output, file_format, manifest, overwrite)


def _folder(
    files: tuple[Path, ...], folder: Path, manifest: Path | None, *, overwrite: bool
) -> OutputFolder:
    if manifest:
        raise UsageError("--manifest: with --output-dir each file has its own, next to it")
    check_folder(folder)
    return OutputFolder(folder, files, overwrite)


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


def _say_changed(model_inputs: Sequence[ModelInput]) -> None:
    for model in model_inputs:
        if model.has_changed:
            say(f"kerasmatrix: {model.path}: {CHANGED}", err=True)


def _exit_code(result: Converted) -> int:
    if isinstance(result, KerasmatrixError):
        return result.exit_code
    return 0 if isinstance(result, Conversion) else NO


def _report_single(
    outcomes: Sequence[Outcome], target: str, place: OutputFile, *, as_json: bool
) -> None:
    for outcome in outcomes:
        result = outcome.result
        if isinstance(result, KerasmatrixError):
            show(result)
        elif as_json:
            say_json(result.manifest if isinstance(result, Conversion) else result)
        elif isinstance(result, Conversion):
            say(_prose(result.manifest, place.manifest))
        else:
            say(_failure(result, target, place.file_format))


def _report_all(
    outcomes: Sequence[Outcome], target: str, place: OutputFolder, *, as_json: bool
) -> None:
    """Print a line for each file, and a summary."""
    if as_json:
        print_json([outcome.file.model_dump(mode="json") for outcome in outcomes], indent=1)
        return
    written = [outcome for outcome in outcomes if outcome.file.path]
    for outcome in outcomes:
        file = outcome.file
        if file.path is None:
            say_wrapped(f"{file.source}: not converted: {file.trouble}", indent="    ")
            continue
        action = ACTIONS[file.action or ""]
        by = f" ({' + '.join(file.remedies)})" if file.remedies else ""
        loses = f"; loses {', '.join(file.lost)}" if file.lost else ""
        say_wrapped(f"{file.source}: {action}{by}: {file.path}{loses}", indent="    ")
    for line in (*_needs(written), *module_notes(outcome.file for outcome in written)):
        say_wrapped(line)
    losing = sum(bool(outcome.file.lost) for outcome in written)
    lost = f", {losing} with losses" if losing else ""
    say_wrapped(
        f"{len(written)} of {len(outcomes)} files converted for {target} into {place.path}{lost}; "
        "next to each, a manifest says how it was verified."
    )


def _needs(written: Sequence[Outcome]) -> list[str]:
    groups: dict[str, list[str]] = {}
    for outcome in written:
        if outcome.file.custom_objects:
            arguments = program_arguments(outcome.file.custom_objects)
            groups.setdefault(arguments, []).append(outcome.file.path or "")
    return [f"A program passes {arguments} to load {', '.join(files)}."
            for arguments, files in groups.items()]  # fmt: skip


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
    if manifest.custom_objects:
        arguments = program_arguments(manifest.custom_objects)
        lines.append(f"  A program passes {arguments} to load it.")
    for name in manifest.modules:
        module = Path(manifest.output.path).with_name(name)
        lines.append(f"  A program imports {module.stem} ({module}) before it loads it.")
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
