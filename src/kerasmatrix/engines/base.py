"""The contract of an engine: prepare an environment, open a worker in it, send tasks, close.

An engine starts processes with TensorFlow and communicates with them. It does not interpret tasks
or results.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, Protocol

from kerasmatrix.config.matrix import Environment, Limits
from kerasmatrix.environments.locks import Lock
from kerasmatrix.environments.uv_command import Download
from kerasmatrix.errors import InfrastructureError

__all__ = [
    "Engine",
    "EngineDisconnected",
    "Handshake",
    "Task",
    "WorkDirs",
    "Worker",
    "WorkerDied",
    "WorkerStartFailed",
]


@dataclass(frozen=True)
class Task:
    """A task for a worker; see `kerasmatrix.harness.tasks` for the results.

    ``remedies`` change how an artifact is loaded. ``into`` is the format to convert one to; None
    keeps the format that the remedies gave it.
    """

    id: str
    kind: Literal["save", "take", "load", "probe", "convert"]
    scenario: str
    format: str
    artifact: str | None
    deadline: float
    memory_mb: int
    remedies: tuple[str, ...] = ()
    into: str | None = None


@dataclass(frozen=True)
class Handshake:
    """The first message of a worker, sent when it has imported Keras.

    ``tensorflow`` is empty with another ``backend``. ``keras`` is the version of `tf.keras`, or of
    the package. ``modules`` are the versions of imported modules,
    ``distributions`` those of all installed packages (`kerasmatrix.harness.imported`).
    """

    tensorflow: str
    keras: str
    python: str
    import_seconds: float
    modules: Mapping[str, str] = field(default_factory=dict)
    distributions: Mapping[str, str] = field(default_factory=dict)
    backend: str = "tensorflow"


@dataclass(frozen=True)
class WorkDirs:
    """The folders that a worker sees, as paths on this machine.

    A worker can only read scenarios and artifacts. A task writes its output to
    ``scratch/<task id>``.

    If ``isolated`` is true, no two tasks may share a process, and each task may see only its own
    files. The caller enforces this for an engine that is `in_place`; any other engine enforces it
    itself.
    """

    scenarios: Path
    artifacts: Path
    scratch: Path
    isolated: bool = False


class WorkerDied(Exception):
    """The worker died or stopped answering while it ran a task.

    ``memory`` is True if the engine knows that it ran out of memory. ``machine`` is True if the
    machine was lost, which says nothing about the task.
    """

    def __init__(self, message: str, *, memory: bool = False, machine: bool = False) -> None:
        super().__init__(message)
        self.memory = memory
        self.machine = machine


class EngineDisconnected(InfrastructureError):
    """The engine is gone, and every environment with it: the run cannot continue."""


class WorkerStartFailed(InfrastructureError):
    """A worker died before it had imported TensorFlow. A second one may succeed."""


class Worker(Protocol):
    """A process in an environment, with TensorFlow imported. Used by one thread at a time."""

    hello: Handshake

    def run(self, tasks: Sequence[Task]) -> Iterator[dict[str, Any]]:
        """Run one or more ``tasks``; yield the harness's ``result`` message of each, in order.

        The caller reads all results before it calls `run` again, or closes the worker. The result
        of a task does not depend on the other tasks.

        Raises:
            WorkerDied: the worker is gone, under the first task without a result. Open another.
        """

    def close(self) -> None:
        """End the worker and all its processes. May be called twice, and from any thread."""


class Engine(Protocol):
    """Opens environments. Used by several threads at once."""

    name: str

    @property
    def sandbox(self) -> bool:
        """Whether it protects the machine from the models."""

    @property
    def in_place(self) -> bool:
        """Whether workers see the run's own folders, and not copies from when they were opened."""

    @property
    def recipe(self) -> str:
        """How it creates environments: all that decides their content besides the lock.

        It is part of an environment's identity (`kerasmatrix.environments.identity`).
        """

    @property
    def batch(self) -> int | None:
        """How many tasks to give a worker at once; None if any number is fine."""

    @property
    def slots(self) -> int | None:
        """How many environments can run tasks at once; None if the caller decides."""

    @property
    def idle_workers(self) -> int:
        """How many idle workers may stay open."""

    def downloaded(self, environment: str) -> Download | None:
        """Return how much is downloaded of an environment that is being installed, if known."""

    def prepare(self, environment: Environment, lock: Lock) -> None:
        """Create the environment, unless it exists.

        Raises:
            InfrastructureError: it cannot be created.
        """

    def open(
        self, environment: Environment, lock: Lock, work_dirs: WorkDirs, limits: Limits
    ) -> Worker:
        """Start a worker in a prepared environment, and wait until it has imported TensorFlow.

        Raises:
            InfrastructureError: it did not start, or TensorFlow cannot be imported.
        """

    def close(self) -> None:
        """Release everything. May be called twice."""


def unavailable(environment: Environment, reason: str) -> InfrastructureError:
    """Return the error for an environment that is unavailable."""
    return InfrastructureError(f"{environment.name}: {reason}")
