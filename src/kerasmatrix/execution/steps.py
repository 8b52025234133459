"""The steps of each kind of job, as generators.

A job yields the task that it waits for, is sent the observation, and files it in ``state``. If
the store knows the observation, the task is skipped. Steps touch neither threads nor workers: the
runner holds its lock while it advances a job.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Generator
from itertools import count
from typing import Any, Literal, TypeVar

from kerasmatrix.engines.base import Task
from kerasmatrix.execution.fix_attempts import Attempt
from kerasmatrix.execution.flaky import is_confirmed
from kerasmatrix.execution.jobs import ConvertJob, FinalLoad, FixJob, Job, RetryJob
from kerasmatrix.execution.lookup import (
    BRIDGE,
    artifact_of,
    failed_crossing,
    form_of,
    known_attempt,
    known_conversion,
    known_load,
    known_probe,
    retry_key,
)
from kerasmatrix.execution.recorder import TaskRequest
from kerasmatrix.execution.run_state import Retry, RunState
from kerasmatrix.execution.work_queue import WorkQueue
from kerasmatrix.results.cells import Cell, Save
from kerasmatrix.results.observations import (
    LoadObservation,
    Measured,
    ProbeObservation,
    SaveObservation,
)
from kerasmatrix.store.store import Store

__all__ = ["JobSteps", "Steps"]

Steps = Generator[TaskRequest, Measured[Any], None]
Kind = Literal["save", "take", "load", "probe", "convert"]
Known = TypeVar("Known")


class JobSteps:
    """Makes the steps of the jobs of a plan."""

    def __init__(self, state: RunState, queue: WorkQueue, store: Store | None) -> None:
        """Work on ``state`` and ``queue``; without a store every task is done."""
        self._plan = state.plan
        self._state = state
        self._queue = queue
        self._store = store
        self._numbers = count(1)

    def of(self, job: Job) -> Steps:
        """Return the steps of a job."""
        match job:
            case Cell():
                return self._load(job)
            case Save():
                return self._save(job)
            case FixJob():
                return self._fix(job.cell)
            case ConvertJob():
                return self._convert(job)
            case FinalLoad():
                return self._load_converted(job)
            case RetryJob():
                return self._retry(job)

    def _save(self, save: Save) -> Steps:
        given = self._plan.scenarios[save.scenario].given
        task = self._task(
            "take" if given else "save", save, remedies=self._plan.reference_fixes.get(save, ())
        )
        self._state.saves[save] = yield TaskRequest(
            task, SaveObservation, self._plan.save_key(save)
        )

    def _load(self, cell: Cell) -> Steps:
        """Load a cell, unless an equal artifact was loaded since the job was queued."""
        artifact = artifact_of(self._state, cell)
        load = self._look_up(lambda store: known_load(self._state, store, cell))
        if load is None:
            task = self._task("load", cell, artifact=artifact)
            load = yield TaskRequest(task, LoadObservation, self._plan.load_key(cell, artifact))
        self._state.loads[cell] = load
        self._queue.loaded(cell)

    def _fix(self, cell: Cell) -> Steps:
        """Find the layers at fault in a cell, and try fixes until one is verified."""
        artifact = artifact_of(self._state, cell)
        if self._queue.needs_probe(cell):
            # It may be known though the load is not: a load that was killed is not stored.
            probe = self._look_up(lambda store: known_probe(self._plan, store, cell, artifact))
            if probe is None:
                key = self._plan.probe_key(cell, artifact)
                task = self._task("probe", cell, artifact=artifact)
                probe = yield TaskRequest(task, ProbeObservation, key, with_repair=True)
            self._state.probes[cell] = probe
        # Asked again after each attempt: a fix may lead to another error, with other fixes.
        while (remedies := self._queue.next_fix(cell)) is not None:
            load = self._known_attempt(cell, artifact, remedies)
            if load is None:
                key = self._plan.attempt_key(cell, artifact, remedies)
                task = self._task("load", cell, artifact=artifact, remedies=remedies)
                load = yield TaskRequest(task, LoadObservation, key, with_repair=True)
            self._file_attempt(cell, Attempt(remedies, load))
        self._queue.fixed(cell)

    def _convert(self, job: ConvertJob) -> Steps:
        """Make the last step of a chain; if the step before it failed, so does this one."""
        row, chain = job
        # A chain of one hop converts the file that was saved; longer ones that of the hop before.
        before = self._state.conversions.get((row, chain[:-1]), self._state.saves[row])
        artifact = before.observation.artifact
        if artifact is None:
            self._state.conversions[row, chain] = before
            return
        conversion = self._look_up(lambda store: known_conversion(self._state, store, row, chain))
        if conversion is None:
            step, form = chain[-1], form_of(row, chain[:-1])
            # Without a format, the new artifact is the file that the fixes have rewritten.
            into = step.format if step.saved else None
            task = self._task(
                "convert", row, artifact=artifact, form=form, into=into, remedies=step.remedies
            )
            key = self._plan.conversion_key(row.scenario, form, step, artifact)
            conversion = yield TaskRequest(
                task, SaveObservation, key, with_repair=bool(step.remedies)
            )
        self._state.conversions[row, chain] = conversion

    def _load_converted(self, job: FinalLoad) -> Steps:
        """Load the file at the end of a chain, as the cell's own file is loaded."""
        cell, chain = job
        conversion = self._state.conversions[cell.save, chain]
        artifact = conversion.observation.artifact
        if artifact is None:
            self._file_attempt(cell, failed_crossing(conversion, chain))
            return
        load = self._known_attempt(cell, artifact, BRIDGE)
        if load is None:
            key = self._plan.attempt_key(cell, artifact, BRIDGE)
            task = self._task("load", cell, artifact=artifact, form=form_of(cell, chain))
            load = yield TaskRequest(task, LoadObservation, key, with_repair=True)
        self._file_attempt(cell, Attempt(BRIDGE, load, chain))

    def _retry(self, job: RetryJob) -> Steps:
        """Repeat a save or load until its result differs, or the limit is reached."""
        of, remedies = job.subject, job.remedies
        while not is_confirmed(self._state, job):
            if isinstance(of, Cell):
                key = retry_key(self._state, of, remedies)
                artifact = artifact_of(self._state, of)
                task = self._task("load", of, artifact=artifact, remedies=remedies)
                request = TaskRequest(task, LoadObservation, key, is_retry=True)
            else:
                task, key = self._task("save", of), self._plan.save_key(of)
                request = TaskRequest(task, SaveObservation, key, is_retry=True)
            measured = yield request
            # Filed at once, so that `is_confirmed` sees it in the next round.
            done = self._state.retries.get(of, ())
            self._state.retries[of] = (*done, Retry(remedies, measured))

    def _known_attempt(
        self, cell: Cell, artifact: str, remedies: tuple[str, ...]
    ) -> Measured[LoadObservation] | None:
        return self._look_up(
            lambda store: known_attempt(self._plan, store, cell, artifact, remedies)
        )

    def _look_up(self, find: Callable[[Store], Known | None]) -> Known | None:
        """Return what the store knows; None if everything is to be measured again."""
        return None if self._store is None else find(self._store)

    def _file_attempt(self, cell: Cell, attempt: Attempt) -> None:
        before = self._state.attempts.get(cell, ())
        self._state.attempts[cell] = (*before, attempt)

    def _task(  # noqa: PLR0913 - the fields of a task
        self,
        kind: Kind,
        of: Save | Cell,
        *,
        artifact: str | None = None,
        form: str | None = None,
        remedies: tuple[str, ...] = (),
        into: str | None = None,
    ) -> Task:
        return Task(
            # A task cannot guess the id of another one, and answer for it.
            id=f"task-{next(self._numbers):06d}-{secrets.token_hex(8)}",
            kind=kind,
            scenario=of.scenario,
            format=form or of.format,
            artifact=artifact,
            deadline=self._plan.deadline(of.scenario),
            memory_mb=self._plan.limits.memory_mb,
            remedies=remedies,
            into=into,
        )
