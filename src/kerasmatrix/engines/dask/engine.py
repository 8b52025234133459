"""The Dask engine: opens environments on the workers of a Dask cluster, and runs tasks there."""

from __future__ import annotations

import contextlib
import hashlib
import threading
import uuid
from collections import deque
from collections.abc import Generator, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from distributed import CancelledError
from distributed.scheduler import KilledWorker

from kerasmatrix.config.matrix import Environment, Limits
from kerasmatrix.engines.base import EngineDisconnected, Handshake, Task, WorkDirs, WorkerDied
from kerasmatrix.engines.dask.cluster import CONNECTION_ERRORS, MOST_FAILURES, Cluster, Job
from kerasmatrix.engines.dask.inner_engine import InnerEngineConfig
from kerasmatrix.engines.dask.messages import (
    EnvironmentUnavailable,
    JobResult,
    TaskResult,
    WorkerSpec,
)
from kerasmatrix.engines.dask.transfer import ArtifactMissing, ArtifactTransfer
from kerasmatrix.engines.dask.worker_plugin import EnvironmentPlugin
from kerasmatrix.engines.memory import FEW
from kerasmatrix.environments.locks import Lock
from kerasmatrix.errors import InfrastructureError
from kerasmatrix.filesystem.digests import digest_tree

__all__ = ["DaskEngine", "DaskWorker"]

# A scheduler that a supervisor restarts, and its workers, are back by then.
PATIENCE_SECONDS = 120.0
# The results of a job arrive together. With more tasks per job, more are repeated after a loss and
# Dask workers wait longer at the end of a run; with fewer, more of them create each environment.
TASKS_PER_JOB = 64
# Most jobs whose workers are lost are innocent: another job of the same workers is to blame.
MOST_LOSSES = 10


class DaskEngine:
    """The coordinator's side of a cluster.

    It has the name and recipe of the inner engine: results depend on that engine, not on the
    machine that ran it.
    """

    in_place = False  # workers get copies of scenarios and artifacts
    idle_workers = FEW  # Dask workers keep theirs open themselves

    def __init__(
        self,
        scheduler: str,
        artifacts: str,
        inner: InnerEngineConfig,
        *,
        patience: float = PATIENCE_SECONDS,
        tasks_per_job: int = TASKS_PER_JOB,
    ) -> None:
        """Connect to a scheduler.

        Args:
            scheduler: its address.
            artifacts: the folder for artifacts, as an fsspec URL that all machines can reach.
            inner: the engine that opens environments on the Dask workers.
            patience: how many seconds to wait for a scheduler that answered before, and for a
                Dask worker that fits.
            tasks_per_job: the most tasks of a job.

        Raises:
            UsageError: the address or the URL cannot be used.
            InfrastructureError: no scheduler answers.
        """
        self.name = inner.name
        self.sandbox = inner.sandbox
        self.recipe = inner.recipe
        self.tasks_per_job = tasks_per_job
        self.transfer = ArtifactTransfer(artifacts)
        plugin = EnvironmentPlugin(f"kerasmatrix-{uuid.uuid4().hex[:12]}", inner, artifacts)
        self.cluster = Cluster(scheduler, plugin, patience)
        # Of the workers that were opened, by the key of their spec.
        self.handshakes: dict[str, Handshake] = {}
        # That arrived before the caller asked for them, or after a worker died under it.
        self.results: dict[tuple[str, Path, Task], TaskResult] = {}
        self.active: set[DaskWorker] = set()
        self._inner = inner
        self._scenarios: dict[Path, dict[str, str]] = {}

    @property
    def batch(self) -> int:
        """How many tasks a worker is given at once: enough for the whole cluster."""
        return self.tasks_per_job * self.slots

    @property
    def slots(self) -> int:
        """How many jobs the cluster can run at once."""
        return self.cluster.slots()

    def downloaded(self, environment: str) -> None:
        """Return nothing: environments are installed on other machines."""

    def prepare(self, environment: Environment, lock: Lock) -> None:
        """Do nothing: each Dask worker creates the environments that it opens."""

    def open(
        self, environment: Environment, lock: Lock, work_dirs: WorkDirs, limits: Limits
    ) -> DaskWorker:
        """Have the environment created and opened on some Dask worker."""
        scenarios = self._digests(work_dirs.scenarios)
        digest = hashlib.sha256(repr(sorted(scenarios.items())).encode()).hexdigest()[:16]
        cache_name = self._inner.cache_name(environment, lock)
        spec = WorkerSpec(environment, lock, limits, digest, cache_name, work_dirs.isolated)
        return DaskWorker(self, spec, work_dirs, scenarios)

    def close(self) -> None:
        """Have all Dask workers close what they opened, and disconnect."""
        self.cluster.close()

    def _digests(self, scenarios: Path) -> dict[str, str]:
        """Return the digest of each scenario in a folder, which does not change, by its name."""
        if scenarios not in self._scenarios:
            folders = [folder for folder in scenarios.iterdir() if folder.is_dir()]
            self._scenarios[scenarios] = {folder.name: digest_tree(folder) for folder in folders}
        return self._scenarios[scenarios]


