"""Which engine a command works with."""

from __future__ import annotations

import click

from kerasmatrix.engines.base import Engine
from kerasmatrix.engines.docker import DockerEngine, docker_trouble
from kerasmatrix.engines.local import LocalEngine
from kerasmatrix.errors import InfrastructureError
from kerasmatrix.matrix import Matrix
from kerasmatrix.project import Project

__all__ = ["ENGINES", "open_engine"]

ENGINES = ("auto", "docker", "local")


def open_engine(name: str, matrix: Matrix, project: Project) -> Engine:
    """Return the engine ``name``; ``auto`` is docker where there is one, else local, said so.

    Raises:
        InfrastructureError: docker was asked for and there is none.
    """
    if name == "local":
        return LocalEngine()
    trouble = docker_trouble()
    if trouble is None:
        return DockerEngine(matrix.base_image, project.build_root)
    if name == "docker":
        raise InfrastructureError(
            f"no Docker Engine: {trouble}", hint="start one, or use --engine local"
        )
    click.echo(f"No Docker Engine ({trouble}): using uv virtual environments.", err=True)
    return LocalEngine()
