"""Options and arguments that several verbs share."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from kerasmatrix.cli.named_path import NamedPath
from kerasmatrix.config.places import Places, places_of
from kerasmatrix.execution.shards import Shard
from kerasmatrix.text.escape import brief

__all__ = [
    "JOBS",
    "beside_matrix_option",
    "budget_option",
    "cluster_options",
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
    "store_folder_option",
]

DURATION = re.compile(r"(?:([0-9]{1,9})h)?(?:([0-9]{1,9})m)?(?:([0-9]{1,9})s)?")
# A thread each. More would not be more work at a time, and a machine has only so many threads.
JOBS = click.IntRange(min=1, max=256)
LONGEST_BUDGET = 365 * 24 * 3600
MOST_SHARDS = 10_000
# Where the context of a command keeps which matrix is meant.
MATRIX = "kerasmatrix.config.matrix"
Command = TypeVar("Command", bound=Callable[..., Any])


def matrix_option(command: Command) -> Command:
    """Add ``--matrix FILE``."""
    return _matrix_option(command, "The matrix to read.")


def beside_matrix_option(command: Command) -> Command:
    """Add ``--matrix FILE``, which only says where things are: it is not read."""
    return _matrix_option(
        command,
        "The matrix that was run: the store and the reports are beside it.",
        expose_value=False,
    )


def _matrix_option(command: Command, description: str, *, expose_value: bool = True) -> Command:
    return click.option(
        "--matrix",
        "matrix_file",
        type=NamedPath(path_type=Path, dir_okay=False),
        default="matrix.yaml",
        show_default=True,
        is_eager=True,
        expose_value=expose_value,
        callback=note_matrix,
        help=description,
    )(command)


def note_matrix(
    context: click.Context, _parameter: click.Parameter, value: Path | None
) -> Path | None:
    """Note which matrix is meant: the options for places, which come after it, depend on it."""
    context.meta[MATRIX] = value
    return value


def places(context: click.Context) -> Places:
    """Return where the store and the reports are if no option names another place."""
    return places_of(context.meta[MATRIX])


def group_option(command: Command) -> Command:
    """Add ``--group NAME``."""
    return click.option(
        "--group", default="default", show_default=True, help="The part of the matrix to take."
    )(command)


def names_option(name: str, what: str) -> Callable[[Command], Command]:
    """Return an option that takes names separated by commas, and may be given several times."""
    return click.option(
        name,
        multiple=True,
        metavar="A,B",
        callback=_split,
        help=f"Only these {what} (by name, separated by commas).",
    )


def budget_option(command: Command) -> Command:
    """Add ``--budget TIME``, in seconds."""
    return click.option(
        "--budget",
        metavar="TIME",
        callback=_seconds,
        help="Measure what matters most in this time (30s, 5m, 1h30m); the rest is not run.",
    )(command)


def companions_options(command: Command) -> Command:
    """Add ``--custom-objects FILE`` and ``--inputs FILE``."""
    given = click.option(
        "--custom-objects",
        "code",
        type=NamedPath(path_type=Path),
        help="The module with the models' own classes and functions.",
    )(command)
    return click.option(
        "--inputs",
        type=NamedPath(path_type=Path),
        help="Sample inputs, instead of such as the models ask for: an .npz file, or a folder with "
        "NAME.npz for each model NAME.h5.",
    )(given)


def output_option(command: Command) -> Command:
    """Add ``--output DIR`` and ``--store DIR``: where reports go, and where runs are kept."""
    stored = store_folder_option(command)
    return click.option(
        "--output",
        type=NamedPath(path_type=Path, file_okay=False),
        callback=lambda context, _, value: value or places(context).reports,
        help="Where the reports go.  [default: reports beside the matrix]",
    )(stored)


def retries_options(default: int) -> Callable[[Command], Command]:
    """Return options ``--retries N`` and ``--accept-flaky`` of what gates."""

    def add(command: Command) -> Command:
        accept = click.option(
            "--accept-flaky",
            is_flag=True,
            help="A cell that is no worse when it is measured again does not stop the gate.",
        )(command)
        return click.option(
            "--retries",
            metavar="N",
            type=click.IntRange(min=0, max=20),
            default=default,
            show_default=True,
            help="Measure a cell that fails the gate again, so often at most: it may be flaky.",
        )(accept)

    return add


def remedies_options(command: Command) -> Command:
    """Add ``--remedies WHICH``, and ``--all-remedies`` for short."""
    short = click.option(
        "--all-remedies", "remedies", flag_value="all", help="The same as --remedies all."
    )(command)
    return click.option(
        "--remedies",
        type=click.Choice(["first", "all", "none"]),
        default="first",
        show_default=True,
        help="Repair failing cells: until something works, by everything that may, or not at all.",
    )(short)


def store_folder_option(command: Command) -> Command:
    """Add ``--store DIR``, where what is known is kept."""
    return click.option(
        "--store",
        "store_folder",
        type=NamedPath(path_type=Path, file_okay=False),
        callback=lambda context, _, value: value or places(context).store,
        help="What is known, and earlier runs.  [default: .kerasmatrix beside the matrix]",
    )(command)


def cluster_options(command: Command) -> Command:
    """Add ``--scheduler ADDRESS``, ``--artifacts URL`` and ``--on-workers ENGINE``."""
    scheduler = click.option(
        "--scheduler",
        metavar="ADDRESS",
        help="--engine dask: the Dask scheduler, like tcp://host:8786.",
    )
    artifacts = click.option(
        "--artifacts",
        metavar="URL",
        help="--engine dask: where artifacts travel by, a shared folder or any fsspec URL.",
    )
    inner = click.option(
        "--on-workers",
        "inner",
        type=click.Choice(["auto", "docker", "local"]),
        default="auto",
        show_default=True,
        help="--engine dask: what opens environments on its workers.",
    )
    return scheduler(artifacts(inner(command)))


def shard_option(command: Command) -> Command:
    """Add ``--shard I/N``."""
    return click.option(
        "--shard",
        metavar="I/N",
        callback=_shard,
        help="Only the I-th of N parts of about the same length; `kerasmatrix merge` joins them.",
    )(command)


def _seconds(_context: click.Context, _parameter: click.Parameter, value: str | None) -> int | None:
    if value is None:
        return None
    found = DURATION.fullmatch(value.strip())
    parts = found.groups(default="0") if found else ()
    seconds = sum(int(part) * unit for part, unit in zip(parts, (3600, 60, 1), strict=False))
    if not 0 < seconds <= LONGEST_BUDGET:
        raise click.BadParameter(
            f"{brief(value)} is not a time of at most a year: write 30s, 5m or 1h30m"
        )
    return seconds


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
        f"{brief(value)} is not a part of at most {MOST_SHARDS}: write 1/3 for the first of three"
    )


def _split(
    _context: click.Context, _parameter: click.Parameter, values: tuple[str, ...]
) -> tuple[str, ...]:
    names = (name.strip() for value in values for name in value.split(","))
    return tuple(name for name in names if name)
