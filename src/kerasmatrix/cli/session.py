"""What verbs share that measure files: their options, and opening what measuring takes."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

import click

from kerasmatrix.cli.options import JOBS, cluster_options, matrix_option
from kerasmatrix.cli.terminal import TerminalProgress
from kerasmatrix.config.matrix import load_matrix
from kerasmatrix.config.project import Project
from kerasmatrix.engines.select import DASK, ENGINES, Cluster, open_engine
from kerasmatrix.execution.plan import Remedies
from kerasmatrix.files.session import Setup, open_setup

__all__ = ["measuring_options", "measuring_or_cluster_options", "set_up"]

Command = TypeVar("Command", bound=Callable[..., Any])


def measuring_options(command: Command) -> Command:
    """Add ``--matrix``, ``--engine``, ``--jobs``, ``--trust`` and ``--fresh``."""
    return _measuring_options(command, ENGINES)


def measuring_or_cluster_options(command: Command) -> Command:
    """Add the same where the engine may be a Dask cluster, and what that takes."""
    return _measuring_options(cluster_options(command), (*ENGINES, DASK))


def _measuring_options(command: Command, engines: Sequence[str]) -> Command:
    for option in (
        click.option("--fresh", is_flag=True, help="Measure again what is known."),
        click.option(
            "--trust",
            is_flag=True,
            help="Load files without a sandbox, or all in one container for each version.",
        ),
        click.option(
            "--jobs",
            type=JOBS,
            help="Environments at work at a time.  [default: the cores, at most 8"
            f"{'; what a cluster takes' if DASK in engines else ''}]",
        ),
        click.option(
            "--engine",
            "engine_name",
            type=click.Choice(engines),
            default="auto",
            show_default=True,
            help="What opens environments.",
        ),
    ):
        command = option(command)
    return matrix_option(command)


@contextmanager
def set_up(  # noqa: PLR0913 - one argument per option
    matrix_file: Path,
    engine_name: str,
    store: Path,
    *,
    jobs: int | None,
    trust: bool,
    fresh: bool = False,
    remedies: Remedies = "first",
    cluster: Cluster | None = None,
) -> Iterator[Setup]:
    """Open what the options ask for, with progress in the terminal."""
    project = Project(matrix_file)
    matrix = load_matrix(matrix_file)
    engine = open_engine(engine_name, matrix, project, cluster)
    with open_setup(
        project,
        matrix,
        engine,
        trust=trust,
        store=store,
        wait=lambda message: click.echo(f"Waiting: {message}.", err=True),
        jobs=jobs,
        remedies=remedies,
        fresh=fresh,
        listener=TerminalProgress(),
    ) as setup:
        yield setup
