"""``kerasmatrix images``: make what an engine needs, and remove what no matrix needs any more.

An engine makes an image or a virtual environment of an environment; both go by the one verb.
"""

from __future__ import annotations

import contextlib
import datetime
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

import click
import docker.errors
import requests

import docker
from kerasmatrix.cli.error_output import show_all
from kerasmatrix.cli.options import JOBS, group_option, matrix_option, names_option
from kerasmatrix.config.matrix import Environment, Matrix, load_matrix
from kerasmatrix.config.places import default_cache
from kerasmatrix.config.project import Project
from kerasmatrix.engines.presence import docker_trouble
from kerasmatrix.engines.select import ENGINES, open_engine
from kerasmatrix.environments.identity import read_dockerfile
from kerasmatrix.environments.images import base_of, image_tag
from kerasmatrix.environments.locks import Lock, read_lock
from kerasmatrix.environments.prune import Disk, Made, MadeImages, MadeVenvs, Others
from kerasmatrix.environments.venvs import venv_name
from kerasmatrix.errors import InfrastructureError, KerasmatrixError

__all__ = ["images"]

GIGABYTE = 1e9
INFRASTRUCTURE = 3


def engine_option(command: Callable[..., int]) -> Callable[..., int]:
    """Add ``--engine NAME``."""
    return click.option(
        "--engine", type=click.Choice(ENGINES), default="docker", show_default=True
    )(command)


@click.group(invoke_without_command=True)
@matrix_option
@group_option
@names_option("--environments", "environments")
@engine_option
@click.option(
    "--jobs",
    type=JOBS,
    default=2,
    show_default=True,
    help="How many are made at a time.",
)
@click.pass_context
def images(  # noqa: PLR0913 - one argument per option
    context: click.Context,
    *,
    matrix_file: Path,
    group: str,
    environments: tuple[str, ...],
    engine: str,
    jobs: int,
) -> int:
    """Build what the engine needs for each environment, unless it is there already."""
    if context.invoked_subcommand:
        return 0
    matrix = load_matrix(matrix_file)
    project = Project(matrix_file)
    selected = matrix.select(group=group, environments=environments).environments
    locks = {env.name: read_lock(project.locks_with(env.name), env) for env in selected}
    opened = open_engine(engine, matrix, project)

    def prepare(environment: Environment) -> KerasmatrixError | None:
        try:
            opened.prepare(environment, locks[environment.name])
        except KerasmatrixError as error:
            return error
        click.echo(f"{environment.name}: ready")
        return None

    try:
        with ThreadPoolExecutor(jobs) as pool:
            code = show_all(pool.map(prepare, selected))
    finally:
        opened.close()
    if opened.name in {"docker", "local"}:
        made = _kind(opened.name, matrix, project).made
        with _answering():
            click.echo(_told(made, made.names()))
    return code


@images.command()
@matrix_option
@engine_option
@click.option("--all", "everything", is_flag=True, help="Also what the matrix names.")
@click.option(
    "--older-than",
    "days",
    metavar="DAYS",
    type=click.IntRange(min=0, max=36_500),
    default=7,
    show_default=True,
    help="What no matrix names stays so long after another project used it.",
)
@click.option("--dry-run", is_flag=True, help="Only say what would be removed.")
def prune(*, matrix_file: Path, engine: str, everything: bool, days: int, dry_run: bool) -> int:
    """Remove what was made of environments whose lock is not the matrix's any more.

    What another project needs stays, and so does what a process uses or makes.
    """
    kind = _kind(engine, *_read(matrix_file))
    # A lock that cannot be read is an error: what it is the lock of must not be taken for old.
    wanted = set() if everything else _wanted(engine, matrix_file)
    with _answering():
        names = kind.made.names()
        grace = datetime.timedelta(days=days)
        try:
            others = Others(kind.made, matrix_file, lambda other: _wanted(engine, other), grace)
        except PermissionError as error:
            raise InfrastructureError(
                f"{error.filename}: who uses it cannot be read: {error.strerror}",
                hint="let the user whose cache this is prune it",
            ) from error
        old = []
        for name in names:
            if name in wanted:
                continue
            if reason := others.need(name):
                click.echo(f"{name}: stays: {reason}")
            else:
                old.append(name)
        return _remove(kind.made, names, old, dry_run=dry_run)


