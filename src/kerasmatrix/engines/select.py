"""Which engine a command works with."""

from __future__ import annotations

from typing import Literal, NamedTuple

import click

from kerasmatrix.config.matrix import Matrix
from kerasmatrix.config.project import Project
from kerasmatrix.engines.base import Engine
from kerasmatrix.engines.later import DockerLater
from kerasmatrix.engines.local import LocalEngine
from kerasmatrix.engines.presence import docker_trouble
from kerasmatrix.environments.identity import image_recipe, read_dockerfile
from kerasmatrix.errors import InfrastructureError, UsageError
from kerasmatrix.text.redaction import mask_secrets

__all__ = ["DASK", "ENGINES", "Cluster", "open_engine"]

ENGINES = ("auto", "docker", "local")
DASK = "dask"
CONNECT_SECONDS = 30.0


class Cluster(NamedTuple):
    """A Dask cluster as the command line names it: what is not given is None."""

    scheduler: str | None = None
    artifacts: str | None = None
    inner: Literal["auto", "docker", "local"] = "auto"


def open_engine(
    name: str, matrix: Matrix, project: Project, cluster: Cluster | None = None
) -> Engine:
    """Return the engine ``name``; ``auto`` is docker where there is one, else local, said so.

    Raises:
        UsageError: what is said of a cluster does not fit, or dask is not installed.
        InfrastructureError: docker or dask was asked for and there is none.
    """
    cluster = cluster or Cluster()
    if name == DASK:
        return _open_cluster(cluster, matrix, project)
    if cluster != Cluster():
        raise UsageError(
            "--scheduler, --artifacts and --on-workers are of no use without --engine dask"
        )
    if name == "local":
        return LocalEngine(matrix=project.matrix_file)
    trouble = docker_trouble()
    if trouble is None:
        # Read once: what is built is what the keys of its results say.
        dockerfile = read_dockerfile(project.build_root)
        return DockerLater(
            lambda: _open_docker(matrix.base_image, project, dockerfile),
            image_recipe(matrix.base_image, dockerfile),
        )
    if name == "docker":
        raise InfrastructureError(
            f"no Docker Engine: {trouble}", hint="start one, or use --engine local"
        )
    click.echo(
        mask_secrets(f"No Docker Engine ({trouble}): using uv virtual environments."), err=True
    )
    return LocalEngine(matrix=project.matrix_file)


def _open_docker(base_image: str, project: Project, dockerfile: bytes) -> Engine:
    from kerasmatrix.engines.docker import DockerEngine  # noqa: PLC0415 - it imports the SDK

    return DockerEngine(
        base_image, project.build_root, matrix=project.matrix_file, dockerfile=dockerfile
    )


def _open_cluster(cluster: Cluster, matrix: Matrix, project: Project) -> Engine:
    """Return the Dask engine of a cluster; ``auto`` is docker where a worker has it, else local.

    Raises:
        UsageError: something is not given, cannot be used, or is not installed.
        InfrastructureError: no scheduler answers.
    """
    if not cluster.scheduler:
        raise UsageError(
            "--engine dask needs a scheduler",
            hint="name one: --scheduler tcp://HOST:8786; `dask scheduler` starts one",
        )
    if not cluster.artifacts:
        raise UsageError(
            "--engine dask needs a place that every worker can reach, for artifacts to travel by",
            hint="name one: --artifacts s3://BUCKET/FOLDER, or a folder that all machines share",
        )
    try:
        from kerasmatrix.engines.dask.engine import DaskEngine  # noqa: PLC0415 - an extra
        from kerasmatrix.engines.dask.inner_engine import (  # noqa: PLC0415 - an extra
            DockerRecipe,
            LocalRecipe,
            Recipe,
            has_docker,
        )
    except ModuleNotFoundError as error:
        raise UsageError(
            f"--engine dask: {error.name} is not installed",
            hint="pip install 'kerasmatrix[dask]', here and where the workers run",
        ) from error
    inner = cluster.inner
    if inner == "auto":
        inner = "docker" if has_docker(cluster.scheduler, CONNECT_SECONDS) else "local"
        if inner == "local":
            click.echo("No Docker Engine on the Dask workers: using uv virtual environments.")
    recipe: Recipe = LocalRecipe()
    if inner == "docker":
        recipe = DockerRecipe(matrix.base_image, read_dockerfile(project.build_root))
    return DaskEngine(cluster.scheduler, cluster.artifacts, recipe, connect_seconds=CONNECT_SECONDS)
