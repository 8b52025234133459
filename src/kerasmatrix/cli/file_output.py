"""Prints the verdict on checked files, and the custom objects that files need."""

from __future__ import annotations

import textwrap
from collections.abc import Collection, Iterable
from pathlib import Path

import click
from rich.console import Console

from kerasmatrix.cli.error_output import show
from kerasmatrix.cli.output import say
from kerasmatrix.cli.terminal import print_counts
from kerasmatrix.errors import KerasmatrixError, UsageError
from kerasmatrix.files.model_input import ModelInput
from kerasmatrix.prediction.custom_objects import custom_object_names
from kerasmatrix.report.file_verdict import FilesVerdict
from kerasmatrix.results.schema import Results
from kerasmatrix.text.escape import escape_control_characters

__all__ = ["file_link", "print_verdict", "say_required", "say_wrapped"]

NARROWEST = 40
MOST_HAZARDS = 3  # of a file; `inspect` lists all


def file_link(path: Path) -> str:
    """Return a path as a link that terminals open."""
    return path.resolve().as_uri()


def say_wrapped(text: str, *, indent: str = "  ", err: bool = False) -> None:
    """Print a line; in a terminal, break it between words, and indent what follows."""
    console = Console(stderr=err)
    text = escape_control_characters(text)
    if console.is_terminal:
        text = "\n".join(
            textwrap.wrap(
                text,
                max(console.width, NARROWEST),
                subsequent_indent=indent,
                break_long_words=False,
                break_on_hyphens=False,
            )
        )
    click.echo(text, err=err)


def say_required(model_inputs: Iterable[ModelInput], code: Path | None) -> None:
    """Name what is unsafe in files, and the custom objects that they need and that are not passed.

    Nothing is loaded yet.
    """
    given = _names_in(code)
    for model in model_inputs:
        for hazard in model.model_file.hazards[:MOST_HAZARDS]:
            say_wrapped(f"kerasmatrix: {model.path}: unsafe: {hazard.sentence}", err=True)
        missing = [each.name for each in model.required if each.name not in given]
        if not missing:
            continue
        names = ", ".join(missing)
        way_out = (
            f"{code} does not define {'it' if len(missing) == 1 else 'them'}"
            if code
            else "name the module that defines "
            f"{'it' if len(missing) == 1 else 'them'}: --custom-objects my_layers.py"
        )
        say_wrapped(f"kerasmatrix: {model.path}: needs {names}: {way_out}", err=True)


def _names_in(code: Path | None) -> frozenset[str]:
    try:
        return custom_object_names(code) if code else frozenset()
    except UsageError as error:  # another Python may read it
        show(error)
        return frozenset()


def print_verdict(
    verdict: FilesVerdict,
    results: Results,
    page: Path,
    fix_command: str | None,
    refused: Collection[KerasmatrixError],
) -> None:
    """Print a line for each file; at the end the verdict, the way out, and the counts.

    Args:
        verdict: on the files that were checked.
        results: of the check.
        page: the report.
        fix_command: the command that writes fixed files, if there is one.
        refused: the errors of the files that could not be checked.
    """
    click.echo()
    for line in verdict.lines:
        say_wrapped(f"{line.glyph} {line.text()}", indent="    ")
    for error in refused:  # they were printed before the check, which may be far up
        say_wrapped(f"? {error.message}: not checked", indent="    ")
    for note in verdict.notes():
        say_wrapped(note)
    click.echo()
    count = len(refused)
    files = "1 other file was" if count == 1 else f"{count} other files were"
    say_wrapped(verdict.headline() + (f" {files} not checked." if count else ""))
    if fix_command:
        say(f"To write fixed files: {fix_command}")
    print_counts(results)
    say(f"Report: {file_link(page)}")
