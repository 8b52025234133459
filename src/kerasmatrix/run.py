"""Drives a plan through an engine into the store.

Each job takes one environment at a time, opens a worker in it, and gives it all its saves or all
loads whose artifacts are there; workers stay warm between the two, so an environment imports
TensorFlow once. What a worker answers is committed at once. A worker that dies is opened again
and its task tried once more; an environment that cannot be had is left out, the rest goes on.
"""

from __future__ import annotations

import contextlib
import shutil
import threading
from pathlib import Path
from typing import Any, Protocol, TypeVar

from pydantic import ValidationError

from kerasmatrix.engines.base import Engine, Task, Worker, WorkerLost, Workplace
from kerasmatrix.errors import InfrastructureError
from kerasmatrix.outcome import (
    Cell,
    LoadObservation,
    Measured,
    Observation,
    SaveObservation,
    infrastructure_fault,
    judge_save,
)
from kerasmatrix.plan import Plan, Save
from kerasmatrix.store import Store, make_readable
from kerasmatrix.tabulation import Observed

__all__ = ["Listener", "Progress", "Run", "look_up"]

# Above this many environments, workers are closed between saves and loads: each holds about
# 350 MB, and two imports cost less than a machine that swaps.
WARM_WORKERS = 12

Seen = TypeVar("Seen", bound=Observation)
Job = Save | Cell


class _NotToBeHad(Exception):
    """An environment cannot be had. The message says why."""


class Listener(Protocol):
    """Who wants to know how a run goes on. Called from several threads, one at a time."""

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

    def opening(self, environment: str) -> None:
        """See `Listener`."""

    def started(self, environment: str, job: Job) -> None:
        """See `Listener`."""

    def ended(self, environment: str, job: Job) -> None:
        """See `Listener`."""

    def lost(self, environment: str, reason: str) -> None:
        """See `Listener`."""


def look_up(plan: Plan, store: Store) -> Observed:
    """Return what earlier runs have measured of ``plan``."""
    observed = Observed()
    for save in plan.saves():
        if plan.cannot_save(save):
            continue
        found = store.known_save(plan.save_key(save))
        if found and plan.still_known(found.observation, save.scenario):
            observed.saves[save] = found
    for cell in plan.cells():
        load = known_load(plan, store, observed, cell)
        if load:
            observed.loads[cell] = load
    return observed


def known_load(
    plan: Plan, store: Store, observed: Observed, cell: Cell
) -> Measured[LoadObservation] | None:
    """Return what is known of ``cell``, given what is known of its save."""
    saved = observed.saves.get(Save(*cell[:3]))
    if saved is None or saved.observation.artifact is None or plan.cannot_load(cell):
        return None
    found = store.known_load(plan.load_key(cell, saved.observation.artifact))
    return found if found and plan.still_known(found.observation, cell.scenario) else None


