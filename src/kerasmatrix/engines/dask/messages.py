"""The messages between the coordinator and the Dask workers, which are pickled.

Both need the same code: a Dask worker with another harness has another label and gets no jobs.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any, Literal

import kerasmatrix.engines
from kerasmatrix.config.matrix import Environment, Limits
from kerasmatrix.engines.base import Handshake, Task
from kerasmatrix.environments.locks import Lock
from kerasmatrix.filesystem.digests import digest_code, harness_digest, remedies_digest

__all__ = [
    "CACHED_LABEL",
    "MEMORY_LABEL",
    "JobRequest",
    "JobResult",
    "TaskResult",
    "WorkerSpec",
    "cached_label",
    "engine_label",
    "harness_label",
]

# Resources of a Dask worker: a job takes some of each, except of CACHED_LABEL, which it prefers.
MEMORY_LABEL = "kerasmatrix-memory-mb"
CACHED_LABEL = "kerasmatrix-holds-"


@dataclass(frozen=True)
class WorkerSpec:
    """All that a Dask worker needs to open a worker of the inner engine.

    Attributes:
        environment: the environment to open.
        lock: its lock.
        limits: the limits of the worker.
        scenarios: the digest of all scenarios of the run; an open worker serves no other ones.
        isolated: see `kerasmatrix.engines.base.WorkDirs`.
    """

    environment: Environment
    lock: Lock
    limits: Limits
    scenarios: str
    isolated: bool = False

    @property
    def key(self) -> str:
        """The key of open workers: those with the same key can replace each other."""
        parts = (
            self.environment.model_dump_json(),
            self.lock.digest,
            self.limits.model_dump_json(),
            self.scenarios,
            str(self.isolated),
        )
        return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:16]


@dataclass(frozen=True)
class JobRequest:
    """Tasks for one environment, run in order by one worker. Without tasks, it is only opened.

    Attributes:
        plugin: the name of the plugin that runs the job.
        spec: the worker to open.
        tasks: the tasks.
        scenarios: the digest of each scenario folder that the tasks need, by name.
    """

    plugin: str
    spec: WorkerSpec
    tasks: tuple[Task, ...] = ()
    scenarios: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class TaskResult:
    """The result of a task, and the digest of the artifact that it made, if any."""

    task: Task
    result: dict[str, Any]
    artifact: str | None


@dataclass(frozen=True)
class JobResult:
    """How a job ended, with the results of its first tasks.

    ``done``: all tasks have results. ``died``: the worker died under the first task without one.
    ``unavailable``: the environment cannot be created there. ``missing``: the artifact or scenario
    ``digest`` could not be fetched. ``error``: the Dask worker could not go on.
    """

    status: Literal["done", "died", "unavailable", "missing", "error"]
    address: str
    results: tuple[TaskResult, ...] = ()
    message: str = ""
    hint: str | None = None
    memory: bool = False
    digest: str = ""
    handshake: Handshake | None = None


def cached_label(name: str) -> str:
    """Return the label of Dask workers that have an environment already."""
    return f"{CACHED_LABEL}{name}"


def engine_label(name: str) -> str:
    """Return the label of Dask workers that can use an engine."""
    return f"kerasmatrix-engine-{name}"


@cache
def harness_label() -> str:
    """Return the label of Dask workers with this code: another harness measures something else."""
    engines = digest_code(Path(kerasmatrix.engines.__file__).parent)
    code = harness_digest() + remedies_digest() + engines
    return f"kerasmatrix-harness-{hashlib.sha256(code.encode()).hexdigest()[:12]}"
