"""How verbs that read stored runs are told which: options, and finding them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from kerasmatrix.archive import Archive, find_results
from kerasmatrix.results import Results

__all__ = ["read_run", "store_option"]

Command = TypeVar("Command", bound=Callable[..., Any])


def store_option(command: Command) -> Command:
    """Add ``--store DIR``, in which runs are kept."""
    return click.option(
        "--store",
        "store_folder",
        type=click.Path(path_type=Path, file_okay=False),
        default=".kerasmatrix",
        show_default=True,
        help="Where runs are kept.",
    )(command)


def read_run(reference: str, store: Path) -> Results:
    """Return the run that a user names: a results.json, a run's id, ``last`` or ``previous``.

    Raises:
        UsageError: there is none.
    """
    return find_results(reference, Archive(store))
