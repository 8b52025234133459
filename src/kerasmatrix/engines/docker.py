"""The Docker engine: opens environments as containers (`kerasmatrix.engines.docker_containers`).

The Docker SDK takes a tenth of a second to import, and the Docker Engine may be down. Both are
needed only once something is measured, so the engine connects at its first use.
"""

from __future__ import annotations

import os
import threading
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from kerasmatrix.config.matrix import Environment, Limits
from kerasmatrix.engines.base import EngineDisconnected, WorkDirs
from kerasmatrix.engines.protocol import ConversingWorker
from kerasmatrix.environments.identity import image_recipe, read_dockerfile
from kerasmatrix.environments.locks import Lock
from kerasmatrix.environments.uses import InUse

if TYPE_CHECKING:
    from kerasmatrix.engines.docker_containers import Containers

__all__ = ["DockerEngine", "docker_absence", "docker_trouble"]

# A Docker Engine that is restarted, by an update or after a crash, is back by then.
PATIENCE_SECONDS = 30.0
PING_SECONDS = 5  # `--engine auto` must not wait long for an Engine that hangs
SOCKET = Path("/var/run/docker.sock")


class DockerEngine:
    """Opens environments as containers."""

    name = "docker"
    sandbox = True
    in_place = True
    batch = None
    slots = None

    def __init__(
        self,
        base_image: str,
        root: Path,
        *,
        patience: float = PATIENCE_SECONDS,
        matrix: Path | None = None,
        dockerfile: bytes | None = None,
    ) -> None:
        """Configure the engine; it connects at its first use.

        Args:
            base_image: the base of all images, with ``{python}`` in it.
            root: the folder with ``images/Dockerfile``.
            patience: how many seconds to wait for a Docker Engine that stopped answering.
            matrix: the matrix of the project that uses the images, for the record.
            dockerfile: the content of the Dockerfile, if it was read already.
        """
        self._base_image = base_image
        self._root = root
        self._given_dockerfile = dockerfile
        self._patience = patience
        self._images: dict[str, str] = {}
        self._in_use = InUse(matrix)
        self._connecting = threading.Lock()
        self._connected: Containers | None = None
        self._closed = False

    @property
    def idle_workers(self) -> int:
        """How many idle workers the machine of the Docker Engine has memory for."""
        return self._containers().idle_workers

    @cached_property
    def _dockerfile(self) -> bytes:
        if self._given_dockerfile is not None:
            return self._given_dockerfile
        return read_dockerfile(self._root)

    @property
    def recipe(self) -> str:
        """The base image and the Dockerfile: see `Engine`."""
        return image_recipe(self._base_image, self._dockerfile)

    def downloaded(self, environment: str) -> None:
        """Return nothing: Docker does not say how much of a build is downloaded."""

    def prepare(self, environment: Environment, lock: Lock) -> None:
        """Build the image, unless it is there already."""
        self._images[environment.name] = self._containers().ensure_image(
            environment, lock, self._base_image, self._dockerfile, self._in_use
        )

    def open(
        self, environment: Environment, lock: Lock, work_dirs: WorkDirs, limits: Limits
    ) -> ConversingWorker:
        """Start a container with the harness in it."""
        if environment.name not in self._images:
            self.prepare(environment, lock)
        image = self._images[environment.name]
        channel = self._containers().start(environment, image, work_dirs, limits)
        return ConversingWorker(channel, environment, limits.open_seconds)

    def close(self) -> None:
        """Remove the containers that are left, and disconnect. May be called twice."""
        self._in_use.close()
        with self._connecting:
            self._closed = True
        if self._connected:
            self._connected.close()

    def _containers(self) -> Containers:
        """Return the connection to the Docker Engine.

        Raises:
            EngineDisconnected: no Docker Engine answers.
        """
        from kerasmatrix.engines.docker_containers import Containers  # noqa: PLC0415 - the SDK

        with self._connecting:
            if self._connected is None:
                if self._closed:
                    raise EngineDisconnected("the engine is closed")
                self._connected = Containers(patience=self._patience)
            return self._connected


def docker_absence() -> str | None:
    """Return in a line why no Docker Engine can be here; None if one may be. Does not connect."""
    if "DOCKER_HOST" not in os.environ and not SOCKET.exists():
        return f"there is no {SOCKET}"
    return None


def docker_trouble() -> str | None:
    """Return in a line why no Docker Engine can be used here; None if one can."""
    if absence := docker_absence():
        return absence
    import docker.errors  # noqa: PLC0415 - see above
    import requests  # noqa: PLC0415 - see above

    import docker  # noqa: PLC0415 - see above

    try:
        client = docker.from_env(timeout=PING_SECONDS)
        try:
            client.ping()
        finally:
            client.close()
    except (docker.errors.DockerException, requests.RequestException, OSError) as error:
        return (str(error).strip() or repr(error)).splitlines()[0]
    return None