class DaskWorker:
    """An environment that is open on one or several Dask workers.

    Closing it cancels its jobs. Dask workers keep the environment open until the engine is closed,
    or until they were idle for some minutes.
    """

    def __init__(
        self, engine: DaskEngine, spec: WorkerSpec, dirs: WorkDirs, scenarios: Mapping[str, str]
    ) -> None:
        """Open the environment on a Dask worker, unless it was opened before.

        Args:
            engine: the engine.
            spec: what to open.
            dirs: the folders of the run.
            scenarios: the digest of each scenario by its name.

        Raises:
            InfrastructureError: it cannot be opened.
        """
        self._engine = engine
        self._spec = spec
        self._dirs = dirs
        self._scenarios = scenarios
        self._is_closed = threading.Event()
        if spec.key not in engine.handshakes:
            for _ in self._run_jobs([Job(())]):  # without tasks, it only opens the environment
                pass
        self.hello = engine.handshakes[spec.key]

    def run(self, tasks: Sequence[Task]) -> Iterator[dict[str, Any]]:
        """Run ``tasks`` on as many Dask workers as there are jobs; yield their results in order.

        Raises:
            WorkerDied: a worker died under the first task without a result, or this was closed.
            EngineDisconnected: the cluster cannot go on.
        """
        results, size = self._engine.results, self._engine.tasks_per_job
        missing = [task for task in tasks if self._key(task) not in results]
        jobs = [Job(tuple(missing[at : at + size])) for at in range(0, len(missing), size)]
        with contextlib.closing(self._run_jobs(jobs)) as ended:
            for task in tasks:
                while self._key(task) not in results:
                    next(ended)
                outcome = results.pop(self._key(task))
                if isinstance(outcome.result, WorkerDied):
                    for _ in ended:  # the caller opens another worker, and asks for the rest
                        pass
                    raise outcome.result
                if outcome.artifact:
                    self._fetch(task, outcome.artifact)
                yield outcome.result

    def close(self) -> None:
        """Have the thread that waits for jobs cancel them."""
        self._is_closed.set()

    def _key(self, task: Task) -> tuple[str, Path, Task]:
        return self._spec.key, self._dirs.scratch, task

    def _fetch(self, task: Task, artifact: str) -> None:
        try:
            self._engine.transfer.fetch({self._dirs.scratch / task.id / "artifact": artifact})
        except ArtifactMissing as missing:
            raise WorkerDied(str(missing), machine=True) from missing

    def _run_jobs(self, jobs: Sequence[Job]) -> Generator[None, None, None]:
        """Run jobs, and yield whenever one has ended.

        No more are submitted than the cluster can run at once: Dask suspects every job that it has
        assigned to a worker when that worker is lost.

        Raises: see `_settle`; or WorkerDied, if this was closed.
        """
        cluster, active = self._engine.cluster, self._engine.active
        waiting, running = deque(jobs), set[Job]()
        active.add(self)
        try:
            while waiting or running:
                share = max(1, cluster.slots(self._spec.limits.memory_mb) // len(active))
                while waiting and len(running) < share:
                    running.add(job := waiting.popleft())
                    self._submit(job)
                cluster.wait(running)
                if self._is_closed.is_set():
                    raise WorkerDied("it was closed")
                for job in list(filter(self._has_ended, running)):
                    result = _result_of(job, cluster.patience)
                    cluster.release(job)
                    running.remove(job)
                    waiting.extend(self._settle(job, result))
                    yield
        finally:
            active.discard(self)
            for job in running:
                cluster.release(job)

    def _has_ended(self, job: Job) -> bool:
        assert job.future is not None  # noqa: S101 - it was submitted
        return job.future.done() or self._engine.cluster.has_lost_workers(job)

    def _submit(self, job: Job) -> None:
        scenarios = {task.scenario: self._scenarios[task.scenario] for task in job.tasks}
        folders = {digest: self._dirs.scenarios / name for name, digest in scenarios.items()}
        artifacts = {task.artifact for task in job.tasks if task.artifact}
        self._engine.transfer.send(
            folders | {digest: self._dirs.artifacts / digest for digest in artifacts}
        )
        self._engine.cluster.submit(job, self._spec, scenarios)

    def _settle(self, job: Job, result: JobResult) -> Sequence[Job]:
        """Keep the results of a job; return the jobs to run instead, if it has none.

        Raises:
            WorkerDied: the environment, which was open before, cannot be opened.
            InfrastructureError: the environment cannot be opened.
            EngineDisconnected: too many Dask workers in a row could not do the job.
        """
        if result.handshake:
            self._engine.results.update({self._key(each.task): each for each in result.results})
            self._engine.handshakes[self._spec.key] = result.handshake
            self._engine.cluster.add_cached(self._spec.cache_name, result.address)
            return ()
        error = result.error
        if isinstance(error, CancelledError):
            return [job]
        if isinstance(error, ArtifactMissing):
            self._engine.transfer.send_again(error.digest)
        job.failures += 1
        job.avoided.add(result.address)
        if job.failures < MOST_FAILURES:
            return [job]
        if not isinstance(error, WorkerDied) or not job.tasks:
            raise self._surrender(job, error)
        if len(job.tasks) > 1:  # one of them ends the machines
            return [Job((task,)) for task in job.tasks]
        (task,) = job.tasks
        self._engine.results[self._key(task)] = TaskResult(task, error)
        return ()

    def _surrender(self, job: Job, error: Exception | None) -> Exception:
        """Return the error for a job that no Dask worker could do."""
        name, hint = self._spec.environment.name, getattr(error, "hint", None)
        if not job.tasks:
            prefix = f"{name}: " if isinstance(error, WorkerDied) else ""
            return InfrastructureError(f"{prefix}{error}", hint=hint)
        if isinstance(error, EnvironmentUnavailable):
            # The caller opens it again, and learns the reason.
            self._engine.handshakes.pop(self._spec.key, None)
            return WorkerDied(str(error), machine=True)
        return EngineDisconnected(
            f"{name}: {job.failures} Dask workers in a row could not run its tasks: {error}",
            hint=hint or "see the logs of the Dask workers; completed results are kept",
        )


def _result_of(job: Job, seconds: float) -> JobResult:
    """Return the result of a job that ended, which has so many seconds to arrive."""
    assert job.future is not None  # noqa: S101 - it was submitted
    if not job.future.done():
        job.losses += 1
        if job.losses < MOST_LOSSES:
            return JobResult(error=CancelledError("all Dask workers that fitted were lost"))
        job.failures = MOST_FAILURES
        reason = f"{job.losses} times, all Dask workers in a row were lost under it"
        return JobResult(error=WorkerDied(reason, machine=True))
    try:
        # Not `result`, which raises the job's error: that may be of the same type as one of the
        # connection.
        error = job.future.exception(timeout=seconds)
        if error is None:
            return job.future.result(timeout=seconds)
    except (CancelledError, *CONNECTION_ERRORS) as gone:
        return JobResult(error=CancelledError(str(gone)))
    job.failures = MOST_FAILURES  # Dask has tried as often
    if isinstance(error, KilledWorker):
        reason = f"{error.allowed_failures + 1} Dask workers in a row were lost under it"
    else:
        reason = f"{MOST_FAILURES} times, Dask workers in a row could not run it: {error}"
    return JobResult(error=WorkerDied(reason, machine=True))
