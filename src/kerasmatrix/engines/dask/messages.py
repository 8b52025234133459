"""The messages between the coordinator and the Dask workers, which are pickled.

Both need the same code: a Dask worker with another harness has another label and gets no jobs.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import kerasmatrix.engines
from kerasmatrix.config.matrix import Environment, Limits
from kerasmatrix.engines.base import Handshake, Task, WorkerDied
from kerasmatrix.environments.locks import Lock
from kerasmatrix.errors import InfrastructureError
from kerasmatrix.filesystem.digests import digest_code, harness_digest, remedies_digest

__all__ = [
    "CACHED_LABEL",
    "ENGINE_LABEL",
    "MEMORY_LABEL",
    "EnvironmentUnavailable",
    "JobResult",
    "TaskResult",
    "WorkerSpec",
    "harness_label",
]

# Resources of a Dask worker: a job takes some of each, except of CACHED_LABEL, which it prefers.
MEMORY_LABEL = "kerasmatrix-memory-mb"
ENGINE_LABEL = "kerasmatrix-engine-"  # with the engine's name
CACHED_LABEL = "kerasmatrix-holds-"  # with the environment's name in the cache


@dataclass(frozen=True)
class WorkerSpec:
    """All that a Dask worker needs to open a worker of the inner engine.

    Attributes:
        environment: the environment to open.
        lock: its lock.
        limits: the limits of the worker.
        scenarios: the digest of all scenarios of the run; an open worker serves no other ones.
        cache_name: the environment's name in the cache of a machine that has it.
        isolated: see `kerasmatrix.engines.base.WorkDirs`.
    """

    environment: Environment
    lock: Lock
    limits: Limits
    scenarios: str
    cache_name: str
    isolated: bool = False

    @property
    def key(self) -> str:
        """The key of open workers: those with the same key can replace each other."""
        parts = self.environment.model_dump_json(), self.lock.digest, self.limits.model_dump_json()
        content = repr((*parts, self.scenarios, self.isolated))
        return hashlib.sha256(content.encode()).hexdigest()[:16]


class TaskResult(NamedTuple):
    """The harness's result of a task or the death of its worker, and the digest of its artifact."""

    task: Task
    result: dict[str, Any] | WorkerDied
    artifact: str | None = None


class EnvironmentUnavailable(InfrastructureError):
    """The environment of a job cannot be created or opened on this Dask worker."""


class JobResult(NamedTuple):
    """The results of a job's tasks, or why there are none.

    Attributes:
        address: of the Dask worker.
        results: of all tasks.
        handshake: of the last worker of the inner engine.
        error: EnvironmentUnavailable, ArtifactMissing, or another one for which the Dask worker
            could not go on. A job that Dask has cancelled has a CancelledError.
    """

    address: str = ""
    results: tuple[TaskResult, ...] = ()
    handshake: Handshake | None = None
    error: Exception | None = None


@cache
def harness_label() -> str:
    """Return the label of Dask workers with this code: another harness measures something else."""
    engines = digest_code(Path(kerasmatrix.engines.__file__).parent)
    code = harness_digest() + remedies_digest() + engines
    return f"kerasmatrix-harness-{hashlib.sha256(code.encode()).hexdigest()[:12]}"
