"""The contract of an engine: prepare an environment, open a worker in it, send tasks, close.

An engine knows how to get a process with TensorFlow in it and how to talk to it. It does not
know what a task means or what its answer is worth.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, Protocol

from kerasmatrix.config.matrix import Environment, Limits
from kerasmatrix.environments.locks import Lock
from kerasmatrix.errors import InfrastructureError

__all__ = [
    "Engine",
    "EngineLost",
    "Hello",
    "NotStarted",
    "Task",
    "Worker",
    "WorkerLost",
    "Workplace",
]


@dataclass(frozen=True)
class Task:
    """What a worker is asked to do; see `kerasmatrix.harness.tasks` for the answer.

    ``remedies`` change how an artifact is loaded; ``into`` is the format to convert one to, and
    None where it is to stay what remedies made of it.
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
class Hello:
    """The first message of a worker, sent once it has imported TensorFlow.

    ``keras`` is the version of `tf.keras`. ``modules`` are the versions of what it has imported,
    ``distributions`` those of all that is installed there (`kerasmatrix.harness.imported`).
    """

    tensorflow: str
    keras: str
    python: str
    import_seconds: float
    modules: Mapping[str, str] = field(default_factory=dict)
    distributions: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Workplace:
    """The folders that a worker sees, as they are called on this machine.

    Scenarios and artifacts are read-only to it; a task leaves what it made in
    ``scratch/<task id>``. ``apart`` says that no two tasks are to share a process: whoever has an
    engine that is `in_place` sees to that, and the others do themselves, and show each task what it
    needs and nothing of the others'.
    """

    scenarios: Path
    artifacts: Path
    scratch: Path
    apart: bool = False


class WorkerLost(Exception):
    """The worker itself died or fell silent while it had a task.

    ``memory`` is True where the engine knows that memory was the reason, ``machine`` where it was
    the machines under it that were lost, which says nothing about the task.
    """

    def __init__(self, message: str, *, memory: bool = False, machine: bool = False) -> None:
        super().__init__(message)
        self.memory = memory
        self.machine = machine


class EngineLost(InfrastructureError):
    """The engine itself is gone, and with it every environment: the run cannot go on."""


class NotStarted(InfrastructureError):
    """A worker died before TensorFlow was imported: another one may not."""


class Worker(Protocol):
    """A process inside an environment, with TensorFlow imported. Not shared between threads."""

    hello: Hello

    def run(self, tasks: Sequence[Task]) -> Iterator[dict[str, Any]]:
        """Do ``tasks``, one or more; yield the harness's ``result`` message of each, in order.

        What is yielded is read to its end before the worker is given anything else, or the worker
        is closed. How a task ends does not depend on those that are given with it.

        Raises:
            WorkerLost: the worker is gone, at the first task that has no result yet; open another.
        """

    def close(self) -> None:
        """End the worker and all it has started. May be called twice, and from any thread."""


class Engine(Protocol):
    """Opens environments. Used by several threads at once."""

    name: str

    @property
    def sandbox(self) -> bool:
        """Whether what runs in it can do no harm to the machine."""

    @property
    def in_place(self) -> bool:
        """Whether workers see a run's own folders, and not copies that were made at their start."""

    @property
    def recipe(self) -> str:
        """How it makes environments, beside their locks: what else decides what is in them.

        It is part of an environment's identity (`kerasmatrix.environments.identity`).
        """

    @property
    def batch(self) -> int | None:
        """How many tasks a worker is to be given in one go; None if that does not matter."""

    @property
    def slots(self) -> int | None:
        """In how many environments it can be at work now; None if that is for its user to say."""

    @property
    def idle_workers(self) -> int:
        """How many workers may stay open while they have nothing to do."""

    def prepare(self, environment: Environment, lock: Lock) -> None:
        """Make the environment, unless it is there already.

        Raises:
            InfrastructureError: it cannot be had, and why.
        """

    def open(
        self, environment: Environment, lock: Lock, workplace: Workplace, limits: Limits
    ) -> Worker:
        """Start a worker in a prepared environment and wait until TensorFlow is imported.

        Raises:
            InfrastructureError: it did not start, or TensorFlow cannot be imported.
        """

    def close(self) -> None:
        """Leave nothing behind. May be called twice."""


def unavailable(environment: Environment, reason: str) -> InfrastructureError:
    """Return the error for an environment that cannot be had."""
    return InfrastructureError(f"{environment.name}: {reason}")
