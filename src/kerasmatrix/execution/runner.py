"""Drives a plan through an engine into the store.

Each thread takes one environment at a time and gives its worker what the agenda has for it: the
first task of every job in one go, then the second of those that have one, and so on. Workers stay
warm in between, so an environment imports TensorFlow once. What a worker answers is committed as
it comes, but for what may have been somebody's doing: that is tried again first
(`kerasmatrix.execution.confirm`). An environment that cannot be had is left out, the rest goes on.
"""

from __future__ import annotations

import contextlib
import datetime
import math
import os
import secrets
import shutil
import threading
import time
from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal, NamedTuple, Protocol

from kerasmatrix.config.scenario import digest_scenario, not_measured
from kerasmatrix.engines.base import Engine, Task, Workplace
from kerasmatrix.engines.workspace import Sight
from kerasmatrix.errors import InfrastructureError, UsageError, as_machine_trouble
from kerasmatrix.execution.attempts import Attempt, Causes
from kerasmatrix.execution.confirm import is_the_machines, settle
from kerasmatrix.execution.evaluate import Observed, Retry
from kerasmatrix.execution.flaky import is_settled
from kerasmatrix.execution.lookup import (
    BRIDGE,
    artifact_of,
    failed_crossing,
    form_of,
    known_attempt,
    known_conversion,
    known_load,
    known_probe,
    look_up,
    retry_key,
)
from kerasmatrix.execution.plan import Plan, Save
from kerasmatrix.execution.priority import Rank, Urgency
from kerasmatrix.execution.retry_queue import Repetition
from kerasmatrix.execution.work_queue import Again, Agenda, Conversion, Crossing, Job, Repair
from kerasmatrix.execution.worker_pool import Crew, NotToBeHad, Stopped
from kerasmatrix.harness import trees
from kerasmatrix.results.answers import understand
from kerasmatrix.results.boundary import describe_fault
from kerasmatrix.results.bounds import LONGEST_LINE, cut
from kerasmatrix.results.observations import (
    Cell,
    LoadObservation,
    Measured,
    Observation,
    ProbeObservation,
    SaveObservation,
    infrastructure_fault,
)
from kerasmatrix.store.store import NoArtifact, Store, make_readable

__all__ = ["Budget", "Listener", "Progress", "Run", "Sequel"]

# Given what was observed, what to do next and what is known of that; None when all is done.
Sequel = Callable[[Observed], tuple[Plan, Observed] | None]


class _Fault(Exception):
    """A task failed for a reason that is the machine's. The message says which."""


@dataclass(frozen=True)
class _Wanted:
    """A task that a job waits for: what kind of observation it makes, its key, how it went so far.

    ``again`` says that it is done once more; what was known stays. ``with_repair`` says that its
    key holds the code that carries out remedies. ``tries`` grows as it is tried.
    """

    task: Task
    kind: type[Observation]
    key: str
    again: bool = False
    with_repair: bool = False
    tries: list[Observation] = field(default_factory=list)

    @property
    def next_try(self) -> Task:
        """The task under an id of its own: what an earlier try has left would be in its way."""
        if not self.tries:
            return self.task
        return replace(self.task, id=f"{self.task.id}-{len(self.tries) + 1}")


# What a job does between its tasks. It is sent what was measured of each.
_Steps = Generator[_Wanted, Measured[Any], None]


