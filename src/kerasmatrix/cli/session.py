"""The options of commands that load model files, and the session that they open."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, Literal, TypeVar

import click

from kerasmatrix.cli.options import JOBS, any_matrix_option
from kerasmatrix.config.matrix import load_matrix
from kerasmatrix.config.project import Project
from kerasmatrix.engines.select import DASK, ENGINES, Cluster, open_engine
from kerasmatrix.execution.plan import Remedies
from kerasmatrix.files.session import Session, SessionOptions, open_session
from kerasmatrix.report.progress import TerminalProgress

__all__ = [
    "MeasuringOptions",
    "cluster_options",
    "measuring_options",
    "measuring_or_cluster_options",
    "session_from_options",
]

Command = TypeVar("Command", bound=Callable[..., Any])


@dataclass(frozen=True)
class MeasuringOptions:
    """Where and how a command loads model files: the options that `measuring_options` adds."""

    matrix_file: Path
    engine_name: str
    store_folder: Path
    jobs: int | None
    trust: bool
    fresh: bool
    cluster: Cluster | None = None


def cluster_options(command: Command) -> Command:
    """Add ``--scheduler``, ``--artifacts`` and ``--on-workers``, as one argument ``cluster``."""

    @functools.wraps(command)
    def gathering(
        scheduler: str | None,
        artifacts: str | None,
        inner: Literal["auto", "docker", "local"],
        **values: Any,  # noqa: ANN401 - the other options of any command
    ) -> object:
        return command(cluster=Cluster(scheduler, artifacts, inner), **values)

    scheduler = click.option(
        "--scheduler",
        metavar="ADDRESS",
        help="With --engine dask: address of the scheduler, like tcp://host:8786.",
    )
    artifacts = click.option(
        "--artifacts",
        metavar="URL",
        help="With --engine dask: shared folder or fsspec URL for model files.",
    )
    inner = click.option(
        "--on-workers",
        "inner",
        type=click.Choice(["auto", "docker", "local"]),
        default="auto",
        show_default=True,
        help="With --engine dask: engine on the Dask workers.",
    )
    return scheduler(artifacts(inner(gathering)))  # type: ignore[return-value]


def measuring_options(command: Command) -> Command:
    """Add ``--matrix``, ``--engine``, ``--jobs``, ``--trust`` and ``--fresh``.

    With ``--store``, which the command has, they are its argument ``measuring``.
    """
    return _measuring_options(_gathering(command), ENGINES)


def measuring_or_cluster_options(command: Command) -> Command:
    """Add the same options, and those of a Dask cluster."""
    return _measuring_options(cluster_options(_gathering(command)), (*ENGINES, DASK))


def _gathering(command: Command) -> Command:
    """Return a command that gets the fields of `MeasuringOptions` as one argument."""
    # A command has a dozen options of its own; these pass through it to the session only.
    names = {field.name for field in fields(MeasuringOptions)}

    @functools.wraps(command)
    def gathering(**values: Any) -> object:  # noqa: ANN401 - the options of any command
        own = {name: values.pop(name) for name in names & values.keys()}
        return command(measuring=MeasuringOptions(**own), **values)

    return gathering  # type: ignore[return-value]


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
def session_from_options(
    options: MeasuringOptions, remedies: Remedies = "first", platform: str | None = None
) -> Iterator[Session]:
    """Open a session with progress in the terminal; the files are used on ``platform``."""
    project = Project(options.matrix_file)
    matrix = load_matrix(options.matrix_file)
    engine = open_engine(options.engine_name, matrix, project, options.cluster)
    with open_session(
        project,
        matrix,
        engine,
        options=SessionOptions(options.jobs, remedies, options.fresh, options.trust, platform),
        store=options.store_folder,
        wait=lambda message: click.echo(f"Waiting: {message}.", err=True),
        listener=TerminalProgress(),
    ) as session:
        yield session
