"""``kerasmatrix lock``: resolve environments into locks."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import click

from kerasmatrix.cli.error_output import show_all
from kerasmatrix.cli.examples import example
from kerasmatrix.cli.options import matrix_option
from kerasmatrix.config.matrix import Environment, load_matrix
from kerasmatrix.config.project import Project
from kerasmatrix.environments.locks import read_lock, resolve
from kerasmatrix.errors import KerasmatrixError

__all__ = ["lock"]

# Resolving waits for the package index most of the time.
PARALLEL = 4


@click.command(epilog=example("kerasmatrix lock tf2.21"))
@click.argument("environments", nargs=-1)
@matrix_option
def lock(environments: tuple[str, ...], matrix_file: Path) -> int:
    """Resolve the packages of ENVIRONMENTS, and write images/locks/NAME.txt.

    Without names, this locks the environments that the matrix itself defines: those that it
    inherits have locks.
    """
    matrix = load_matrix(matrix_file)
    project = Project(matrix_file)
    wanted = environments or project.own_environments
    if not wanted:
        click.echo(f"{matrix_file}: describes no environments of its own; name those to lock.")
        return 0
    exporting = [env for env in matrix.exporting if env.name in wanted]
    others = [name for name in wanted if name not in matrix.exports]
    selected = matrix.select(group="default", environments=others).environments if others else ()

    def resolve_one(environment: Environment) -> KerasmatrixError | None:
        try:
            resolve(matrix, environment, project.locks)
            resolved = read_lock(project.locks, environment)
        except KerasmatrixError as error:
            return error
        click.echo(f"{environment.name}: {len(resolved.packages)} packages, {resolved.digest[:12]}")
        return None

    with ThreadPoolExecutor(PARALLEL) as pool:
        return show_all(pool.map(resolve_one, (*selected, *exporting)))