class Run:
    """One execution of a plan. `execute` may be called once."""

    def __init__(  # noqa: PLR0913 - what a run is made of
        self,
        plan: Plan,
        engine: Engine,
        store: Store,
        scenarios: Path,
        *,
        id: str,  # noqa: A002 - it is the run's id
        jobs: int = 2,
        listener: Listener | None = None,
        fresh: bool = False,
    ) -> None:
        """Look up what is known; nothing is run yet.

        Args:
            plan: what is wanted.
            engine: where it is run.
            store: what is known, and what will be.
            scenarios: the folder of scenarios.
            id: the run's name in the store.
            jobs: how many environments are at work at a time.
            listener: told of progress.
            fresh: measure again what is known.
        """
        self.plan = plan
        self.id = id
        self.measured = 0
        self.complete = False
        self.observed = Observed() if fresh else look_up(plan, store)
        self.known = len(self.observed.saves) + len(self.observed.loads)
        self._fresh = fresh
        self._engine = engine
        self._store = store
        self._scenarios = scenarios
        self._jobs = jobs
        self._listener = listener or Progress()
        self._changed = threading.Condition()
        self._stop = threading.Event()
        self._failure: BaseException | None = None
        self._busy: set[str] = set()
        self._workers: dict[str, Worker] = {}
        self._tasks = 0
        self._saves: dict[str, list[Save]] = {}
        self._loads: dict[str, list[Cell]] = {}
        self._queue()

    @property
    def pending(self) -> int:
        """How many tasks are still to be done, as far as is known."""
        return sum(map(len, self._saves.values())) + sum(map(len, self._loads.values()))

    def agenda(self) -> list[tuple[str, Job]]:
        """Return what would be done, in order: (environment, save or cell)."""
        batches: list[tuple[str, list[Save] | list[Cell]]] = [
            *sorted(self._saves.items(), key=lambda item: -len(item[1])),
            *sorted(self._loads.items(), key=lambda item: -len(item[1])),
        ]
        return [(name, job) for name, batch in batches for job in batch]

    def execute(self) -> Observed:
        """Do all there is to do and return what is known then.

        On an interrupt the workers are ended, and what was measured stays.

        Raises:
            InfrastructureError: the store cannot be written any more.
            KeyboardInterrupt: the user stopped it.
        """
        with self._store.scratch(self.id) as scratch, self._store.scratch("scenarios") as copies:
            # What is measured is what was digested, whatever is edited in the meantime.
            for name in self.plan.selection.scenarios:
                shutil.copytree(self._scenarios / name, copies / name)
            make_readable(copies)
            place = Workplace(copies, self._store.artifacts, scratch)
            threads = [
                threading.Thread(target=self._job, args=(place,), name=f"job-{number}")
                for number in range(min(self._jobs, max(1, len(self._environments()))))
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
        if self._failure:
            raise self._failure
        self.complete = True
        return self.observed

    # What there is to do. All of these are called with the condition held, or before the start.

    def _queue(self) -> None:
        for save in self.plan.saves():
            if save not in self.observed.saves and not self.plan.cannot_save(save):
                self._saves.setdefault(save.saved_with, []).append(save)
        for cell in self.plan.cells():
            if (
                cell in self.observed.loads
                or not self.plan.asked_for(cell)
                or self.plan.cannot_load(cell)
            ):
                continue
            saved = self.observed.saves.get(Save(*cell[:3]))
            if saved is None or judge_save(saved.observation) is None:
                self._loads.setdefault(cell.loaded_with, []).append(cell)

    def _environments(self) -> set[str]:
        return self._saves.keys() | self._loads.keys()

    def _take(self) -> tuple[str, list[Job]] | None:
        """Return an environment with work for it, waiting for some; None when all is done."""
        with self._changed:
            while not self._stop.is_set():
                batch = self._next_batch()
                if batch:
                    self._busy.add(batch[0])
                    return batch
                if not self._busy:
                    return None
                self._changed.wait()
        return None

    def _next_batch(self) -> tuple[str, list[Job]] | None:
        free = {name: batch for name, batch in self._saves.items() if name not in self._busy}
        if free:
            name = max(free, key=lambda env: len(free[env]))
            return name, list(self._saves.pop(name))
        if self._saving() and len(self.plan.selection.environments) > WARM_WORKERS:
            return None
        ready = {
            name: cells
            for name in self._loads
            if name not in self._busy and (cells := self._ready(name))
        }
        if not ready:
            return None
        name = max(ready, key=lambda env: len(ready[env]))
        return name, list(ready[name])

    def _saving(self) -> bool:
        return bool(self._saves) or any(
            Save(*cell[:3]) not in self.observed.saves
            and cell.saved_with not in self.observed.troubles
            for cells in self._loads.values()
            for cell in cells
        )

    def _ready(self, environment: str) -> list[Cell]:
        """Return the loads whose artifacts are there, dropping those that can never be done."""
        ready, later = [], []
        for cell in self._loads[environment]:
            row = Save(*cell[:3])
            saved = self.observed.saves.get(row)
            if row in self.observed.faults or (
                saved is None and cell.saved_with in self.observed.troubles
            ):
                continue
            if saved is None:
                later.append(cell)
            elif judge_save(saved.observation) is None:
                ready.append(cell)
        self._loads[environment] = ready + later
        if not self._loads[environment]:
            return []
        return ready

    # What is done, in the jobs' threads.

    def _job(self, place: Workplace) -> None:
        try:
            while (batch := self._take()) is not None:
                environment, jobs = batch
                try:
                    self._do_batch(environment, jobs, place)
                finally:
                    with self._changed:
                        self._busy.discard(environment)
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
                self._do(environment, job, place)
        except _NotToBeHad as error:
            if self._stop.is_set():
                return
            reason = str(error)
            with self._changed:
                self.observed.troubles[environment] = reason
                self._saves.pop(environment, None)
                self._loads.pop(environment, None)
                self._listener.lost(environment, reason)
        finally:
            if len(self.plan.selection.environments) > WARM_WORKERS:
                self._close_worker(environment)

    def _do(self, environment: str, job: Job, place: Workplace) -> None:
        """Do one task, unless its outcome turns out to be known."""
        if isinstance(job, Cell) and not self._fresh:
            known = known_load(self.plan, self._store, self.observed, job)
            if known:
                self._finish(environment, job, known)
                return
        with self._changed:
            self._tasks += 1
            self.measured += 1
            task = self._task(job, f"task-{self._tasks:06d}")
            self._listener.started(environment, job)
        answer = self._ask(environment, task, place)
        if answer is None:
            return  # stopped
        answer["deadline"] = task.deadline
        if isinstance(job, Save):
            self._file_save(environment, job, answer, place.scratch / task.id)
        else:
            self._file_load(environment, job, answer)

    def _task(self, job: Job, name: str) -> Task:
        artifact = None
        if isinstance(job, Cell):
            artifact = self.observed.saves[Save(*job[:3])].observation.artifact
        return Task(
            id=name,
            kind="load" if isinstance(job, Cell) else "save",
            scenario=job.scenario,
            format=job.format,
            artifact=artifact,
            deadline=self.plan.deadline(job.scenario),
            memory_mb=self.plan.limits.memory_mb,
        )

    def _ask(self, environment: str, task: Task, place: Workplace) -> dict[str, Any] | None:
        """Return a worker's answer; what kills two workers in a row is the task's outcome."""
        how: WorkerLost | None = None
        for _ in range(2):
            worker = self._worker(environment, place)
            try:
                return worker.run(task)
            except WorkerLost as lost:
                self._close_worker(environment)
                if self._stop.is_set():
                    return None
                how = lost
                with self._changed:
                    self._listener.lost(environment, str(lost))
        told = f"this task ended two workers in a row: {how}"
        if how and how.memory:
            link = {"type": "MemoryError", "message": told}
            return {"ended": "crashed", "error": {**link, "chain": [link]}}
        return {"ended": "crashed", "log": told}

    def _file_save(
        self, environment: str, save: Save, answer: dict[str, Any], folder: Path
    ) -> None:
        artifact = None
        if answer.get("ended") == "returned":
            artifact = self._store.keep_artifact(folder / "artifact")
        observation = _understand(SaveObservation, {**answer, "artifact": artifact})
        fault = infrastructure_fault(observation)
        if fault:
            self._finish(environment, save, fault)
            return
        shutil.rmtree(folder, ignore_errors=True)
        key = self.plan.save_key(save)
        self._finish(environment, save, self._store.remember(key, observation, self.id))

    def _file_load(self, environment: str, cell: Cell, answer: dict[str, Any]) -> None:
        observation = _understand(LoadObservation, answer)
        fault = infrastructure_fault(observation)
        if fault:
            self._finish(environment, cell, fault)
            return
        artifact = self.observed.saves[Save(*cell[:3])].observation.artifact
        key = self.plan.load_key(cell, artifact or "")
        self._finish(environment, cell, self._store.remember(key, observation, self.id))

    def _finish(self, environment: str, job: Job, found: Measured[Any] | str) -> None:
        with self._changed:
            if isinstance(found, str):
                self.observed.faults[job] = found
            elif isinstance(job, Save):
                self.observed.saves[job] = found
            else:
                self.observed.loads[job] = found
            if isinstance(job, Cell):
                waiting = self._loads.get(environment, [])
                if job in waiting:
                    waiting.remove(job)
                if not waiting:
                    self._loads.pop(environment, None)
            self._listener.ended(environment, job)
            self._changed.notify_all()

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
