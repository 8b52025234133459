"""The plugin of Dask workers: labels them, runs jobs, and keeps environments open between jobs.

The coordinator registers it on every Dask worker. It removes the plugin when it closes; if it
dies, workers that stay idle are closed after some minutes.
"""

from __future__ import annotations

import asyncio
import threading
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from distributed import WorkerPlugin, get_worker
from distributed.worker import Worker as DaskProcess

from kerasmatrix.engines.base import Engine, Task, WorkDirs, Worker, WorkerDied
from kerasmatrix.engines.dask.inner_engine import InnerEngineConfig
from kerasmatrix.engines.dask.messages import (
    CACHED_LABEL,
    ENGINE_LABEL,
    MEMORY_LABEL,
    EnvironmentUnavailable,
    JobResult,
    TaskResult,
    WorkerSpec,
    harness_label,
)
from kerasmatrix.engines.dask.transfer import ArtifactMissing, ArtifactTransfer
from kerasmatrix.engines.memory import machine_memory
from kerasmatrix.engines.workspace import WorkerView
from kerasmatrix.errors import InfrastructureError, KerasmatrixError
from kerasmatrix.harness import trees
from kerasmatrix.store.artifacts import NoArtifact

__all__ = ["EnvironmentPlugin", "run_job"]

# Longer than the pauses of a run.
IDLE_SECONDS = 180.0
MEBIBYTE = 1 << 20


