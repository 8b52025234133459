"""The options of commands that load model files, and the session that they open."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

import click

from kerasmatrix.cli.options import JOBS, any_matrix_option, cluster_options
from kerasmatrix.cli.progress import TerminalProgress
from kerasmatrix.config.matrix import load_matrix
from kerasmatrix.config.project import Project
from kerasmatrix.engines.select import DASK, ENGINES, Cluster, open_engine
from kerasmatrix.execution.plan import Remedies
from kerasmatrix.files.session import Session, SessionOptions, open_session

__all__ = ["measuring_options", "measuring_or_cluster_options", "session_from_options"]

Command = TypeVar("Command", bound=Callable[..., Any])


def measuring_options(command: Command) -> Command:
    """Add ``--matrix``, ``--engine``, ``--jobs``, ``--trust`` and ``--fresh``."""
    return _measuring_options(command, ENGINES)


def measuring_or_cluster_options(command: Command) -> Command:
    """Add the same options, and those of a Dask cluster."""
    return _measuring_options(cluster_options(command), (*ENGINES, DASK))


def _measuring_options(command: Command, engines: Sequence[str]) -> Command:
    for option in (
        click.option("--fresh", is_flag=True, help="Ignore stored results."),
        click.option(
            "--trust",
            is_flag=True,
            help="I trust these files: load them without a sandbox, or share containers.",
        ),
        click.option(
            "--jobs",
            type=JOBS,
            help="Environments to use in parallel.  [default: the number of cores, at most 8"
            f"{'; the slots of a cluster' if DASK in engines else ''}]",
        ),
        click.option(
            "--engine",
            "engine_name",
            type=click.Choice(engines),
            default="auto",
            show_default=True,
            help="Where TensorFlow runs: Docker containers or local virtual environments.",
        ),
    ):
        command = option(command)
    return any_matrix_option(command)


@contextmanager
def session_from_options(  # noqa: PLR0913 - one argument per option
    matrix_file: Path,
    engine_name: str,
    store: Path,
    *,
    jobs: int | None,
    trust: bool,
    fresh: bool = False,
    remedies: Remedies = "first",
    cluster: Cluster | None = None,
) -> Iterator[Session]:
    """Open a session with progress in the terminal."""
    project = Project(matrix_file)
    matrix = load_matrix(matrix_file)
    engine = open_engine(engine_name, matrix, project, cluster)
    with open_session(
        project,
        matrix,
        engine,
        options=SessionOptions(jobs, remedies, fresh, trust),
        store=store,
        wait=lambda message: click.echo(f"Waiting: {message}.", err=True),
        listener=TerminalProgress(),
    ) as session:
        yield session
