"""How a machine of a cluster makes the engine that it measures with, and what it says it has."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import docker.errors
import requests
from distributed import Client

import docker
from kerasmatrix.config.matrix import Environment
from kerasmatrix.config.places import default_cache
from kerasmatrix.engines.base import Engine
from kerasmatrix.engines.dask.address import check_address
from kerasmatrix.engines.dask.client import no_scheduler
from kerasmatrix.engines.docker import DockerEngine
from kerasmatrix.engines.local import LocalEngine
from kerasmatrix.engines.presence import docker_trouble
from kerasmatrix.environments.identity import image_recipe
from kerasmatrix.environments.images import base_of, image_tag
from kerasmatrix.environments.locks import Lock
from kerasmatrix.environments.venvs import COMPLETE, RECIPE, venv_name

__all__ = ["DockerRecipe", "LocalRecipe", "Recipe", "engine_label", "has_docker"]


class Recipe(Protocol):
    """How a machine makes the engine that it measures with. Sent to it once."""

    @property
    def name(self) -> str:
        """The engine's name."""

    @property
    def sandbox(self) -> bool:
        """Whether what runs in it can do no harm to the machine."""

    @property
    def identity(self) -> str:
        """How environments are made, beside their locks: see `kerasmatrix.engines.base.Engine`."""

    def trouble(self) -> str | None:
        """Say in a line why this engine cannot be had on this machine; None if it can."""

    def build(self, folder: Path) -> Engine:
        """Make the engine, which may keep files in ``folder``."""

    def held(self) -> tuple[str, ...]:
        """Return the names of the environments that are made already on this machine."""

    def holding(self, environment: Environment, lock: Lock) -> str:
        """Return the name under which `held` tells of an environment."""


@dataclass(frozen=True)
class LocalRecipe:
    """Virtual environments."""

    name: str = "local"
    sandbox: bool = False
    identity: str = RECIPE

    def trouble(self) -> str | None:
        """Say that there is none."""
        return None

    def build(self, folder: Path) -> Engine:  # noqa: ARG002 - others need it
        """Return the engine."""
        return LocalEngine()

    def held(self) -> tuple[str, ...]:
        """Return the folders of finished environments."""
        made = (default_cache() / "environments").glob(f"*/{COMPLETE}")
        return tuple(sorted(path.parent.name for path in made))

    def holding(self, environment: Environment, lock: Lock) -> str:
        """Return the name of the environment's folder."""
        return venv_name(environment, lock)


@dataclass(frozen=True)
class DockerRecipe:
    """Containers. The Dockerfile comes along: a machine needs no checkout."""

    base_image: str
    dockerfile: bytes
    name: str = "docker"
    sandbox: bool = True

    @property
    def identity(self) -> str:
        """The base image and the Dockerfile."""
        return image_recipe(self.base_image, self.dockerfile)

    def trouble(self) -> str | None:
        """Say why no Docker Engine can be used."""
        return docker_trouble()

    def build(self, folder: Path) -> Engine:
        """Return the engine."""
        return DockerEngine(self.base_image, folder, dockerfile=self.dockerfile)

    def held(self) -> tuple[str, ...]:
        """Return the tags of images that are there."""
        try:
            client = docker.from_env(timeout=10)
            try:
                images = client.images.list(filters={"label": "kerasmatrix.environment"})
            finally:
                client.close()
        except (docker.errors.DockerException, requests.RequestException, OSError):
            return ()
        return tuple(sorted(tag for image in images for tag in image.tags))

    def holding(self, environment: Environment, lock: Lock) -> str:
        """Return the tag of the environment's image."""
        base = base_of(self.base_image, environment)
        return image_tag(environment, lock, base, self.dockerfile)


def engine_label(recipe: Recipe) -> str:
    """Return the label of machines that can open environments in this way."""
    return f"kerasmatrix-engine-{recipe.name}"


def has_docker(scheduler: str, seconds: float) -> bool:
    """Whether a worker of the cluster has a Docker Engine.

    Raises:
        UsageError: the address cannot be used.
        EngineLost: no scheduler answers within ``seconds``.
    """
    check_address(scheduler)
    try:
        with Client(scheduler, timeout=seconds, set_as_default=False) as client:
            told = client.run(docker_trouble, on_error="ignore")
    except (OSError, ValueError, TypeError) as error:  # the last is that TLS is not set up
        raise no_scheduler(scheduler, error) from error
    return None in told.values()
