"""How verbs that read stored runs are told which: options, and finding them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from kerasmatrix.cli.options import beside_matrix_option, store_folder_option
from kerasmatrix.results.schema import Results
from kerasmatrix.store.runs import Archive, find_results

__all__ = ["read_run", "store_option"]

Command = TypeVar("Command", bound=Callable[..., Any])


def store_option(command: Command) -> Command:
    """Add ``--matrix FILE`` and ``--store DIR``: where the runs are that were kept."""
    return beside_matrix_option(store_folder_option(command))


def read_run(reference: str, store: Path) -> Results:
    """Return the run that a user names: a results.json, a run's id, ``last`` or ``previous``.

    Raises:
        UsageError: there is none.
    """
    return find_results(reference, Archive(store))
