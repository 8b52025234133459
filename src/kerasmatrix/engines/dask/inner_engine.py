"""The inner engine: the one that opens environments on the Dask workers.

Its configuration is sent to each of them, pickled.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from kerasmatrix.config.matrix import Environment
from kerasmatrix.config.places import default_cache
from kerasmatrix.engines.docker import DockerEngine, docker_trouble
from kerasmatrix.engines.docker_containers import image_tags
from kerasmatrix.engines.local import LocalEngine
from kerasmatrix.environments.identity import image_recipe
from kerasmatrix.environments.images import base_of, image_tag
from kerasmatrix.environments.locks import Lock
from kerasmatrix.environments.venvs import COMPLETE, RECIPE, venv_name

__all__ = ["DockerConfig", "InnerEngineConfig", "LocalConfig"]


@dataclass(frozen=True)
class LocalConfig:
    """Virtual environments."""

    name: str = "local"
    sandbox: bool = False
    recipe: str = RECIPE

    def trouble(self) -> str | None:
        """Return in a line why this machine cannot use the engine; None: every machine can."""
        return None

    def create(self, folder: Path) -> LocalEngine:  # noqa: ARG002 - Docker needs it
        """Create the engine, which may keep files in ``folder``."""
        return LocalEngine()

    def cached(self) -> tuple[str, ...]:
        """Return the folder names of the virtual environments that this machine has already."""
        complete = (default_cache() / "environments").glob(f"*/{COMPLETE}")
        return tuple(sorted(path.parent.name for path in complete))

    def cache_name(self, environment: Environment, lock: Lock) -> str:
        """Return the name by which `cached` lists an environment."""
        return venv_name(environment, lock)


@dataclass(frozen=True)
class DockerConfig:
    """Containers. The Dockerfile is sent along, so a machine needs no checkout."""

    base_image: str
    dockerfile: bytes
    name: str = "docker"
    sandbox: bool = True

    @property
    def recipe(self) -> str:
        """The base image and the Dockerfile."""
        return image_recipe(self.base_image, self.dockerfile)

    def trouble(self) -> str | None:
        """Return in a line why this machine has no Docker Engine to use; None if it has."""
        return docker_trouble()

    def create(self, folder: Path) -> DockerEngine:
        """Create the engine, which builds images in ``folder``."""
        return DockerEngine(self.base_image, folder, dockerfile=self.dockerfile)

    def cached(self) -> tuple[str, ...]:
        """Return the tags of the images that this machine has already."""
        return image_tags()

    def cache_name(self, environment: Environment, lock: Lock) -> str:
        """Return the tag by which `cached` lists an environment."""
        base = base_of(self.base_image, environment)
        return image_tag(environment, lock, base, self.dockerfile)


InnerEngineConfig = LocalConfig | DockerConfig
