"""``kerasmatrix images``: make the images (or virtual environments) before they are needed."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import click

from kerasmatrix.cli.engines import ENGINES, open_engine
from kerasmatrix.cli.failures import show_all
from kerasmatrix.cli.options import group_option, matrix_option, names_option
from kerasmatrix.environments.locks import read_lock
from kerasmatrix.errors import KerasmatrixError
from kerasmatrix.matrix import Environment, load_matrix
from kerasmatrix.project import Project

__all__ = ["images"]


@click.command()
@matrix_option
@group_option
@names_option("--environments", "environments")
@click.option("--engine", type=click.Choice(ENGINES), default="docker", show_default=True)
@click.option("--jobs", type=click.IntRange(min=1), default=2, show_default=True)
def images(
    matrix_file: Path, group: str, environments: tuple[str, ...], engine: str, jobs: int
) -> int:
    """Build what the engine needs for each environment, unless it is there already."""
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
            return show_all(pool.map(prepare, selected))
    finally:
        opened.close()
