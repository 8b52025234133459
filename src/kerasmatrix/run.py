"""Drives a plan through an engine into the store.

Each job takes one environment at a time, opens a worker in it, and gives it what the agenda has
for it; workers stay warm in between, so an environment imports TensorFlow once. What a worker
answers is committed at once. A worker that dies is opened again and its task tried once more; an
environment that cannot be had is left out, the rest goes on.
"""

from __future__ import annotations

import contextlib
import math
import shutil
import threading
import time
from collections.abc import Callable, Mapping
from typing import Any, Literal, NamedTuple, Protocol, TypeVar

from pydantic import ValidationError

from kerasmatrix.agenda import Agenda, Conversion, Crossing, Job, Repair
from kerasmatrix.engines.base import Engine, Task, Worker, WorkerLost, Workplace
from kerasmatrix.errors import InfrastructureError
from kerasmatrix.inspection.equivalence import equivalence_digest
from kerasmatrix.knowledge import (
    BRIDGE,
    artifact_of,
    failed_crossing,
    form_of,
    known_conversion,
    known_load,
    look_up,
)
from kerasmatrix.outcome import (
    Cell,
    LoadObservation,
    Measured,
    Observation,
    ProbeObservation,
    SaveObservation,
    infrastructure_fault,
)
from kerasmatrix.plan import Plan, Save
from kerasmatrix.priority import Rank, Urgency
from kerasmatrix.repair import Attempt, Causes
from kerasmatrix.store import NoArtifact, Store, make_readable
from kerasmatrix.tabulation import Observed

__all__ = ["Budget", "Listener", "Progress", "Run", "Sequel"]

Seen = TypeVar("Seen", bound=Observation)
# Given what was observed, what to do next and what is known of that.
Sequel = Callable[[Observed], tuple[Plan, Observed]]


class _NotToBeHad(Exception):
    """An environment cannot be had. The message says why."""


class _Fault(Exception):
    """A task failed for a reason that is the machine's. The message says which."""


class _Stopped(Exception):
    """The run was told to end while a task was under way."""


class Listener(Protocol):
    """Who wants to know how a run goes on. Called from several threads, one at a time."""

    def begins(self, run: Run) -> None:
        """A run is about to begin."""

    def ends(self) -> None:
        """It has come to its end, whatever that was."""

    def opening(self, environment: str) -> None:
        """A worker is being opened; the environment may have to be made first."""

    def started(self, environment: str, job: Job) -> None:
        """A task is under way."""

    def ended(self, environment: str, job: Job) -> None:
        """A task is done."""

    def lost(self, environment: str, reason: str) -> None:
        """A worker died and is opened again, or an environment cannot be had."""


class Progress:
    """A listener that does not listen; others override what they care for."""

    def begins(self, run: Run) -> None:
        """See `Listener`."""

    def ends(self) -> None:
        """See `Listener`."""

    def opening(self, environment: str) -> None:
        """See `Listener`."""

    def started(self, environment: str, job: Job) -> None:
        """See `Listener`."""

    def ended(self, environment: str, job: Job) -> None:
        """See `Listener`."""

    def lost(self, environment: str, reason: str) -> None:
        """See `Listener`."""


class Budget(NamedTuple):
    """How many seconds a run may take, and the ranks of cells."""

    seconds: float
    ranks: Mapping[Cell, Rank]


