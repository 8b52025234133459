"""Does a batch of jobs in one environment: the first task of every job, then the second, and so on.

Tasks that may share a process are next to each other, and tasks with the same key are done once.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Sequence

from kerasmatrix.execution.jobs import Job
from kerasmatrix.execution.run_folders import RunFolders
from kerasmatrix.execution.work import RunParts, WaitingJob, Work
from kerasmatrix.execution.worker_pool import EnvironmentUnavailable, RunCancelled, WorkerPool

__all__ = ["BatchRunner"]


class BatchRunner:
    """Does batches with the workers of a run. Used by several threads."""

    def __init__(
        self, parts: RunParts, pool: WorkerPool, folders: RunFolders, stop: threading.Event
    ) -> None:
        """Do batches until ``stop`` is set."""
        self._parts = parts
        self._pool = pool
        self._folders = folders
        self._stop = stop

    def do(self, work: Work, environment: str, jobs: Sequence[Job]) -> None:
        """Do jobs in an environment, which is dropped if it is unavailable."""
        try:
            going = [work.start(environment, job) for job in jobs]
            while waiting := [job for job in going if job is not None]:
                going = self._do_round(work, environment, waiting)
        except RunCancelled:
            return
        except EnvironmentUnavailable as error:
            if not self._stop.is_set():
                work.drop(environment, str(error))
        finally:
            # Also after an error: an idle worker of this environment would take another one's room.
            with self._parts.changed:
                keeps_workers = work.queue.keeps_workers
                self._parts.listener.left(environment)
            if not keeps_workers:
                self._pool.release(environment)

    def _do_round(
        self, work: Work, environment: str, waiting: list[WaitingJob]
    ) -> list[WaitingJob | None]:
        """Do a task of each job; return the jobs with the task that each waits for next."""
        # Equal saves leave equal artifacts, whose loads have the same key.
        groups: dict[str, list[WaitingJob]] = {}
        for job in _side_by_side(waiting):
            groups.setdefault(job.request.key, []).append(job)
        tasks = [group[0].request.next_task for group in groups.values()]
        going: list[WaitingJob | None] = []
        answers = self._pool.run_tasks(work.plan, environment, tasks)
        with contextlib.closing(answers):
            for group in groups.values():
                if self._stop.is_set():
                    return []
                with self._parts.changed:
                    self._parts.listener.started(environment, group[0].job)
                answer = next(answers)
                request = group[0].request
                with self._parts.changed:
                    self._parts.measured += not request.attempts
                work_dirs = self._folders.dirs_of(environment, request.task.scenario)
                going += work.receive(environment, group, answer, work_dirs)
        return going


def _side_by_side(waiting: list[WaitingJob]) -> list[WaitingJob]:
    """Bring together tasks that may share a process, in the order of the first of each kind."""
    first: dict[tuple[object, ...], int] = {}
    for job in waiting:
        first.setdefault(_process_of(job), len(first))
    return sorted(waiting, key=lambda job: first[_process_of(job)])


def _process_of(job: WaitingJob) -> tuple[object, ...]:
    task = job.request.task
    return task.scenario, task.kind, task.remedies
