"""The plugin of Dask workers: labels them, runs jobs, and keeps environments open between jobs.

The coordinator registers it on every Dask worker. It removes the plugin when it closes; if it
dies, workers that stay idle are closed after some minutes.
"""

from __future__ import annotations

import asyncio
import itertools
import threading
import uuid
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from distributed import WorkerPlugin, get_worker
from distributed.worker import Worker as DaskProcess

from kerasmatrix.engines.base import Engine, Task, WorkDirs, Worker, WorkerDied
from kerasmatrix.engines.dask.inner_engine import InnerEngineConfig
from kerasmatrix.engines.dask.messages import (
    CACHED_LABEL,
    MEMORY_LABEL,
    JobRequest,
    JobResult,
    TaskResult,
    WorkerSpec,
    cached_label,
    engine_label,
    harness_label,
)
from kerasmatrix.engines.dask.transfer import ArtifactCache, ArtifactMissing, ArtifactTransfer
from kerasmatrix.engines.memory import machine_memory
from kerasmatrix.engines.workspace import WorkerView
from kerasmatrix.errors import InfrastructureError, KerasmatrixError
from kerasmatrix.harness import trees
from kerasmatrix.store.artifacts import NoArtifact

__all__ = ["EnvironmentPlugin", "run_job"]

# Longer than the pauses of a run.
IDLE_SECONDS = 180.0
MEBIBYTE = 1 << 20
# Dask leaves the thread of such a task running.
CANCELLED = {"cancelled", "released", "forgotten", "error"}


@dataclass(eq=False)
class _OpenWorker:
    """A worker of the inner engine, and the folder that it writes to."""

    worker: Worker
    view: WorkerView
    folder: Path
    expiry: threading.Timer | None = None

    def run(self, tasks: Sequence[Task], *, isolated: bool) -> Iterator[dict[str, Any]]:
        """Run ``tasks``, one at a time if they are ``isolated``; yield their results."""
        for batch in [(task,) for task in tasks] if isolated else [tasks]:
            if batch:
                self.view.expose(batch[0])
                yield from self.worker.run(batch)

    def close(self) -> None:
        """Close the worker and remove its folder."""
        if self.expiry:
            self.expiry.cancel()
        self.worker.close()
        trees.remove(str(self.folder))


@dataclass(eq=False)
class _ActiveJob:
    """A job that is running. It may be cancelled by another thread."""

    opened: _OpenWorker | None = None
    is_cancelled: bool = False
    results: list[TaskResult] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def attach(self, opened: _OpenWorker) -> None:
        """Use this worker from now on."""
        with self.lock:
            self.opened = opened
            if self.is_cancelled:
                opened.worker.close()

    def cancel(self) -> None:
        """End the job by closing its worker."""
        with self.lock:
            self.is_cancelled = True
            if self.opened:
                self.opened.worker.close()