@dataclass
class _UnderWay:
    """A job that waits for a task."""

    job: Job
    steps: _Steps
    wanted: _Wanted


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
        isolate: bool = False,
        trust: bool = False,
        sequel: Sequel | None = None,
        budget: Budget | None = None,
        observed: Observed | None = None,
        again: Sequence[Again] = (),
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
            isolate: let no two tasks share a process.
            trust: let files of others share a worker, though a sandbox could separate them.
            sequel: asked, once the plan is carried out, for what to do next in the same workers.
            budget: how long to go on, and what comes first; what is left then is not run.
            observed: what is known of the plan, if the caller has looked it up.
            again: measure these again, and nothing else.
        """
        self.plan = plan
        self.id = id
        self.measured = 0
        self.retries = 0
        self.complete = False
        self.causes = Causes(plan)
        if observed is None:
            observed = Observed() if fresh else look_up(plan, store, self.causes)
        self.observed = observed
        self.known = self.observed.count
        self._fresh = fresh
        self._sequel = sequel
        self._store = store
        self._jobs = jobs
        self._listener = listener or Progress()
        self._changed = threading.Condition()
        self._stop = threading.Event()
        self._cut = False
        self._unkept = False
        self._failure: BaseException | None = None
        self.isolate = isolate
        self._engine = engine
        # Files that others made are measured apart, and see nothing of each other.
        self._apart = any(scenario.given for scenario in plan.scenarios.values())
        # A file that is mere data has a process of its own; one with code, a sandbox of its own.
        self._separate = self._apart and engine.in_place and engine.sandbox and not trust
        self._sights: dict[tuple[str, str], Sight] = {}
        self._whole: Workplace | None = None
        self._crew = Crew(
            engine,
            isolate=isolate or self._apart,
            separate=self._has_own_worker,
            place=self._turned_place,
            opening=self._opening,
            lost=self._lost,
        )
        self._tasks = 0
        if again:
            self._agenda: Agenda = Repetition(plan, self.causes, again, room=self._room)
        else:
            ranks = budget.ranks if budget else None
            self._agenda = Agenda(plan, self.observed, self.causes, ranks, room=self._room)
        self._budget = budget
        self._until = math.inf

    def again(self, wanted: Sequence[Again]) -> Run:
        """Return a run that measures these again, and nothing else, and adds it to `observed`."""
        run = Run(
            self.plan,
            self._engine,
            self._store,
            id=self.id,
            jobs=self._jobs,
            listener=self._listener,
            isolate=True,  # what went before in a process may be why
            observed=self.observed,
            again=wanted,
        )
        run._unkept = self._unkept
        return run

    @property
    def pending(self) -> int:
        """How many jobs are still to be done, as far as is known."""
        return self._agenda.pending

    @property
    def settled(self) -> bool:
        """Whether the same run would find the same now, and have nothing to do."""
        observed = self.observed
        missing = observed.faults or observed.troubles or observed.boundary.faults or self._unkept
        return self.complete and not missing

    def agenda(self) -> list[tuple[str, Job]]:
        """Return what would be done, in order, each with its environment."""
        return self._agenda.jobs()

    def urgency_of(self, job: Job) -> Urgency | None:
        """Return why a job comes before others; None where there is no budget."""
        return self._agenda.urgency_of(job)

    def execute(self) -> Observed:
        """Do all there is to do, or as much as the budget allows, and return what is known then.

        Once time is up, no task is waited for but the one that is under way. On an interrupt the
        workers are ended, and what was measured stays.

        Raises:
            InfrastructureError: the store cannot be written any more.
            KeyboardInterrupt: the user stopped it.
        """
        if self._budget:
            self._until = time.monotonic() + self._budget.seconds
        with self._store.scratch(self.id) as scratch, self._store.scratch("scenarios") as copies:
            self._copy_scenarios(copies)
            apart = self.isolate or self._apart
            self._whole = Workplace(copies, self._store.artifacts, scratch, apart)
            threads = [
                threading.Thread(target=self._job, name=f"job-{number}")
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
                    # An interrupt may have come before this one was started.
                    with contextlib.suppress(RuntimeError):
                        thread.join()
                self._crew.go_home()
                self._agenda.infer()
        if self._failure:
            raise self._failure
        is_over = time.monotonic() >= self._until
        self.complete = not (self._cut or (is_over and self._agenda.has_more()))
        return self.observed

    def _copy_scenarios(self, copies: Path) -> None:
        """Copy the scenarios, so that what is edited during the run is not measured.

        Raises:
            UsageError: a scenario is not any more what it was when the plan was made: what is
                measured of it would be filed under the digest of another.
            InfrastructureError: there is no space.
        """
        try:
            for name, told in self.plan.scenarios.items():
                # A file of the user was copied when it was taken in; that copy is ours, and no
                # container can write it: its name here is a second one and takes no space.
                copy = _link_or_copy if told.given else shutil.copy2
                shutil.copytree(
                    told.folder,
                    copies / name,
                    ignore=not_measured(told.folder),
                    copy_function=copy,
                )
            make_readable(copies)
            for name, told in self.plan.scenarios.items():
                if digest_scenario(copies / name) != told.digest:
                    raise UsageError(
                        f"{told.folder}: was changed after the run had read it",
                        hint="run again, and leave the scenario as it is until the run has begun",
                    )
        except OSError as error:
            raise InfrastructureError(
                f"{copies}: the scenarios cannot be copied: {error}",
                hint="make space and run again: what is measured so far is kept",
            ) from error

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
        before = self.observed
        following = self._sequel(before) if self._sequel else None
        if following is None:
            self._sequel = None
            return False
        self.plan, self.observed = following
        self.observed.troubles.update(before.troubles)
        self.observed.boundary.faults.update(before.boundary.faults)
        self._unkept = self._unkept or bool(before.faults)
        # The saves of a plan with cells were seen before, and are counted already.
        compares = self.plan.columns != frozenset()
        self.known += self.observed.count - (len(self.observed.saves) if compares else 0)
        self.causes = Causes(self.plan)
        self._agenda = Agenda(self.plan, self.observed, self.causes, room=self._room)
        for environment in before.troubles:
            self._agenda.drop(environment)
        self._changed.notify_all()
        return True

    def _room(self) -> int:
        """Return how many workers may stay open."""
        return self._engine.idle_workers

    def _has_own_worker(self, scenario: str) -> bool:
        return self._separate and self.plan.scenarios[scenario].holds_code

    def _sight(self, environment: str, scenario: str) -> Sight:
        """Return what the worker sees that does a scenario's tasks in an environment."""
        key = environment, scenario if self._has_own_worker(scenario) else ""
        with self._changed:
            if key not in self._sights:
                assert self._whole is not None  # noqa: S101 - the run is under way
                # An engine that carries scenarios elsewhere looks at them when it opens one.
                narrow = self._apart and self._engine.in_place
                name = f"{environment}-{len(self._sights)}"
                self._sights[key] = Sight(self._whole, name, narrow=narrow)
            return self._sights[key]

    def _turned_place(self, environment: str, task: Task) -> Workplace:
        """Return the folders of the worker that does ``task``, with what that needs in them."""
        sight = self._sight(environment, task.scenario)
        sight.turn_to(task)
        return sight.place

    def _job(self) -> None:
        try:
            while (batch := self._take()) is not None:
                environment, jobs = batch
                try:
                    self._do_batch(environment, jobs)
                finally:
                    with self._changed:
                        self._agenda.free(environment)
                        self._changed.notify_all()
        except BaseException as error:  # noqa: BLE001 - raised again in the main thread
            with self._changed:
                # A disk can be full at any line; this says so in the words of an error.
                self._failure = self._failure or as_machine_trouble(error) or error
            self._halt()

    def _do_batch(self, environment: str, jobs: list[Job]) -> None:
        try:
            going = [self._go_on_with(environment, job, self._steps(job)) for job in jobs]
            while waiting := [one for one in going if one is not None]:
                going = self._do_round(environment, waiting)
        except Stopped:
            return
        except NotToBeHad as error:
            if self._stop.is_set():
                return
            reason = str(error)
            with self._changed:
                self.observed.troubles[environment] = reason
                self._agenda.drop(environment)
                self._listener.lost(environment, reason)
        finally:
            with self._changed:
                keeps_workers = self._agenda.keeps_workers
            if not keeps_workers:
                self._crew.dismiss(environment)

    def _do_round(self, environment: str, waiting: list[_UnderWay]) -> list[_UnderWay | None]:
        """Do a task of each job; return the jobs with the task that each waits for next.

        What has one key is done once: equal saves leave equal artifacts.
        """
        groups: dict[str, list[_UnderWay]] = {}
        for one in _side_by_side(waiting):
            groups.setdefault(one.wanted.key, []).append(one)
        tasks = [group[0].wanted.next_try for group in groups.values()]
        going: list[_UnderWay | None] = []
        with contextlib.closing(self._crew.answers(self.plan, environment, tasks)) as answers:
            for group in groups.values():
                if self._stop.is_set():
                    return []
                if time.monotonic() >= self._until:
                    self._cut = True
                    return []
                self._tell(environment, group[0].job)
                answer = next(answers)
                with self._changed:
                    self.measured += not group[0].wanted.tries
                place = self._sight(environment, group[0].wanted.task.scenario).place
                going += self._receive(environment, group, answer, place)
        return going

    def _receive(
        self, environment: str, group: list[_UnderWay], answer: dict[str, Any], place: Workplace
    ) -> list[_UnderWay | None]:
        """Keep the answer that jobs of one key wait for, and let them go on with it."""
        wanted = group[0].wanted
        try:
            found = self._keep(environment, wanted, answer, place)
        except _Fault as fault:
            for one in group:
                self._leave(environment, one.job, str(fault))
            return []
        except InfrastructureError:
            raise
        except Exception as error:  # noqa: BLE001 - an answer spoils its own cells only
            for one in group:
                self._spoil(environment, one.job, error)
            return []
        if found is None:
            return [replace(one, wanted=wanted) for one in group]
        # Each has its own, as it will when it is looked up: they are counted by that.
        return [
            self._go_on_with(environment, one.job, one.steps, found._replace()) for one in group
        ]

    def _go_on_with(
        self, environment: str, job: Job, steps: _Steps, found: Measured[Any] | None = None
    ) -> _UnderWay | None:
        """Let a job have what was found; return it with the next task, or None when it is done."""
        try:
            wanted = next(steps) if found is None else steps.send(found)
        except StopIteration:
            self._finish(environment, job)
            return None
        except InfrastructureError:
            raise
        except Exception as error:  # noqa: BLE001 - what was found spoils its own cells only
            self._spoil(environment, job, error)
            return None
        return _UnderWay(job, steps, wanted)

    def _spoil(self, environment: str, job: Job, error: Exception) -> None:
        """End a job for an exception that is ours, and that its answer provoked."""
        with self._changed:
            self.observed.boundary.note(_subject(job), error)
            self._listener.lost(environment, describe_fault(error))
        self._finish(environment, job)

    def _leave(self, environment: str, job: Job, fault: str) -> None:
        """End a job for a fault of the machine, which says nothing about its outcome."""
        with self._changed:
            match job:
                case Save() | Cell():
                    faulted: list[Save | Cell] = [job]
                case Crossing() | Repair():
                    faulted = [job.cell]
                case Conversion():
                    faulted = [*self._agenda.give_up(job)]
                case Again():
                    faulted = [job.of]
            self.observed.faults.update(dict.fromkeys(faulted, fault))
            self._listener.lost(environment, fault)
        self._finish(environment, job)

    def _finish(self, environment: str, job: Job) -> None:
        with self._changed:
            if isinstance(job, Cell):
                self._agenda.done(job)
            self._listener.ended(environment, job)
            self._changed.notify_all()

    def _steps(self, job: Job) -> _Steps:
        match job:
            case Cell():
                return self._load(job)
            case Save():
                return self._save(job)
            case Repair():
                return self._repair(job.cell)
            case Conversion():
                return self._convert(job)
            case Crossing():
                return self._cross(job)
            case Again():
                return self._repeat(job)

    # One method for each kind of job. What they find goes into `observed` with the lock held.

    def _save(self, save: Save) -> _Steps:
        given = self.plan.scenarios[save.scenario].given
        remedies = self.plan.taking.get(save, ())
        task = self._task("take" if given else "save", save, remedies=remedies)
        found = yield _Wanted(task, SaveObservation, self.plan.save_key(save))
        with self._changed:
            self.observed.saves[save] = found

    def _load(self, cell: Cell) -> _Steps:
        """Load a cell, unless it turns out to be known: equal saves leave equal artifacts."""
        with self._changed:
            artifact = artifact_of(self.observed, cell)
            found = None
            if not self._fresh:
                found = known_load(self.plan, self._store, self.observed, cell)
        if found is None:
            task = self._task("load", cell, artifact=artifact)
            found = yield _Wanted(task, LoadObservation, self.plan.load_key(cell, artifact))
        with self._changed:
            self.observed.loads[cell] = found
            self._agenda.loaded(cell)

    def _repair(self, cell: Cell) -> _Steps:
        """Find out what is at fault in a cell, and try remedies until one is seen to work."""
        with self._changed:
            artifact = artifact_of(self.observed, cell)
            to_probe = self._agenda.to_probe(cell)
        if to_probe:
            # It may be known though the load is not: what was killed from outside is not kept.
            probed = None
            if not self._fresh:
                probed = known_probe(self.plan, self._store, cell, artifact)
            if probed is None:
                key = self.plan.probe_key(cell, artifact)
                task = self._task("probe", cell, artifact=artifact)
                probed = yield _Wanted(task, ProbeObservation, key, with_repair=True)
            with self._changed:
                self.observed.probes[cell] = probed
        while (wanted := self._next_attempt(cell)) is not None:
            found = None
            if not self._fresh:
                found = known_attempt(self.plan, self._store, cell, artifact, wanted)
            if found is None:
                key = self.plan.attempt_key(cell, artifact, wanted)
                task = self._task("load", cell, artifact=artifact, remedies=wanted)
                found = yield _Wanted(task, LoadObservation, key, with_repair=True)
            self._file_attempt(cell, Attempt(wanted, found))
        with self._changed:
            self._agenda.repaired(cell)

    def _next_attempt(self, cell: Cell) -> tuple[str, ...] | None:
        with self._changed:
            return self._agenda.next_attempt(cell)

    def _convert(self, job: Conversion) -> _Steps:
        """Make the last hop of a chain; where the one before was not made, neither is this."""
        row, chain = job
        with self._changed:
            before = self.observed.conversions.get((row, chain[:-1]), self.observed.saves[row])
            found: Measured[SaveObservation] | None = before
            if before.observation.artifact is not None:
                found = None
                if not self._fresh:
                    found = known_conversion(self.plan, self._store, self.observed, row, chain)
        if before.observation.artifact is not None:
            artifact, form = before.observation.artifact, form_of(row, chain[:-1])
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
                with_repair = bool(hop.remedies)
                found = yield _Wanted(task, SaveObservation, key, with_repair=with_repair)
        with self._changed:
            self.observed.conversions[row, chain] = found or before

    def _cross(self, job: Crossing) -> _Steps:
        """Load what a chain ends with, as the cell's own file was to be loaded."""
        cell, chain = job
        with self._changed:
            made = self.observed.conversions[Save(*cell[:3]), chain]
        artifact = made.observation.artifact
        if artifact is None:
            self._file_attempt(cell, failed_crossing(made, chain))
            return
        found = None
        if not self._fresh:
            found = known_attempt(self.plan, self._store, cell, artifact, BRIDGE)
        if found is None:
            key = self.plan.attempt_key(cell, artifact, BRIDGE)
            task = self._task("load", cell, artifact=artifact, form=form_of(cell, chain))
            found = yield _Wanted(task, LoadObservation, key, with_repair=True)
        self._file_attempt(cell, Attempt(BRIDGE, found, chain))

    def _repeat(self, job: Again) -> _Steps:
        """Do a save or load again until it does something else, or it was done often enough."""
        of, remedies = job.of, job.remedies
        while not self._is_settled(job):
            if isinstance(of, Cell):
                with self._changed:
                    artifact = artifact_of(self.observed, of)
                    key = retry_key(self.plan, self.observed, of, remedies)
                task = self._task("load", of, artifact=artifact, remedies=remedies)
                wanted = _Wanted(task, LoadObservation, key, again=True)
            else:
                task = self._task("save", of)
                wanted = _Wanted(task, SaveObservation, self.plan.save_key(of), again=True)
            found = yield wanted
            with self._changed:
                done = self.observed.retries.get(of, ())
                self.observed.retries[of] = (*done, Retry(remedies, found))

    def _is_settled(self, job: Again) -> bool:
        with self._changed:
            return is_settled(self.plan, self.observed, self.causes, job)

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
            number = self._tasks
        return Task(
            # Nothing that runs in a task can know another's name, and answer for it.
            id=f"task-{number:06d}-{secrets.token_hex(8)}",
            kind=kind,
            scenario=of.scenario,
            format=form or of.format,
            artifact=artifact,
            deadline=self.plan.deadline(of.scenario),
            memory_mb=self.plan.limits.memory_mb,
            remedies=remedies,
            into=into,
        )

    def _keep(
        self, environment: str, wanted: _Wanted, answer: dict[str, Any], place: Workplace
    ) -> Measured[Any] | None:
        """Commit what was seen; None if it is to be seen again before it is believed.

        Raises:
            _Fault: what was seen is about the machine.
        """
        if "fault" in answer and "ended" not in answer:  # a harness always says how it ended
            raise _Fault(cut(str(answer["fault"]), LONGEST_LINE))
        task = wanted.next_try
        folder = place.scratch / task.id
        observation = understand(wanted.kind, answer, self._store.shared)
        if isinstance(observation, SaveObservation) and observation.ended == "returned":
            observation = self._with_artifact(observation, task, folder / "artifact")
        trees.remove(str(folder))
        fault = infrastructure_fault(observation) or self._damage(task, place, observation)
        if fault:
            raise _Fault(fault)
        wanted.tries.append(observation)
        believed = settle(wanted.tries)
        if believed is None:
            return None
        with self._changed:
            self.retries += len(believed.retried)
        if is_the_machines(believed):
            # Shown, but not kept: another run finds out whether it is so when nobody kills.
            self._unkept = True
            return Measured(believed, datetime.datetime.now(datetime.UTC))
        if wanted.again:
            return self._store.remember_retry(wanted.key, believed, self.id)
        origin = self.plan.origin(environment, task.scenario, with_repair=wanted.with_repair)
        return self._store.remember(wanted.key, believed, self.id, origin)

    def _with_artifact(
        self, observation: SaveObservation, task: Task, folder: Path
    ) -> SaveObservation:
        """Keep what a save left in ``folder``; return the save with the artifact, or as a crash."""
        try:
            kept = self._store.keep_artifact(folder)
        except NoArtifact as error:
            return SaveObservation(
                ended="crashed",
                log=str(error),
                seconds=observation.seconds,
                deadline=observation.deadline,
            )
        same = _equivalence(self._store.artifacts / kept) if task.kind == "save" else None
        return observation.model_copy(update={"artifact": kept, "equivalence": same})

    def _damage(self, task: Task, place: Workplace, observation: Observation) -> str | None:
        """Say what a task was given that is not what it should have been, or None."""
        if task.artifact is not None and not self._store.is_intact(task.artifact):
            return "the artifact was damaged or removed: another run saves it anew"
        if observation.ended != "returned":
            with contextlib.suppress(OSError):
                known = self.plan.scenarios[task.scenario].digest
                if digest_scenario(place.scenarios / task.scenario) == known:
                    return None
            return "the run's copy of the scenario was damaged or removed: run again"
        return None

    def _opening(self, environment: str) -> None:
        with self._changed:
            self._listener.opening(environment)

    def _lost(self, environment: str, reason: str) -> None:
        with self._changed:
            self._listener.lost(environment, reason)

    def _halt(self) -> None:
        """Let the threads end: at once if they are at work, since their workers are ended."""
        self._stop.set()
        with self._changed:
            self._changed.notify_all()
        self._crew.go_home()


def _link_or_copy(source: str, target: str) -> None:
    """Give the file a second name; copy it where the file system has no such names."""
    try:
        os.link(source, target)
    except OSError:
        shutil.copy2(source, target)


def _subject(job: Job) -> Save | Cell:
    """Return the row or cell that a job is about."""
    match job:
        case Repair() | Crossing():
            return job.cell
        case Conversion():
            return job.row
        case Again():
            return job.of
    return job


def _equivalence(artifact: Path) -> str | None:
    # h5py alone takes a sixteenth of a run that has nothing to save.
    from kerasmatrix.inspection.fingerprint import equivalence_digest  # noqa: PLC0415

    return equivalence_digest(artifact)


def _side_by_side(waiting: list[_UnderWay]) -> list[_UnderWay]:
    """Bring together what may share a process, in the order in which the first of each came."""
    first: dict[tuple[object, ...], int] = {}
    for one in waiting:
        task = one.wanted.task
        first.setdefault((task.scenario, task.kind, task.remedies), len(first))

    def place(one: _UnderWay) -> int:
        task = one.wanted.task
        return first[task.scenario, task.kind, task.remedies]

    return sorted(waiting, key=place)
