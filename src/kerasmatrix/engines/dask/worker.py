"""A worker of the Dask engine: runs tasks as jobs on the cluster."""

from __future__ import annotations

import contextlib
from collections import deque
from collections.abc import Generator, Iterator, Sequence
from concurrent.futures import CancelledError
from dataclasses import dataclass, field
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import Any

from distributed.scheduler import KilledWorker

from kerasmatrix.engines.base import EngineDisconnected, Handshake, Task, WorkDirs, WorkerDied
from kerasmatrix.engines.dask.cluster import CONNECTION_ERRORS, Cluster, Finished, Job
from kerasmatrix.engines.dask.messages import JobRequest, JobResult, TaskResult, WorkerSpec
from kerasmatrix.engines.dask.transfer import Uploads
from kerasmatrix.errors import InfrastructureError

__all__ = ["DaskWorker", "Shared"]

# A job is given up when so many Dask workers in a row could not do it.
MOST_FAILURES = 3


@dataclass
class Shared:
    """State that all workers of an engine share.

    Attributes:
        cluster: runs the jobs.
        uploads: carries scenarios and artifacts.
        tick: how many seconds pass between looks at the cluster while no job ends.
        tasks_per_job: the most tasks of a job.
        handshakes: of workers that were opened, by the key of their spec.
        results: of tasks that are not asked for again yet, after one that ended its worker.
        active: how many workers run tasks now.
    """

    cluster: Cluster
    uploads: Uploads
    tick: float
    tasks_per_job: int
    handshakes: dict[str, Handshake] = field(default_factory=dict)
    results: dict[tuple[str, Path, Task], TaskResult] = field(default_factory=dict)
    active: set[DaskWorker] = field(default_factory=set)


