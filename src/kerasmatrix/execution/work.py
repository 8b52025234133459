"""A plan under way: its queue, and each of its jobs from one task to the next.

An exception that an answer causes in kerasmatrix spoils the cells of that answer only, and a fault
of the machine is noted as such. Used by several threads; changes are made with the lock held.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from kerasmatrix.engines.base import WorkDirs
from kerasmatrix.errors import InfrastructureError
from kerasmatrix.execution.jobs import ConvertJob, Job, RetryJob, subject_of
from kerasmatrix.execution.listener import Listener
from kerasmatrix.execution.recorder import Recorder, TaskFault, TaskRequest
from kerasmatrix.execution.run_state import RunState
from kerasmatrix.execution.steps import JobSteps, Steps
from kerasmatrix.execution.work_queue import WorkQueue
from kerasmatrix.results.boundary import describe_fault
from kerasmatrix.results.cells import Cell
from kerasmatrix.results.observations import Measured
from kerasmatrix.store.store import Store

__all__ = ["RunParts", "WaitingJob", "Work"]


@dataclass
class RunParts:
    """The parts of a run that all its plans share.

    ``changed`` is notified when a job ends. ``room`` returns how many workers may stay open.
    ``measured`` counts tasks, and ``retries`` those that were repeated before they were believed.
    """

    id: str
    store: Store
    listener: Listener
    changed: threading.Condition
    room: Callable[[], int]
    fresh: bool
    measured: int = 0
    retries: int = 0


@dataclass
class WaitingJob:
    """A job that waits for a task."""

    job: Job
    steps: Steps
    request: TaskRequest


class Work:
    """A plan under way."""

    def __init__(
        self,
        state: RunState,
        run: RunParts,
        retries: Sequence[RetryJob] = (),
    ) -> None:
        """Queue the jobs whose results are unknown, or only ``retries`` if there are any."""
        self.plan = state.plan
        self.state = state
        self.queue = WorkQueue(state, retries, room=run.room)
        known = None if run.fresh else run.store
        self._steps = JobSteps(state, self.queue, known)
        self._recorder = Recorder(state.plan, run.store, run.id)
        self._run = run

    def start(self, environment: str, job: Job) -> WaitingJob | None:
        """Begin a job; return it with its first task, or None if it needs none."""
        return self._advance(environment, job, self._steps.of(job))

    def receive(
        self,
        environment: str,
        group: Sequence[WaitingJob],
        answer: dict[str, Any],
        work_dirs: WorkDirs,
    ) -> list[WaitingJob | None]:
        """Record the answer that jobs of one key wait for, and advance them."""
        request = group[0].request
        try:
            measured = self._recorder.record(environment, request, answer, work_dirs)
        except TaskFault as fault:
            for waiting in group:
                self._fail(environment, waiting.job, str(fault))
            return []
        except InfrastructureError:
            raise
        except Exception as error:  # noqa: BLE001 - an answer spoils its own cells only
            for waiting in group:
                self._spoil(environment, waiting.job, error)
            return []
        if measured is None:  # a crash is believed when it has happened twice
            return [replace(waiting, request=request) for waiting in group]
        with self._run.changed:
            self._run.retries += len(measured.observation.retried)
        # Each gets a tuple of its own, as from the store: tasks are counted by identity.
        return [
            self._advance(environment, waiting.job, waiting.steps, measured._replace())
            for waiting in group
        ]

    def drop(self, environment: str, reason: str) -> None:
        """Note that an environment is unavailable."""
        with self._run.changed:
            self.state.environment_errors[environment] = reason
            self.queue.drop(environment)
            self._run.listener.lost(environment, reason)

    def _advance(
        self, environment: str, job: Job, steps: Steps, measured: Measured[Any] | None = None
    ) -> WaitingJob | None:
        """Send a job its observation; return it with its next task, or None when it is done."""
        try:
            with self._run.changed:
                request = next(steps) if measured is None else steps.send(measured)
        except StopIteration:
            self._finish(environment, job)
            return None
        except InfrastructureError:
            raise
        except Exception as error:  # noqa: BLE001 - an observation spoils its own cells only
            self._spoil(environment, job, error)
            return None
        return WaitingJob(job, steps, request)

    def _spoil(self, environment: str, job: Job, error: Exception) -> None:
        """End a job for an exception of kerasmatrix itself."""
        with self._run.changed:
            self.state.boundary.note(subject_of(job), error)
            self._run.listener.lost(environment, describe_fault(error))
        self._finish(environment, job)

    def _fail(self, environment: str, job: Job, fault: str) -> None:
        """End a job for a fault of the machine, which says nothing about its result."""
        with self._run.changed:
            failed: Sequence[Any] = [subject_of(job)]
            if isinstance(job, ConvertJob):
                failed = self.queue.give_up(job)
            self.state.task_errors.update(dict.fromkeys(failed, fault))
            self._run.listener.lost(environment, fault)
        self._finish(environment, job)

    def _finish(self, environment: str, job: Job) -> None:
        with self._run.changed:
            if isinstance(job, Cell):
                self.queue.done(job)
            self.queue.ended(environment)
            self._run.listener.ended(environment, job)
            self._run.changed.notify_all()