class Run:
    """One execution of a plan. `execute` may be called once."""

    def __init__(  # noqa: PLR0913 - what a run is made of
        self,
        plan: Plan,
        engine: Engine,
        store: Store,
        *,
        id: str,  # noqa: A002 - it is the run's id
        jobs: int = 2,
        listener: Listener | None = None,
        fresh: bool = False,
        sequel: Sequel | None = None,
        budget: Budget | None = None,
    ) -> None:
        """Look up what is known; nothing is run yet.

        Args:
            plan: what is wanted.
            engine: where it is run.
            store: what is known, and what will be.
            id: the run's name in the store.
            jobs: how many environments are at work at a time.
            listener: told of progress.
            fresh: measure again what is known.
            sequel: asked, once the plan is carried out, for what to do next in the same workers.
            budget: how long to go on, and what comes first; what is left then is not run.
        """
        self.plan = plan
        self.id = id
        self.measured = 0
        self.complete = False
        self.causes = Causes(plan)
        self.observed = Observed() if fresh else look_up(plan, store, self.causes)
        self.known = self.observed.count
        self._fresh = fresh
        self._sequel = sequel
        self._engine = engine
        self._store = store
        self._jobs = jobs
        self._listener = listener or Progress()
        self._changed = threading.Condition()
        self._stop = threading.Event()
        self._cut = False
        self._failure: BaseException | None = None
        self._workers: dict[str, Worker] = {}
        self._tasks = 0
        self._agenda = Agenda(plan, self.observed, self.causes, budget.ranks if budget else None)
        self._budget = budget
        self._until = math.inf

    @property
    def pending(self) -> int:
        """How many jobs are still to be done, as far as is known."""
        return self._agenda.pending

    def agenda(self) -> list[tuple[str, Job]]:
        """Return what would be done, in order, each with its environment."""
        return self._agenda.jobs()

    def urgency_of(self, job: Job) -> Urgency | None:
        """Return why a job comes before others; None where there is no budget."""
        return self._agenda.urgency_of(job)

    def execute(self) -> Observed:
        """Do all there is to do, or as much as the budget allows, and return what is known then.

        What is under way when time is up is brought to its end. On an interrupt the workers are
        ended, and what was measured stays.

        Raises:
            InfrastructureError: the store cannot be written any more.
            KeyboardInterrupt: the user stopped it.
        """
        if self._budget:
            self._until = time.monotonic() + self._budget.seconds
        with self._store.scratch(self.id) as scratch, self._store.scratch("scenarios") as copies:
            # What is measured is what was digested, whatever is edited in the meantime.
            for name, told in self.plan.scenarios.items():
                shutil.copytree(told.folder, copies / name)
            make_readable(copies)
            place = Workplace(copies, self._store.artifacts, scratch)
            threads = [
                threading.Thread(target=self._job, args=(place,), name=f"job-{number}")
                for number in range(self._threads)
            ]
            try:
                for thread in threads:
                    thread.start()
                for thread in threads:
                    while thread.is_alive():
                        thread.join(0.2)  # short, so that an interrupt is heard
            finally:
                self._halt()
                for thread in threads:
                    thread.join()
                self._close_workers()
                self._agenda.infer()
        if self._failure:
            raise self._failure
        is_over = time.monotonic() >= self._until
        self.complete = not (self._cut or (is_over and self._agenda.has_more()))
        return self.observed

    @property
    def _threads(self) -> int:
        """How many environments can be at work at a time."""
        # What comes afterwards may be more than there is now.
        return self._jobs if self._sequel else min(self._jobs, max(1, self._agenda.environments))

    def _take(self) -> tuple[str, list[Job]] | None:
        """Return an environment with work for it, waiting for some; None when all is done."""
        with self._changed:
            while not self._stop.is_set() and time.monotonic() < self._until:
                batch = self._agenda.take()
                if batch:
                    return batch
                if self._agenda.idle:
                    if self._go_on():
                        continue
                    return None
                self._changed.wait()
        return None

    def _go_on(self) -> bool:
        """Begin what comes after the plan that is carried out; False if nothing does."""
        if self._sequel is None:
            return False
        sequel, self._sequel = self._sequel, None
        before = self.observed
        self.plan, self.observed = sequel(before)
        self.observed.troubles.update(before.troubles)
        self.known += self.observed.count - len(self.observed.saves)
        self.causes = Causes(self.plan)
        self._agenda = Agenda(self.plan, self.observed, self.causes)
        for environment in before.troubles:
            self._agenda.drop(environment)
        self._changed.notify_all()
        return True

    def _job(self, place: Workplace) -> None:
        try:
            while (batch := self._take()) is not None:
                environment, jobs = batch
                try:
                    self._do_batch(environment, jobs, place)
                finally:
                    with self._changed:
                        self._agenda.free(environment)
                        self._changed.notify_all()
        except BaseException as error:  # noqa: BLE001 - raised again in the main thread
            with self._changed:
                self._failure = self._failure or error
            self._halt()

    def _do_batch(self, environment: str, jobs: list[Job], place: Workplace) -> None:
        try:
            for job in jobs:
                if self._stop.is_set():
                    return
                if time.monotonic() >= self._until:
                    self._cut = True
                    return
                self._do(environment, job, place)
        except _Stopped:
            return
        except _NotToBeHad as error:
            if self._stop.is_set():
                return
            reason = str(error)
            with self._changed:
                self.observed.troubles[environment] = reason
                self._agenda.drop(environment)
                self._listener.lost(environment, reason)
        finally:
            if not self._agenda.keeps_workers:
                self._close_worker(environment)

    def _do(self, environment: str, job: Job, place: Workplace) -> None:
        """Do one job; a fault of the machine ends it, and says nothing about its outcome."""
        try:
            match job:
                case Cell():
                    self._load(environment, job, place)
                case Save():
                    self._save(environment, job, place)
                case Repair():
                    self._repair(environment, job.cell, place)
                case Conversion():
                    self._convert(environment, job, place)
                case Crossing():
                    self._cross(environment, job, place)
        except _Fault as fault:
            with self._changed:
                if isinstance(job, Save | Cell):
                    self.observed.faults[job] = str(fault)
                elif isinstance(job, Crossing | Repair):
                    self.observed.faults[job.cell] = str(fault)
                self._listener.lost(environment, str(fault))
        with self._changed:
            if isinstance(job, Cell):
                self._agenda.done(job)
            self._listener.ended(environment, job)
            self._changed.notify_all()

    # One method for each kind of job. What they find goes into `observed` with the lock held.

    def _save(self, environment: str, save: Save, place: Workplace) -> None:
        self._tell(environment, save)
        given = self.plan.scenarios[save.scenario].given
        task = self._task("take" if given else "save", save)
        key = self.plan.save_key(save)
        found = self._measure(environment, task, SaveObservation, key, place)
        with self._changed:
            self.observed.saves[save] = found

    def _load(self, environment: str, cell: Cell, place: Workplace) -> None:
        """Load a cell, unless it turns out to be known: equal saves leave equal artifacts."""
        found = None if self._fresh else known_load(self.plan, self._store, self.observed, cell)
        if found is None:
            self._tell(environment, cell)
            artifact = artifact_of(self.observed, cell)
            task = self._task("load", cell, artifact=artifact)
            key = self.plan.load_key(cell, artifact)
            found = self._measure(environment, task, LoadObservation, key, place)
        with self._changed:
            self.observed.loads[cell] = found
            self._agenda.loaded(cell)

    def _repair(self, environment: str, cell: Cell, place: Workplace) -> None:
        """Find out what is at fault in a cell, and try remedies until one is seen to work."""
        self._tell(environment, Repair(cell))
        artifact = artifact_of(self.observed, cell)
        if self._agenda.to_probe(cell):
            task = self._task("probe", cell, artifact=artifact)
            key = self.plan.probe_key(cell, artifact)
            probed = self._measure(environment, task, ProbeObservation, key, place)
            with self._changed:
                self.observed.probes[cell] = probed
        while (wanted := self._agenda.next_attempt(cell)) is not None:
            key = self.plan.attempt_key(cell, artifact, wanted)
            found = None if self._fresh else self._store.known_load(key)
            if found is None or not self.plan.still_known(found.observation, cell.scenario):
                task = self._task("load", cell, artifact=artifact, remedies=wanted)
                found = self._measure(environment, task, LoadObservation, key, place)
            self._file_attempt(cell, Attempt(wanted, found))
        with self._changed:
            self._agenda.repaired(cell)

    def _convert(self, environment: str, job: Conversion, place: Workplace) -> None:
        """Make the last hop of a chain; where the one before was not made, neither is this."""
        row, chain = job
        before = self.observed.conversions.get((row, chain[:-1]), self.observed.saves[row])
        found: Measured[SaveObservation] | None = before
        if before.observation.artifact is not None:
            self._tell(environment, job)
            artifact, form = before.observation.artifact, form_of(row, chain[:-1])
            found = None
            if not self._fresh:
                found = known_conversion(self.plan, self._store, self.observed, row, chain)
            if found is None:
                hop = chain[-1]
                task = self._task(
                    "convert",
                    row,
                    artifact=artifact,
                    form=form,
                    into=hop.format if hop.saved else None,
                    remedies=hop.remedies,
                )
                key = self.plan.conversion_key(row.scenario, form, hop, artifact)
                found = self._measure(environment, task, SaveObservation, key, place)
        with self._changed:
            self.observed.conversions[row, chain] = found or before

    def _cross(self, environment: str, job: Crossing, place: Workplace) -> None:
        """Load what a chain ends with, as the cell's own file was to be loaded."""
        cell, chain = job
        made = self.observed.conversions[Save(*cell[:3]), chain]
        artifact = made.observation.artifact
        if artifact is None:
            self._file_attempt(cell, failed_crossing(made, chain))
            return
        self._tell(environment, job)
        key = self.plan.attempt_key(cell, artifact, BRIDGE)
        found = None if self._fresh else self._store.known_load(key)
        if found is None:
            task = self._task("load", cell, artifact=artifact, form=form_of(cell, chain))
            found = self._measure(environment, task, LoadObservation, key, place)
        self._file_attempt(cell, Attempt(BRIDGE, found, chain))

    def _file_attempt(self, cell: Cell, attempt: Attempt) -> None:
        with self._changed:
            before = self.observed.attempts.get(cell, ())
            self.observed.attempts[cell] = (*before, attempt)

    def _tell(self, environment: str, job: Job) -> None:
        with self._changed:
            self._listener.started(environment, job)

    def _task(  # noqa: PLR0913 - what a task is made of
        self,
        kind: Literal["save", "take", "load", "probe", "convert"],
        of: Save | Cell,
        *,
        artifact: str | None = None,
        form: str | None = None,
        remedies: tuple[str, ...] = (),
        into: str | None = None,
    ) -> Task:
        with self._changed:
            self._tasks += 1
            self.measured += 1
            number = self._tasks
        return Task(
            id=f"task-{number:06d}",
            kind=kind,
            scenario=of.scenario,
            format=form or of.format,
            artifact=artifact,
            deadline=self.plan.deadline(of.scenario),
            memory_mb=self.plan.limits.memory_mb,
            remedies=remedies,
            into=into,
        )

    def _measure(
        self, environment: str, task: Task, kind: type[Seen], key: str, place: Workplace
    ) -> Measured[Seen]:
        """Have a task done and commit what was seen.

        Raises:
            _Fault: what was seen is about the machine.
            _Stopped: the run ends.
        """
        answer = self._ask(environment, task, place)
        folder = place.scratch / task.id
        if task.kind in {"save", "take", "convert"} and answer.get("ended") == "returned":
            try:
                kept = self._store.keep_artifact(folder / "artifact")
            except NoArtifact as error:
                answer.update(ended="crashed", value=None, log=str(error))
                kept = None
            answer["artifact"] = kept
            if kept and task.kind == "save":
                answer["equivalence"] = equivalence_digest(self._store.artifacts / kept)
        observation = _understand(kind, answer)
        fault = infrastructure_fault(observation)
        if fault:
            raise _Fault(fault)
        shutil.rmtree(folder, ignore_errors=True)
        return self._store.remember(key, observation, self.id)

    def _ask(self, environment: str, task: Task, place: Workplace) -> dict[str, Any]:
        """Return a worker's answer; what kills two workers in a row is the task's outcome."""
        how: WorkerLost | None = None
        for _ in range(2):
            worker = self._worker(environment, place)
            try:
                return {**worker.run(task), "artifact": None, "deadline": task.deadline}
            except WorkerLost as lost:
                self._close_worker(environment)
                if self._stop.is_set():
                    raise _Stopped from lost
                how = lost
                with self._changed:
                    self._listener.lost(environment, str(lost))
        told = f"this task ended two workers in a row: {how}"
        if how and how.memory:
            link = {"type": "MemoryError", "message": told}
            return {"ended": "crashed", "error": {**link, "chain": [link]}}
        return {"ended": "crashed", "log": told}

    def _worker(self, environment: str, place: Workplace) -> Worker:
        """Return the environment's worker, opening one if there is none."""
        worker = self._workers.get(environment)
        if worker is None:
            with self._changed:
                self._listener.opening(environment)
            env, lock = self.plan.environment(environment), self.plan.locks[environment]
            try:
                self._engine.prepare(env, lock)
                worker = self._engine.open(env, lock, place, self.plan.limits)
            except InfrastructureError as error:
                raise _NotToBeHad(error.message) from error
            with self._changed:
                self._workers[environment] = worker
            if self._stop.is_set():
                self._close_worker(environment)
        return worker

    def _close_worker(self, environment: str) -> None:
        with self._changed:
            worker = self._workers.pop(environment, None)
        if worker:
            worker.close()

    def _close_workers(self) -> None:
        for environment in list(self._workers):
            with contextlib.suppress(Exception):  # the others must be closed all the same
                self._close_worker(environment)

    def _halt(self) -> None:
        """Let the jobs end: at once if they are at work, since their workers are ended."""
        self._stop.set()
        with self._changed:
            self._changed.notify_all()
        self._close_workers()


def _understand(kind: type[Seen], answer: dict[str, Any]) -> Seen:
    """Return the harness's answer as an observation; nonsense is a crash of that task."""
    try:
        return kind.model_validate(answer)
    except ValidationError as error:
        return kind(ended="crashed", log=f"the harness's answer does not fit: {error}")