def _read(matrix_file: Path) -> tuple[Matrix, Project]:
    return load_matrix(matrix_file), Project(matrix_file)


def _wanted(engine: str, matrix_file: Path) -> set[str]:
    """Return the names of what a matrix needs.

    Raises:
        UsageError: it or a lock of it cannot be read.
    """
    matrix, project = _read(matrix_file)
    kind = _kind(engine, matrix, project)
    return {
        kind.name_of(env, read_lock(project.locks_with(env.name), env))
        for env in matrix.environments.values()
    }


def _remove(made: Made, names: Sequence[str], old: Sequence[str], *, dry_run: bool) -> int:
    """Remove what is old, and say what was freed and what is left."""
    if dry_run:
        for name in old:
            click.echo(f"{name}: would be removed")
        click.echo(f"{_freed(made, made.disk(old))} would be freed.")
        return 0
    # What two of them share goes with the later one, so it is asked for all of them together.
    whole, stayed = made.disk(old), []
    for name in old:
        reason = made.remove(name)
        click.echo(f"{name}: {f'stays: {reason}' if reason else 'removed'}")
        if reason:
            stayed.append(name)
    rest = made.disk(stayed)
    gone = Disk(whole.total - rest.total, whole.freed - rest.freed)
    click.echo(f"{_freed(made, gone)} freed.")
    click.echo(_told(made, [name for name in names if name not in old or name in stayed]))
    return INFRASTRUCTURE if stayed else 0


@contextlib.contextmanager
def _answering() -> Iterator[None]:
    """Turn what a Docker Engine in trouble does into an error that says so."""
    try:
        yield
    except (docker.errors.DockerException, requests.RequestException) as error:
        raise InfrastructureError(
            f"the Docker Engine is in trouble: {error}", hint="see whether `docker images` works"
        ) from error


class _Kind(NamedTuple):
    """What one engine makes: all that there is, and how that of an environment is called."""

    made: Made
    name_of: Callable[[Environment, Lock], str]


def _kind(engine: str, matrix: Matrix, project: Project) -> _Kind:
    """Return what ``engine`` makes; ``auto`` is docker where there is one.

    Raises:
        InfrastructureError: docker was asked for and there is none.
    """
    trouble = None if engine == "local" else docker_trouble()
    if engine == "local" or (engine == "auto" and trouble):
        return _Kind(MadeVenvs(default_cache()), venv_name)
    if trouble:
        raise InfrastructureError(
            f"no Docker Engine: {trouble}", hint="start one, or use --engine local"
        )
    dockerfile = read_dockerfile(project.build_root)

    def tag(environment: Environment, lock: Lock) -> str:
        return image_tag(environment, lock, base_of(matrix.base_image, environment), dockerfile)

    return _Kind(MadeImages(docker.from_env()), tag)


def _freed(made: Made, disk: Disk) -> str:
    """Say what is freed, and what is held by something else still."""
    held = disk.total - disk.freed
    also = f" ({_gigabytes(held)} more is held by {made.sharing} too)" if held else ""
    return f"{_gigabytes(disk.freed)}{also}"


def _told(made: Made, names: Sequence[str]) -> str:
    """Say how many there are and what they take."""
    disk = made.disk(names)
    shared = disk.total - disk.freed
    also = f", {_gigabytes(shared)} of it shared with {made.sharing}" if shared else ""
    return f"{len(names)} {made.what}: {_gigabytes(disk.total)} on disk{also}."


def _gigabytes(size: int) -> str:
    return f"{size / GIGABYTE:.1f} GB"