class DaskWorker:
    """An environment that is open on one or several Dask workers.

    Closing it cancels its jobs. Dask workers keep the environment open until the engine is closed,
    or until it was idle for some minutes.
    """

    hello: Handshake

    def __init__(
        self, shared: Shared, plugin: str, spec: WorkerSpec, cache_name: str, dirs: WorkDirs
    ) -> None:
        """Open the environment on a Dask worker, unless it was opened before.

        Raises:
            InfrastructureError: it cannot be opened.
        """
        self._shared = shared
        self._plugin = plugin
        self._spec = spec
        self._cache_name = cache_name
        self._dirs = dirs
        self._finished: Finished = SimpleQueue()
        self._closed = False
        # Why tasks have no result.
        self._deaths: dict[Task, WorkerDied] = {}
        if spec.key not in shared.handshakes:
            for _ in self._run_jobs([Job(())]):
                pass
        self.hello = shared.handshakes[spec.key]

    def run(self, tasks: Sequence[Task]) -> Iterator[dict[str, Any]]:
        """Run ``tasks`` on as many Dask workers as there are jobs; yield their results in order.

        Raises:
            WorkerDied: a worker died under the first task without a result, or this was closed.
            EngineDisconnected: the cluster cannot go on.
        """
        shared, size = self._shared, self._shared.tasks_per_job
        self._deaths.clear()
        missing = [task for task in tasks if self._key(task) not in shared.results]
        jobs = [Job(tuple(missing[at : at + size])) for at in range(0, len(missing), size)]
        with contextlib.closing(self._run_jobs(jobs)) as arriving:
            for task in tasks:
                while self._key(task) not in shared.results:
                    arrived = next(arriving, None)
                    if arrived is None:
                        raise self._deaths[task]
                    shared.results[self._key(arrived.task)] = arrived
                result = shared.results.pop(self._key(task))
                if result.artifact:
                    target = self._dirs.scratch / task.id / "artifact"
                    shared.uploads.fetch(result.artifact, target, self._dirs)
                yield result.result

    def close(self) -> None:
        """Cancel all jobs."""
        self._closed = True
        self._finished.put(None)

    def _key(self, task: Task) -> tuple[str, Path, Task]:
        return self._spec.key, self._dirs.scratch, task

    def _run_jobs(self, jobs: Sequence[Job]) -> Generator[TaskResult, None, None]:
        """Run jobs, and yield results of tasks as they arrive.

        No more are submitted than the cluster can run at once: Dask suspects every job that it has
        assigned to a worker when that worker is lost.

        Raises:
            WorkerDied: this was closed, or the environment cannot be opened any more.
            EngineDisconnected: the cluster is gone.
        """
        waiting, running = deque(jobs), set[Job]()
        self._shared.active.add(self)
        try:
            while waiting or running:
                share = self._shared.cluster.slots // len(self._shared.active)
                while waiting and len(running) < max(1, share):
                    running.add(job := waiting.popleft())
                    self._submit(job)
                if ended := self._next(running):
                    yield from self._collect(ended, waiting)
        finally:
            self._shared.active.discard(self)
            for job in running:
                self._shared.cluster.forget(job)

    def _next(self, running: set[Job]) -> Job | None:
        """Return the next job that ended, or None if none did for a while."""
        try:
            finished = self._finished.get(timeout=self._shared.tick)
        except Empty:
            return self._lost(running)
        if self._closed or finished is None:
            raise WorkerDied("it was closed")
        job, future = finished
        if job not in running or future is not job.future:
            return None  # it was submitted again since
        running.remove(job)
        return job

    def _lost(self, running: set[Job]) -> Job | None:
        """Return a job that no Dask worker will end, if there is one."""
        cluster = self._shared.cluster
        for job in running:
            if cluster.has_lost_workers(job):
                running.remove(job)
                return job
        return None

    def _submit(self, job: Job) -> None:
        scenarios = self._shared.uploads.send(self._dirs, job.tasks)
        request = JobRequest(self._plugin, self._spec, job.tasks, scenarios)
        self._shared.cluster.submit(job, request, self._cache_name, self._finished)

    def _collect(self, job: Job, waiting: deque[Job]) -> Iterator[TaskResult]:
        """Yield the results of a job that ended; have it run again if some are missing."""
        try:
            result = self._result_of(job)
        finally:
            self._shared.cluster.forget(job)
        if result is None:
            waiting.append(job)
            return
        if isinstance(result, WorkerDied):
            if len(job.tasks) > 1:  # one of its tasks is to blame
                waiting.extend(Job((task,)) for task in job.tasks)
            elif job.tasks:
                self._deaths[job.tasks[0]] = result
            else:
                raise InfrastructureError(f"{self._spec.environment.name}: {result}")
            return
        self._shared.cluster.add_cached(self._cache_name, result.address)
        yield from result.results
        if result.results:
            job.failures = 0
            job.tasks = job.tasks[len(result.results) :]
        if result.handshake:
            self._shared.handshakes[self._spec.key] = result.handshake
        if result.status == "died":
            death = WorkerDied(result.message, memory=result.memory)
            self._deaths.update(dict.fromkeys(job.tasks, death))
        elif result.status != "done":
            self._retry(job, result)
            waiting.append(job)

    def _result_of(self, job: Job) -> JobResult | WorkerDied | None:
        """Return how a job ended: WorkerDied if its Dask workers were lost, None if it is lost."""
        assert job.future is not None  # noqa: S101 - it was submitted
        patience = self._shared.cluster.patience
        if not job.future.done():
            # A task that kills every worker would be submitted for ever if this did not count.
            return self._failed(job, "all were lost")
        try:
            if job.future.status != "error":
                return job.future.result(timeout=patience)
            error = job.future.exception(timeout=patience)
        except (CancelledError, *CONNECTION_ERRORS):
            return None
        if isinstance(error, KilledWorker):
            count = error.allowed_failures + 1
            return WorkerDied(f"{count} Dask workers in a row were lost under it", machine=True)
        return self._failed(job, str(error))

    def _failed(self, job: Job, reason: str) -> WorkerDied | None:
        """Count a failure; return WorkerDied if there were too many."""
        job.failures += 1
        if job.failures < MOST_FAILURES:
            return None
        message = f"{MOST_FAILURES} times, Dask workers in a row could not run it: {reason}"
        return WorkerDied(message, machine=True)

    def _retry(self, job: Job, result: JobResult) -> None:
        """Prepare to run a job on another Dask worker.

        Raises:
            WorkerDied: the environment, which was open before, cannot be opened.
            InfrastructureError: the environment cannot be opened.
            EngineDisconnected: too many Dask workers in a row could not do the job.
        """
        if result.status == "missing":
            self._shared.uploads.resend(result.digest, self._dirs)
        job.failures += 1
        job.avoided.add(result.address)
        if job.failures < MOST_FAILURES:
            return
        if not job.tasks or result.status == "unavailable":
            self._shared.handshakes.pop(self._spec.key, None)
            if job.tasks:  # the caller opens it again, and learns the reason
                raise WorkerDied(result.message)
            raise InfrastructureError(result.message, hint=result.hint)
        raise EngineDisconnected(
            f"{self._spec.environment.name}: {job.failures} Dask workers in a row could not run "
            f"its tasks: {result.message}",
            hint=result.hint or "see the logs of the Dask workers; completed results are kept",
        )