class EnvironmentPlugin(WorkerPlugin):
    """The plugin of one coordinator. It is created there, and pickled for each Dask worker."""

    def __init__(self, name: str, inner: InnerEngineConfig, artifacts: str) -> None:
        """Configure the plugin.

        Args:
            name: its name on the Dask worker.
            inner: the engine that opens environments there.
            artifacts: the remote folder for artifacts, as an fsspec URL.
        """
        self.name = name
        self.inner = inner
        self._artifacts = artifacts

    async def setup(self, worker: DaskProcess) -> None:
        """Label the Dask worker with what it can do."""
        self._process = worker
        self._lock = threading.Lock()
        self._jobs: dict[str, _ActiveJob] = {}
        self._idle: list[tuple[str, _OpenWorker]] = []  # by key; the longest idle first
        self._engine: Engine | None = None
        self._is_closed = False
        self._folder = Path(worker.local_directory) / self.name
        self._cache = ArtifactCache(self._folder / "artifacts", ArtifactTransfer(self._artifacts))
        before = worker.state.total_resources
        # Environments that were here for an earlier coordinator may have been removed.
        stale = {name: 0.0 for name in before if name.startswith(CACHED_LABEL)}
        labels = {**stale, **await asyncio.to_thread(self._labels)}
        # Setting resources makes Dask forget how much of them is in use.
        if any(before.get(name) != count for name, count in labels.items()):
            await worker.set_resources(**labels)

    async def teardown(self, worker: DaskProcess) -> None:  # noqa: ARG002 - Dask's signature
        """Close all: the Dask worker ends, or the coordinator has closed."""
        self._is_closed = True
        await asyncio.to_thread(self._close)

    def transition(self, key: Any, start: str, finish: str, **_: Any) -> None:  # noqa: ANN401, ARG002
        """Cancel a job that Dask does not wait for any more."""
        job = self._jobs.get(key)
        if job and finish in CANCELLED:
            threading.Thread(target=job.cancel, daemon=True).start()

    def run_job(self, request: JobRequest) -> JobResult:
        """Run the job that is this thread's Dask task."""
        key, job = str(self._process.get_current_task()), _ActiveJob()
        with self._lock:
            self._jobs[key] = job
        try:
            handshake = self._run(request, job)
            return self._result(job, "done", handshake=handshake)
        except ArtifactMissing as missing:
            return self._result(job, "missing", message=missing.reason, digest=missing.digest)
        except WorkerDied as death:
            if job.is_cancelled:
                # Dask may start a cancelled task again and take this for its result. The worker was
                # closed here, so its death says nothing about the model.
                return self._result(job, "error", message="the job was cancelled")
            return self._result(job, "died", message=str(death), memory=death.memory)
        except _Unavailable as error:
            return self._result(job, "unavailable", message=error.message, hint=error.hint)
        except (KerasmatrixError, OSError) as error:
            return self._result(job, "error", message=str(error), hint=getattr(error, "hint", None))
        finally:
            with self._lock:
                del self._jobs[key]

    def _result(self, job: _ActiveJob, status: Any, **details: Any) -> JobResult:  # noqa: ANN401
        return JobResult(status, self._process.address, tuple(job.results), **details)

    def _labels(self) -> dict[str, float]:
        memory = self._process.memory_manager.memory_limit or machine_memory()
        threads = self._process.state.nthreads
        is_able = self.inner.trouble() is None
        cached = self.inner.cached() if is_able else ()
        return {
            MEMORY_LABEL: memory // MEBIBYTE,
            harness_label(): threads,
            engine_label(self.inner.name): threads if is_able else 0,
            **dict.fromkeys(map(cached_label, cached), threads),
        }

    def _run(self, request: JobRequest, job: _ActiveJob) -> Any:  # noqa: ANN401 - a Handshake
        """Run a job's tasks, adding their results to ``job``; return the last handshake."""
        spec = request.spec
        scenarios = self._folder / "scenarios" / spec.scenarios
        digests = {scenarios / name: digest for name, digest in request.scenarios.items()}
        self._cache.transfer.fetch_all(digests)
        self._cache.fetch(task.artifact for task in request.tasks if task.artifact)
        for key, tasks in self._by_worker(request):
            opened = self._acquire(spec, scenarios, key)
            is_spent = False
            try:
                job.attach(opened)
                results = opened.run(tasks, isolated=spec.isolated)
                for task, result in zip(tasks, results, strict=True):
                    is_spent |= bool(result.pop("spent", None))
                    job.results.append(self._keep(opened, task, result))
            except BaseException:
                opened.close()
                raise
            if is_spent:
                opened.close()
            else:
                self._release(key, opened)
        return opened.worker.hello

    def _by_worker(self, request: JobRequest) -> list[tuple[str, Sequence[Task]]]:
        """Return the tasks by the key of the worker that runs them.

        In a sandbox, each file of a stranger has its own worker.
        """
        key, tasks = request.spec.key, request.tasks
        if not (request.spec.isolated and tasks and self.inner.sandbox):
            return [(key, tasks)]
        by_file = itertools.groupby(tasks, key=lambda task: task.scenario)
        return [(f"{key}-{scenario}", tuple(group)) for scenario, group in by_file]

    def _keep(self, opened: _OpenWorker, task: Task, result: dict[str, Any]) -> TaskResult:
        """Return the result of a task, with its artifact in the cache."""
        folder = opened.view.dirs.scratch / task.id
        try:
            if task.kind in {"save", "take", "convert"} and result.get("ended") == "returned":
                return TaskResult(task, result, self._cache.add(folder / "artifact"))
        except NoArtifact as error:
            crashed = {**result, "ended": "crashed", "value": None, "log": str(error)}
            return TaskResult(task, crashed, None)
        finally:
            trees.remove(str(folder))
        return TaskResult(task, result, None)

    def _acquire(self, spec: WorkerSpec, scenarios: Path, key: str) -> _OpenWorker:
        """Return an idle worker with this key, or open one.

        Raises:
            _Unavailable: the environment cannot be created or opened.
        """
        with self._lock:
            for idle_key, opened in reversed(self._idle):
                if idle_key == key:
                    self._idle.remove((key, opened))
                    if opened.expiry:
                        opened.expiry.cancel()
                    return opened
            if self._engine is None:
                self._engine = self.inner.create(self._folder)
        folder = self._folder / "scratch" / uuid.uuid4().hex
        folder.mkdir(parents=True)
        scenarios.mkdir(parents=True, exist_ok=True)
        try:
            self._engine.prepare(spec.environment, spec.lock)
            whole = WorkDirs(scenarios, self._cache.folder, folder)
            view = WorkerView(whole, spec.environment.name, per_task=spec.isolated)
            worker = self._engine.open(spec.environment, spec.lock, view.dirs, spec.limits)
        except BaseException as error:
            trees.remove(str(folder))
            if isinstance(error, InfrastructureError):
                raise _Unavailable(error.message, hint=error.hint) from error
            raise
        return _OpenWorker(worker, view, folder)

    def _release(self, key: str, opened: _OpenWorker) -> None:
        """Keep a worker open for the next job, for a while."""
        with self._lock:
            surplus = [opened]
            if not self._is_closed:
                opened.expiry = threading.Timer(IDLE_SECONDS, self._expire, (opened,))
                opened.expiry.daemon = True
                opened.expiry.start()
                self._idle.append((key, opened))
                # Memory suffices for one worker per thread.
                surplus = [idle for _, idle in self._idle[: -self._process.state.nthreads]]
                self._idle = self._idle[-self._process.state.nthreads :]
        for idle in surplus:
            idle.close()

    def _expire(self, opened: _OpenWorker) -> None:
        """Close a worker, unless a job has acquired it in the meantime."""
        with self._lock:
            kept = [(key, idle) for key, idle in self._idle if idle is not opened]
            is_idle = len(kept) < len(self._idle)
            self._idle = kept
        if is_idle:
            opened.close()

    def _close(self) -> None:
        with self._lock:
            jobs = list(self._jobs.values())
            idle, self._idle = self._idle, []
        for job in jobs:
            job.cancel()
        for _, opened in idle:
            opened.close()
        if self._engine:
            self._engine.close()
        trees.remove(str(self._folder))


class _Unavailable(InfrastructureError):
    """The environment of a job cannot be created or opened here."""


def run_job(request: JobRequest) -> JobResult:
    """Run a job on the Dask worker that calls this: the function of each Dask task."""
    process = get_worker()
    plugin = process.plugins.get(request.plugin)
    if not isinstance(plugin, EnvironmentPlugin):
        return JobResult("error", process.address, message="its coordinator is gone")
    return plugin.run_job(request)
