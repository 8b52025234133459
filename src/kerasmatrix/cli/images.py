"""``kerasmatrix images``: create images or virtual environments, and remove unneeded ones."""

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
from kerasmatrix.cli.examples import example
from kerasmatrix.cli.exit_codes import INCONCLUSIVE
from kerasmatrix.cli.options import JOBS, group_option, matrix_option, names_option
from kerasmatrix.config.matrix import Environment, Matrix, load_matrix
from kerasmatrix.config.places import default_cache
from kerasmatrix.config.project import Project
from kerasmatrix.engines.docker import docker_trouble
from kerasmatrix.engines.select import ENGINES, open_engine
from kerasmatrix.environments.identity import read_dockerfile
from kerasmatrix.environments.images import base_of, image_tag
from kerasmatrix.environments.locks import Lock, read_lock
from kerasmatrix.environments.prune import (
    Disk,
    EnvironmentCache,
    ImageCache,
    OtherProjects,
    VenvCache,
)
from kerasmatrix.environments.venvs import venv_name
from kerasmatrix.errors import InfrastructureError, KerasmatrixError

__all__ = ["images"]

GIGABYTE = 1e9


def engine_option(command: Callable[..., int]) -> Callable[..., int]:
    """Add ``--engine NAME``."""
    return click.option(
        "--engine",
        type=click.Choice(ENGINES),
        default="docker",
        show_default=True,
        help="Docker images or local virtual environments.",
    )(command)


