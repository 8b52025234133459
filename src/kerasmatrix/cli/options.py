"""Options that several commands share."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from kerasmatrix.analysis.losses import LOSSES
from kerasmatrix.cli.named_path import NamedPath
from kerasmatrix.config.places import Places, matrix_or_bundled, places_of
from kerasmatrix.errors import nearest
from kerasmatrix.execution.shards import Shard
from kerasmatrix.text.escape import brief

__all__ = [
    "JOBS",
    "accept_option",
    "any_matrix_option",
    "beside_matrix_option",
    "companions_options",
    "group_option",
    "matrix_option",
    "names_option",
    "note_matrix",
    "output_option",
    "places",
    "remedies_options",
    "retries_options",
    "shard_option",
    "split_names",
    "store_folder_option",
]

# Each job takes a thread, and the number of threads of a machine is limited.
JOBS = click.IntRange(min=1, max=256)
MOST_SHARDS = 10_000  # more than any matrix has scenarios
# The key under which the context of a command holds the path of the matrix.
MATRIX = "kerasmatrix.config.matrix"
Command = TypeVar("Command", bound=Callable[..., Any])


def matrix_option(command: Command) -> Command:
    """Add ``--matrix FILE`` for commands that need a project."""
    return _matrix_option(command, "Matrix file to read.", default="matrix.yaml")


def any_matrix_option(command: Command) -> Command:
    """Add ``--matrix FILE``; without a ``matrix.yaml`` in the folder, it is the package's own."""
    return _matrix_option(
        command,
        "Matrix file with the environments.  [default: matrix.yaml, else the package's own]",
        callback=_note_matrix_or_bundled,
    )


def beside_matrix_option(command: Command) -> Command:
    """Add ``--matrix FILE``, of which only the folder matters: it is not read."""
    return _matrix_option(
        command,
        "Matrix file of the run: its folder has the store and the reports.  [default: matrix.yaml]",
        expose_value=False,
    )


def _matrix_option(
    command: Command,
    description: str,
    *,
    default: str | None = None,
    expose_value: bool = True,
    callback: Callable[[click.Context, click.Parameter, Path | None], Path | None] | None = None,
) -> Command:
    return click.option(
        "--matrix",
        "matrix_file",
        type=NamedPath(path_type=Path, dir_okay=False),
        default=default,
        show_default=default is not None,
        is_eager=True,
        expose_value=expose_value,
        callback=callback or note_matrix,
        help=description,
    )(command)


def note_matrix(
    context: click.Context, _parameter: click.Parameter, value: Path | None
) -> Path | None:
    """Keep the path of the matrix for the options that are evaluated later and depend on it."""
    context.meta[MATRIX] = value
    return value


def _note_matrix_or_bundled(
    context: click.Context, parameter: click.Parameter, value: Path | None
) -> Path:
    return matrix_or_bundled(note_matrix(context, parameter, value))


def places(context: click.Context) -> Places:
    """Return the default places of the store and the reports."""
    return places_of(context.meta[MATRIX])


def group_option(command: Command) -> Command:
    """Add ``--group NAME``."""
    return click.option(
        "--group",
        default="default",
        show_default=True,
        help="Group of environments in matrix.yaml.",
    )(command)


def names_option(name: str, plural: str) -> Callable[[Command], Command]:
    """Return an option that takes comma-separated names and can be repeated."""
    return click.option(
        name,
        multiple=True,
        metavar="A,B",
        callback=split_names,
        help=f"Only these {plural} (comma-separated names).",
    )


def accept_option(command: Command) -> Command:
    """Add ``--accept KIND,KIND``."""
    return click.option(
        "--accept",
        multiple=True,
        metavar="KIND,…",
        callback=_accepted,
        help=f"Losses that do not matter, in cells and in fixes: {', '.join(LOSSES)}.",
    )(command)


def _accepted(
    context: click.Context, parameter: click.Parameter, values: tuple[str, ...]
) -> tuple[str, ...]:
    kinds = split_names(context, parameter, values)
    for kind in kinds:
        if kind not in LOSSES:
            raise click.BadParameter(f"{brief(kind)}: {nearest(kind, LOSSES)}")
    return kinds


def companions_options(command: Command) -> Command:
    """Add ``--custom-objects FILE`` and ``--inputs FILE``."""
    given = click.option(
        "--custom-objects",
        "code",
        type=NamedPath(path_type=Path),
        help="Python module that defines the models' custom classes and functions.",
    )(command)
    return click.option(
        "--inputs",
        type=NamedPath(path_type=Path),
        help="Sample inputs for the comparison: an .npz file, or a folder with NAME.npz for each "
        "model NAME.h5.  [default: generated from the model's input shapes]",
    )(given)


def output_option(command: Command) -> Command:
    """Add ``--output DIR`` for reports and ``--store DIR`` for cached results and runs."""
    stored = store_folder_option(command)
    return click.option(
        "--output",
        type=NamedPath(path_type=Path, file_okay=False),
        callback=lambda context, _, value: value or places(context).reports,
        help="Folder for reports.  [default: reports next to the matrix]",
    )(stored)


def retries_options(default: int) -> Callable[[Command], Command]:
    """Return the options ``--retries N`` and ``--accept-flaky`` of commands that gate."""

    def add(command: Command) -> Command:
        accept = click.option(
            "--accept-flaky",
            is_flag=True,
            help="Accept a result that fails the gate once and passes a retry.",
        )(command)
        return click.option(
            "--retries",
            metavar="N",
            type=click.IntRange(min=0, max=20),
            default=default,
            show_default=True,
            help="Measure a result that fails the gate again, up to N times.",
        )(accept)

    return add


def remedies_options(command: Command) -> Command:
    """Add ``--remedies WHICH`` and its short form ``--all-remedies``."""
    short = click.option(
        "--all-remedies", "remedies", flag_value="all", help="Short for --remedies all."
    )(command)
    return click.option(
        "--remedies",
        type=click.Choice(["first", "all", "none"]),
        default="first",
        show_default=True,
        help="Fixes to try on failing cells: stop at the first that works, try all, or none.",
    )(short)


def store_folder_option(command: Command) -> Command:
    """Add ``--store DIR``."""
    return click.option(
        "--store",
        "store_folder",
        type=NamedPath(path_type=Path, file_okay=False),
        callback=lambda context, _, value: value or places(context).store,
        help="Folder for cached results and past runs.  [default: .kerasmatrix next to the matrix]",
    )(command)


def shard_option(command: Command) -> Command:
    """Add ``--shard I/N``."""
    return click.option(
        "--shard",
        metavar="I/N",
        callback=_shard,
        help="Run shard I of N. Join the shards with `kerasmatrix merge`.",
    )(command)


def _shard(_context: click.Context, _parameter: click.Parameter, value: str | None) -> Shard | None:
    if value is None:
        return None
    number, slash, count = value.partition("/")
    short = max(len(number), len(count)) <= len(str(MOST_SHARDS))
    if slash and short and number.isdecimal() and count.isdecimal():
        shard = Shard(int(number), int(count))
        if 1 <= shard.number <= shard.of <= MOST_SHARDS:
            return shard
    raise click.BadParameter(
        f"{brief(value)} is not a shard of at most {MOST_SHARDS}; example: 1/3, the first of three"
    )


def split_names(
    _context: click.Context, _parameter: click.Parameter, values: tuple[str, ...]
) -> tuple[str, ...]:
    """Return the names in a repeated option of comma-separated names."""
    names = (name.strip() for value in values for name in value.split(","))
    return tuple(name for name in names if name)
