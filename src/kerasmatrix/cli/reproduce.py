"""``kerasmatrix reproduce``: finds the smallest model that fails as a file does."""

from __future__ import annotations

import contextlib
from pathlib import Path

import click

from kerasmatrix.cli.examples import example
from kerasmatrix.cli.file_output import say_wrapped
from kerasmatrix.cli.named_path import NamedPath
from kerasmatrix.cli.options import companions_options, store_folder_option
from kerasmatrix.cli.output import say, say_json
from kerasmatrix.cli.session import MeasuringOptions, measuring_options, session_from_options
from kerasmatrix.errors import InfrastructureError, UsageError
from kerasmatrix.files.import_models import import_model
from kerasmatrix.files.model_assets import ModelAssets
from kerasmatrix.files.output import check_folder
from kerasmatrix.files.reproduce import MOST_TRIALS, Reproduction
from kerasmatrix.files.reproduce import reproduce as reproduction_of
from kerasmatrix.files.reproduction_script import failure_text
from kerasmatrix.filesystem.atomic import AtomicFile
from kerasmatrix.text.lines import first_line

__all__ = ["reproduce"]

SCRIPT, ISSUE = "reproduce.py", "issue.md"
EVERY = 25  # trials between two lines of progress


@click.command(epilog=example("kerasmatrix reproduce model.h5 --loaded-with 2.21 --output small/"))
@click.argument("file", type=NamedPath(path_type=Path))
@click.option("--loaded-with", required=True, metavar="NAME", help="The version that fails.")
@click.option(
    "--output",
    "folder",
    type=NamedPath(path_type=Path, file_okay=False),
    metavar="DIR",
    help=f"Write {SCRIPT} and {ISSUE} here.  [default: print them]",
)
@click.option("--overwrite", is_flag=True, help="Replace existing files.")
@click.option(
    "--most",
    type=click.IntRange(min=1),
    default=MOST_TRIALS,
    show_default=True,
    metavar="N",
    help="How many models to try.",
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@companions_options
@store_folder_option
@measuring_options
def reproduce(  # noqa: PLR0913 - one argument per option
    *,
    file: Path,
    loaded_with: str,
    folder: Path | None,
    overwrite: bool,
    most: int,
    as_json: bool,
    code: Path | None,
    inputs: Path | None,
    measuring: MeasuringOptions,
) -> int:
    """Find the smallest model that fails as FILE does in a version.

    Layers and arguments are left out as long as the load fails alike: the same cause, exception and
    message. The weights are replaced by random numbers. The result is a script of at most 30 lines
    that fails when it is run with that version, and a text for an issue of Keras.

    Exit code 1 if the file loads, or cannot be reduced.
    """
    if folder is not None:
        _check(folder, overwrite=overwrite)
    with session_from_options(measuring) as session:
        environment = session.environment(loaded_with, "--loaded-with")
        with import_model(file, session.store, ModelAssets(code, inputs)) as model_input:
            found = reproduction_of(
                session, model_input, environment, code=code, on_trial=_show, most=most
            )
    if folder is not None and found.script is not None:
        _write(folder, found)
    if as_json:
        say_json(found)
    else:
        _say(found, folder)
    return 0 if found.script is not None else 1


def _show(number: int) -> None:
    if number % EVERY == 0:
        say(f"Tried {number} smaller models …", err=True)


def _check(folder: Path, *, overwrite: bool) -> None:
    check_folder(folder)
    existing = next((folder / name for name in (SCRIPT, ISSUE) if (folder / name).exists()), None)
    if existing and not overwrite:
        raise UsageError(f"{existing}: exists", hint="name another folder, or add --overwrite")


def _write(folder: Path, found: Reproduction) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with contextlib.ExitStack() as stack:
            # Both are on the disk before one of them has its name.
            staged = []
            for name, text in ((SCRIPT, found.script), (ISSUE, found.issue)):
                file = AtomicFile(folder / name, [(text or "").encode()])
                stack.callback(file.discard)
                staged.append(file)
            for file in staged:
                file.commit()
    except OSError as error:
        raise InfrastructureError(
            f"{folder}: cannot be written: {error.strerror}",
            hint="check that there is space, or choose another folder with --output",
        ) from None


def _say(found: Reproduction, folder: Path | None) -> None:
    place = f"{found.file} in {found.loaded_with}"
    if found.failure is not None:
        say_wrapped(f"{place}: {found.failure.cause}: {first_line(failure_text(found.failure))}")
    if found.script is None:
        say_wrapped(f"{place}: not reproduced: {found.why}")
        return
    say_wrapped(
        f"Reduced from {found.layers[0]} layers to {found.layers[1]}, and from "
        f"{found.arguments[0]} arguments to {found.arguments[1]}, in {found.trials} trials. The "
        "script was run in that version, and fails alike."
    )
    if found.needs:
        say_wrapped(f"The script imports {found.needs}, without whose classes it fails otherwise.")
    if folder is not None:
        say(f"Written: {folder / SCRIPT}, {folder / ISSUE}")
    else:
        say(f"\n{found.script}\n----\n\n{found.issue}")
