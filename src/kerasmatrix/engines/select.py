"""Opens the engine that a command names."""

from __future__ import annotations

import logging
from typing import Literal, NamedTuple

from kerasmatrix.config.matrix import Matrix
from kerasmatrix.config.project import Project
from kerasmatrix.engines.base import Engine
from kerasmatrix.engines.docker import DockerEngine, docker_absence, docker_trouble
from kerasmatrix.engines.local import LocalEngine
from kerasmatrix.environments.identity import read_dockerfile
from kerasmatrix.errors import InfrastructureError, UsageError
from kerasmatrix.text.redaction import mask_secrets

__all__ = ["DASK", "ENGINES", "Cluster", "open_engine"]

ENGINES = ("auto", "docker", "local")
DASK = "dask"

logger = logging.getLogger(__name__)


class Cluster(NamedTuple):
    """The options of a Dask cluster; None where one was not given."""

    scheduler: str | None = None
    artifacts: str | None = None
    inner: Literal["auto", "docker", "local"] = "auto"


def open_engine(
    name: str, matrix: Matrix, project: Project, cluster: Cluster | None = None
) -> Engine:
    """Return the engine ``name``; ``auto`` is docker where there is a Docker Engine, else local.

    Raises:
        UsageError: the cluster's options do not fit together, or dask is not installed.
        InfrastructureError: there is no Docker Engine, or the cluster does not answer.
    """
    cluster = cluster or Cluster()
    if name == DASK:
        return _open_cluster(cluster, matrix, project)
    if cluster != Cluster():
        raise UsageError(
            "--scheduler, --artifacts and --on-workers are of no use without --engine dask"
        )
    if name == "auto":
        trouble = docker_trouble()
        name = "local" if trouble else "docker"
        if trouble:
            logger.warning(
                "No Docker Engine (%s): using uv virtual environments.", mask_secrets(trouble)
            )
    if name == "local":
        return LocalEngine(matrix=project.matrix_file)
    if absence := docker_absence():
        raise InfrastructureError(
            f"no Docker Engine: {absence}", hint="start one, or use --engine local"
        )
    # Read once: what is built is what the keys of its results name.
    dockerfile = read_dockerfile(project.build_root)
    return DockerEngine(
        matrix.base_image, project.build_root, matrix=project.matrix_file, dockerfile=dockerfile
    )


def _open_cluster(cluster: Cluster, matrix: Matrix, project: Project) -> Engine:
    """Return the Dask engine; ``auto`` on the workers is docker if one of them has it, else local.

    Raises:
        UsageError: an option is missing or cannot be used, or dask is not installed.
        InfrastructureError: no scheduler answers.
    """
    if not cluster.scheduler:
        raise UsageError(
            "--engine dask needs a scheduler",
            hint="name one: --scheduler tcp://HOST:8786; `dask scheduler` starts one",
        )
    if not cluster.artifacts:
        raise UsageError(
            "--engine dask needs a folder for artifacts that every Dask worker can reach",
            hint="name one: --artifacts s3://BUCKET/FOLDER, or a folder that all machines share",
        )
    try:
        from kerasmatrix.engines.dask.cluster import has_docker  # noqa: PLC0415 - an extra
        from kerasmatrix.engines.dask.engine import DaskEngine  # noqa: PLC0415 - an extra
        from kerasmatrix.engines.dask.inner_engine import (  # noqa: PLC0415 - an extra
            DockerConfig,
            InnerEngineConfig,
            LocalConfig,
        )
    except ModuleNotFoundError as error:
        raise UsageError(
            f"--engine dask: {error.name} is not installed",
            hint="pip install 'kerasmatrix[dask]', here and where the workers run",
        ) from error
    name = cluster.inner
    if name == "auto":
        name = "docker" if has_docker(cluster.scheduler) else "local"
        if name == "local":
            logger.warning("No Docker Engine on the Dask workers: using uv virtual environments.")
    inner: InnerEngineConfig = LocalConfig()
    if name == "docker":
        inner = DockerConfig(matrix.base_image, read_dockerfile(project.build_root))
    return DaskEngine(cluster.scheduler, cluster.artifacts, inner)
