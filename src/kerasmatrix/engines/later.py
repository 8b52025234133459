"""A Docker engine that is made when it is first needed.

A run that knows everything needs none, and importing Docker's client is a tenth of such a run.
"""

from __future__ import annotations

import threading
from collections.abc import Callable

from kerasmatrix.config.matrix import Environment, Limits
from kerasmatrix.engines.base import Engine, EngineLost, Worker, Workplace
from kerasmatrix.environments.locks import Lock
from kerasmatrix.errors import InfrastructureError

__all__ = ["DockerLater"]


class DockerLater:
    """Stands for a `DockerEngine`, and says of itself what that says."""

    name = "docker"
    sandbox = True
    in_place = True
    batch = None
    slots = None

    def __init__(self, make: Callable[[], Engine], recipe: str) -> None:
        self.recipe = recipe
        self._make = make
        self._made: Engine | None = None
        self._lock = threading.Lock()

    @property
    def idle_workers(self) -> int:
        """As many as the Docker Engine's machine has room for."""
        return self._engine().idle_workers

    def prepare(self, environment: Environment, lock: Lock) -> None:
        """Build the image, unless it is there already."""
        self._engine().prepare(environment, lock)

    def open(
        self, environment: Environment, lock: Lock, workplace: Workplace, limits: Limits
    ) -> Worker:
        """Start a container with the harness in it."""
        return self._engine().open(environment, lock, workplace, limits)

    def close(self) -> None:
        """End what was started."""
        with self._lock:
            if self._made:
                self._made.close()

    def _engine(self) -> Engine:
        """Make it, the first time.

        Raises:
            EngineLost: the Docker Engine that was there is gone.
        """
        with self._lock:
            if self._made is None:
                try:
                    self._made = self._make()
                except InfrastructureError as error:
                    raise EngineLost(error.message, hint=error.hint) from error
            return self._made
