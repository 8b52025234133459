"""``kerasmatrix lock``: resolve environments into locks."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import click

from kerasmatrix.cli.error_output import show_all
from kerasmatrix.cli.options import matrix_option
from kerasmatrix.config.matrix import Environment, load_matrix
from kerasmatrix.config.project import Project
from kerasmatrix.environments.locks import read_lock, resolve
from kerasmatrix.errors import KerasmatrixError

__all__ = ["lock"]

# Resolving waits for the package index most of the time.
PARALLEL = 4


@click.command()
@click.argument("environments", nargs=-1)
@matrix_option
def lock(environments: tuple[str, ...], matrix_file: Path) -> int:
    """Resolve ENVIRONMENTS into images/locks/ENVIRONMENT.txt.

    If none is named, those that the matrix itself describes: what it inherits has locks.
    """
    matrix = load_matrix(matrix_file)
    project = Project(matrix_file)
    wanted = environments or project.own_environments
    if not wanted:
        click.echo(f"{matrix_file}: describes no environments of its own; name those to lock.")
        return 0
    selected = matrix.select(group="default", environments=wanted)

    def resolve_one(environment: Environment) -> KerasmatrixError | None:
        try:
            resolve(matrix, environment, project.locks)
            made = read_lock(project.locks, environment)
        except KerasmatrixError as error:
            return error
        click.echo(f"{environment.name}: {len(made.packages)} packages, {made.digest[:12]}")
        return None

    with ThreadPoolExecutor(PARALLEL) as pool:
        return show_all(pool.map(resolve_one, selected.environments))