@click.group(
    invoke_without_command=True,
    epilog=example("kerasmatrix images --environments tf2.15,tf2.21", "kerasmatrix images prune"),
)
@matrix_option
@group_option
@names_option("--environments", "environments")
@engine_option
@click.option(
    "--jobs",
    type=JOBS,
    default=2,
    show_default=True,
    help="Number created at the same time.",
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
    """Create missing Docker images or virtual environments before a run needs them."""
    if context.invoked_subcommand:
        return 0
    matrix = load_matrix(matrix_file)
    project = Project(matrix_file)
    selected = matrix.select(group=group, environments=environments).environments
    # All locks are read before the first environment is created: a missing one is a quick error.
    locks = {env.name: read_lock(project.locks_with(env.name), env) for env in selected}
    opened = open_engine(engine, matrix, project)
    if opened.name == "docker":
        _require_docker(docker_trouble())

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
        cache = _kind(opened.name, matrix, project).cache
        with _docker_errors():
            click.echo(_summary(cache, cache.names()))
    return code


@images.command(
    short_help="Delete those that no matrix needs.",
    epilog=example("kerasmatrix images prune --engine local --dry-run"),
)
@matrix_option
@engine_option
@click.option("--all", "everything", is_flag=True, help="Delete even those that this matrix needs.")
@click.option(
    "--older-than",
    "days",
    metavar="DAYS",
    type=click.IntRange(min=0, max=36_500),
    default=7,
    show_default=True,
    help="Keep those that another project used within this time.",
)
@click.option("--dry-run", is_flag=True, help="List what would be deleted; delete nothing.")
def prune(*, matrix_file: Path, engine: str, everything: bool, days: int, dry_run: bool) -> int:
    """Delete images or virtual environments that the matrix does not need any more.

    Those that another project needs are kept, and those that a process uses or creates.
    """
    kind = _kind(engine, *_read(matrix_file))
    # A lock that cannot be read is an error, so that its environment is not taken for unneeded.
    wanted = set() if everything else _wanted(engine, matrix_file)
    with _docker_errors():
        names = kind.cache.names()
        grace = datetime.timedelta(days=days)
        try:
            others = OtherProjects(
                kind.cache, matrix_file, lambda other: _wanted(engine, other), grace
            )
        except PermissionError as error:
            raise InfrastructureError(
                f"{error.filename}: its record of uses cannot be read: {error.strerror}",
                hint="prune it as the user who owns this cache",
            ) from error
        old = []
        for name in names:
            if name in wanted:
                continue
            if reason := others.need(name):
                click.echo(f"{name}: stays: {reason}")
            else:
                old.append(name)
        return _remove(kind.cache, names, old, dry_run=dry_run)


def _read(matrix_file: Path) -> tuple[Matrix, Project]:
    return load_matrix(matrix_file), Project(matrix_file)


def _wanted(engine: str, matrix_file: Path) -> set[str]:
    """Return the names of the images or virtual environments that a matrix needs.

    Raises:
        UsageError: it or a lock of it cannot be read.
    """
    matrix, project = _read(matrix_file)
    kind = _kind(engine, matrix, project)
    return {
        kind.name_of(env, read_lock(project.locks_with(env.name), env))
        for env in (*matrix.environments.values(), *matrix.exporting)
    }


def _remove(
    cache: EnvironmentCache, names: Sequence[str], old: Sequence[str], *, dry_run: bool
) -> int:
    """Remove those in ``old``, and print the space that was freed and is left."""
    if dry_run:
        for name in old:
            click.echo(f"{name}: would be removed")
        click.echo(f"{_freed(cache, cache.disk(old))} would be freed.")
        return 0
    # Space that two of them share is freed with the second, so all are measured together.
    whole, stayed = cache.disk(old), []
    for name in old:
        reason = cache.remove(name)
        click.echo(f"{name}: {f'stays: {reason}' if reason else 'removed'}")
        if reason:
            stayed.append(name)
    rest = cache.disk(stayed)
    gone = Disk(whole.total - rest.total, whole.freed - rest.freed)
    click.echo(f"{_freed(cache, gone)} freed.")
    click.echo(_summary(cache, [name for name in names if name not in old or name in stayed]))
    return INCONCLUSIVE if stayed else 0


@contextlib.contextmanager
def _docker_errors() -> Iterator[None]:
    """Turn errors of a Docker Engine into one with a hint."""
    try:
        yield
    except (docker.errors.DockerException, requests.RequestException) as error:
        raise InfrastructureError(
            f"the Docker Engine fails: {error}", hint="check whether `docker images` works"
        ) from error


class _Kind(NamedTuple):
    """All environments of one engine, and the name of each."""

    cache: EnvironmentCache
    name_of: Callable[[Environment, Lock], str]


def _kind(engine: str, matrix: Matrix, project: Project) -> _Kind:
    """Return the environments of ``engine``; ``auto`` is docker if there is a Docker Engine.

    Raises:
        InfrastructureError: docker was asked for and there is none.
    """
    trouble = None if engine == "local" else docker_trouble()
    if engine == "local" or (engine == "auto" and trouble):
        return _Kind(VenvCache(default_cache()), venv_name)
    _require_docker(trouble)
    dockerfile = read_dockerfile(project.build_root)

    def tag(environment: Environment, lock: Lock) -> str:
        return image_tag(environment, lock, base_of(matrix.base_image, environment), dockerfile)

    return _Kind(ImageCache(docker.from_env()), tag)


def _require_docker(trouble: str | None) -> None:
    if trouble:
        raise InfrastructureError(
            f"no Docker Engine: {trouble}", hint="start one, or use --engine local"
        )


def _freed(cache: EnvironmentCache, disk: Disk) -> str:
    """Return the space that is freed, and the space that is shared."""
    held = disk.total - disk.freed
    also = f" ({_gigabytes(held)} more is shared with {cache.sharing})" if held else ""
    return f"{_gigabytes(disk.freed)}{also}"


def _summary(cache: EnvironmentCache, names: Sequence[str]) -> str:
    """Return how many there are, and their disk space."""
    disk = cache.disk(names)
    shared = disk.total - disk.freed
    also = f", {_gigabytes(shared)} of it shared with {cache.sharing}" if shared else ""
    return f"{len(names)} {cache.noun}: {_gigabytes(disk.total)} on disk{also}."


def _gigabytes(size: int) -> str:
    return f"{size / GIGABYTE:.1f} GB"