@dataclass(eq=False)
class _OpenWorker:
    """A worker of the inner engine, and the folder that it writes to."""

    key: str
    worker: Worker
    view: WorkerView
    folder: Path
    is_busy: bool = True

    def close(self) -> None:
        """Close the worker and remove its folder."""
        self.worker.close()
        trees.remove(str(self.folder))


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
        self._url = artifacts

    async def setup(self, worker: DaskProcess) -> None:
        """Label the Dask worker with what it can do."""
        self.open(worker, Path(worker.local_directory))
        labels = await asyncio.to_thread(self._labels)
        # Setting resources makes Dask forget how much of them is in use by other coordinators.
        if not labels.items() <= worker.state.total_resources.items():
            await worker.set_resources(**labels)

    def open(self, process: DaskProcess, folder: Path) -> None:
        """Begin to run jobs in a process, with the files in ``folder``."""
        self._process = process
        self._lock = threading.Lock()
        self._workers: list[_OpenWorker] = []  # those used last are last
        self._expiry = threading.Timer(IDLE_SECONDS, self._close_idle)
        self._engine: Engine | None = None
        self._is_closed = False
        self._folder = folder / self.name
        self._artifacts = self._folder / "artifacts"
        self._artifacts.mkdir(parents=True)
        self._transfer = ArtifactTransfer(self._url)

    async def teardown(self, worker: DaskProcess) -> None:  # noqa: ARG002 - Dask's signature
        """Close all: the Dask worker ends, or the coordinator has closed."""
        self._is_closed = True
        await asyncio.to_thread(self._close)

    def run_job(
        self, spec: WorkerSpec, tasks: Sequence[Task], scenarios: Mapping[str, str]
    ) -> JobResult:
        """Run the job that is this thread's Dask task."""
        try:
            return self._run(spec, tasks, scenarios)
        except (WorkerDied, ArtifactMissing, KerasmatrixError, OSError) as error:
            return JobResult(self._process.address, error=error)

    def _labels(self) -> dict[str, float]:
        memory = self._process.memory_manager.memory_limit or machine_memory()
        threads = self._process.state.nthreads
        is_able = self.inner.trouble() is None
        cached = self.inner.cached() if is_able else ()
        return {
            MEMORY_LABEL: memory // MEBIBYTE,
            harness_label(): threads,
            ENGINE_LABEL + self.inner.name: threads if is_able else 0,
            **{CACHED_LABEL + name: threads for name in cached},
        }

    def _run(
        self, spec: WorkerSpec, tasks: Sequence[Task], scenarios: Mapping[str, str]
    ) -> JobResult:
        folder = self._folder / "scenarios" / spec.scenarios
        folders = {folder / name: digest for name, digest in scenarios.items()}
        artifacts = {task.artifact for task in tasks if task.artifact}
        self._transfer.fetch(folders | {self._artifacts / digest: digest for digest in artifacts})
        # A worker that measures files of strangers sees those of one task at a time.
        size = 1 if spec.isolated else len(tasks)
        results: list[TaskResult] = []
        while True:
            batch = tasks[len(results) : len(results) + size]
            opened = self._acquire(spec, folder, batch)
            is_usable = False
            try:
                is_usable = self._run_batch(opened, batch, results)
            finally:
                self._release(opened, keep=is_usable)
            if len(results) == len(tasks):
                return JobResult(self._process.address, tuple(results), opened.worker.hello)

    def _run_batch(
        self, opened: _OpenWorker, tasks: Sequence[Task], results: list[TaskResult]
    ) -> bool:
        """Add the results of tasks to ``results``; return whether their worker can go on.

        If it dies, that is the result of the task that it was given.
        """
        if not tasks:  # a job without tasks opens the environment
            return True
        is_usable, done = True, len(results)
        opened.view.expose(tasks[0])
        try:
            for task, result in zip(tasks, opened.worker.run(tasks), strict=True):
                is_usable &= not result.pop("spent", None)
                results.append(self._keep(opened.view.dirs.scratch / task.id, task, result))
                self._check_wanted()
        except WorkerDied as death:
            self._check_wanted()  # one that was closed here says nothing about the model
            if death.machine:
                raise
            results.append(TaskResult(tasks[len(results) - done], death))
            is_usable = False
        return is_usable

    def _check_wanted(self) -> None:
        """Check that Dask waits for the job of this thread: it lets cancelled ones run on.

        Raises:
            InfrastructureError: it does not. Should Dask take the job up again after all, the
                coordinator runs the rest elsewhere.
        """
        task = self._process.state.tasks.get(self._process.get_current_task())
        if self._is_closed or task is None or task.state == "cancelled":
            raise InfrastructureError("the job was cancelled")

    def _keep(self, folder: Path, task: Task, result: dict[str, Any]) -> TaskResult:
        """Return the result of a task, with its artifact sent and in the cache."""
        artifact = None
        try:
            if task.kind in {"save", "take", "convert"} and result.get("ended") == "returned":
                artifact = self._transfer.keep(folder / "artifact", self._artifacts)
        except NoArtifact as error:
            result = {**result, "ended": "crashed", "value": None, "log": str(error)}
        finally:
            trees.remove(str(folder))
        return TaskResult(task, result, artifact)

    def _acquire(self, spec: WorkerSpec, scenarios: Path, tasks: Sequence[Task]) -> _OpenWorker:
        """Return an idle worker for these tasks, or open one.

        Raises:
            EnvironmentUnavailable: the environment cannot be created or opened.
        """
        key = spec.key
        if spec.isolated and self.inner.sandbox and tasks:
            key += f"-{tasks[0].scenario}"  # each file of a stranger has its own sandbox
        with self._lock:
            for opened in reversed(self._workers):
                if opened.key == key and not opened.is_busy:
                    opened.is_busy = True
                    return opened
            if self._engine is None:
                self._engine = self.inner.create(self._folder)
        opened = self._open(self._engine, key, spec, scenarios)
        with self._lock:
            self._workers.append(opened)
        return opened

    def _open(self, engine: Engine, key: str, spec: WorkerSpec, scenarios: Path) -> _OpenWorker:
        folder = self._folder / "scratch" / uuid.uuid4().hex
        folder.mkdir(parents=True)
        scenarios.mkdir(parents=True, exist_ok=True)
        try:
            engine.prepare(spec.environment, spec.lock)
            whole = WorkDirs(scenarios, self._artifacts, folder)
            view = WorkerView(whole, spec.environment.name, per_task=spec.isolated)
            worker = engine.open(spec.environment, spec.lock, view.dirs, spec.limits)
        except InfrastructureError as error:
            trees.remove(str(folder))
            raise EnvironmentUnavailable(error.message, hint=error.hint) from error
        return _OpenWorker(key, worker, view, folder)

    def _release(self, opened: _OpenWorker, *, keep: bool) -> None:
        """Keep a worker open for the next job, for a while, or close it."""
        with self._lock:
            self._workers.remove(opened)
            if keep and not self._is_closed:
                opened.is_busy = False
                self._workers.append(opened)
            self._expiry.cancel()
            self._expiry = threading.Timer(IDLE_SECONDS, self._close_idle)
            self._expiry.daemon = True
            self._expiry.start()
        if opened.is_busy:
            opened.close()
        # Memory suffices for one idle worker per thread.
        self._close_idle(self._process.state.nthreads)

    def _close_idle(self, kept: int = 0) -> None:
        """Close the workers without a job, except the ``kept`` that were used last."""
        with self._lock:
            idle = [opened for opened in self._workers if not opened.is_busy]
            surplus = idle[: len(idle) - kept] if len(idle) > kept else []
            self._workers = [opened for opened in self._workers if opened not in surplus]
        for opened in surplus:
            opened.close()

    def _close(self) -> None:
        self._expiry.cancel()
        # Also the busy ones: Dask does not end the threads of tasks. They end with their workers.
        for opened in list(self._workers):
            opened.close()
        if self._engine:
            self._engine.close()
        trees.remove(str(self._folder))


def run_job(
    plugin_name: str, spec: WorkerSpec, tasks: Sequence[Task], scenarios: Mapping[str, str]
) -> JobResult:
    """Run a job on the Dask worker that calls this: the function of each Dask task."""
    process = get_worker()
    plugin = process.plugins.get(plugin_name)
    if not isinstance(plugin, EnvironmentPlugin):
        return JobResult(process.address, error=InfrastructureError("its coordinator is gone"))
    return plugin.run_job(spec, tasks, scenarios)
