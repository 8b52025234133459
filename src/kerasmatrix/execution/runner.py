"""Runs the jobs of a plan through an engine.

Each thread takes one environment at a time and gives its worker the jobs that the queue has for it:
the first task of every job in one go, then the second of the jobs that have one, and so on. Workers
stay open in between, so an environment imports TensorFlow once. Every result is committed when it
arrives. An environment that is unavailable is left out, and the run continues.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

from kerasmatrix.engines.base import Engine, WorkDirs
from kerasmatrix.environments.uv_command import Download
from kerasmatrix.errors import as_machine_trouble
from kerasmatrix.execution.batch import BatchRunner
from kerasmatrix.execution.jobs import Job, RetryJob
from kerasmatrix.execution.listener import Listener
from kerasmatrix.execution.lookup import look_up
from kerasmatrix.execution.plan import Plan
from kerasmatrix.execution.run_folders import RunFolders, copy_scenarios
from kerasmatrix.execution.run_state import RunState
from kerasmatrix.execution.work import RunParts, Work
from kerasmatrix.execution.worker_pool import WorkerPool
from kerasmatrix.store.store import Store

__all__ = ["ExecutionOptions", "Run", "Sequel"]

# Given the state at the end of a plan, returns all that is known of the next one; None if there is
# none.
Sequel = Callable[[RunState], RunState | None]


@dataclass(frozen=True)
class ExecutionOptions:
    """How a plan is run.

    Args:
        jobs: how many environments are at work at a time.
        fresh: measure cells again that are known.
        isolate: let no two tasks share a process.
        trust: let files of others share a worker, though a sandbox could separate them.
    """

    jobs: int = 2
    fresh: bool = False
    isolate: bool = False
    trust: bool = False


class Resume(NamedTuple):
    """The state of an earlier run, and the jobs to repeat in it."""

    state: RunState
    retries: Sequence[RetryJob] = ()


class Run:
    """One execution of a plan. `execute` may be called once."""

    def __init__(  # noqa: PLR0913 - the parts of a run
        self,
        plan: Plan,
        engine: Engine,
        store: Store,
        *,
        id: str,  # noqa: A002 - it is the run's id
        options: ExecutionOptions = ExecutionOptions(),
        listener: Listener | None = None,
        sequel: Sequel | None = None,
        resume: Resume | None = None,
    ) -> None:
        """Look up what is known; nothing is run yet.

        Args:
            plan: the plan.
            engine: opens its environments.
            store: has the results of earlier runs, and gets those of this one.
            id: the run's name in the store.
            options: how it is run.
            listener: gets its progress.
            sequel: asked for the next plan when a plan is done; it gets the same workers.
            resume: repeat jobs of an earlier run, and do nothing else.
        """
        self.id = id
        self.complete = False
        self.options = options
        self._engine = engine
        self._store = store
        self._listener = listener or Listener()
        self._changed = threading.Condition()
        self._sequel = sequel
        # Files that others made are measured apart, and see nothing of each other.
        self._are_files = any(scenario.given for scenario in plan.scenarios.values())
        self._sandboxed = (
            self._are_files and engine.in_place and engine.sandbox and not options.trust
        )
        self._parts = RunParts(
            id, store, self._listener, self._changed, lambda: engine.idle_workers, options.fresh
        )
        self._stop = threading.Event()
        self._failure: BaseException | None = None
        self._folders = RunFolders(
            engine, are_files=self._are_files, has_own_worker=self._has_own_worker
        )
        self._pool = WorkerPool(
            engine,
            isolate=self._isolate,
            has_own_worker=self._has_own_worker,
            prepare_dirs=self._folders.prepare,
            on_opening=self._opening,
            on_lost=self._lost,
        )
        self._batches = BatchRunner(self._parts, self._pool, self._folders, self._stop)
        if resume is None:
            # Before anything is opened, so that a run whose results are all known opens no
            # environment.
            resume = Resume(RunState(plan) if options.fresh else look_up(plan, store))
        self.known = resume.state.count
        self._work = Work(resume.state, self._parts, resume.retries)

    def again(self, retries: Sequence[RetryJob]) -> Run:
        """Return a run that repeats these jobs, and adds their results to `state`."""
        return Run(
            self.plan,
            self._engine,
            self._store,
            id=self.id,
            # An earlier task in the same process may be the reason.
            options=replace(self.options, isolate=True, fresh=False, trust=False),
            listener=self._listener,
            resume=Resume(self.state, retries),
        )

    @property
    def plan(self) -> Plan:
        """The plan that is under way, or the last one."""
        return self._work.plan

    @property
    def state(self) -> RunState:
        """All that is known of the plan."""
        return self._work.state

    @property
    def measured(self) -> int:
        """How many tasks were done."""
        return self._parts.measured

    @property
    def retries(self) -> int:
        """How many tasks were repeated before they were believed."""
        return self._parts.retries

    @property
    def pending(self) -> int:
        """How many jobs have not ended, as far as is known."""
        return self._work.queue.left

    def downloaded(self, environment: str) -> Download | None:
        """Return how much is downloaded of an environment that is being installed, if known."""
        return self._engine.downloaded(environment)

    def jobs(self) -> list[tuple[str, Job]]:
        """Return all jobs that are left, in order, each with its environment."""
        return self._work.queue.jobs()

    def execute(self) -> RunState:
        """Do all jobs, and return all that is known then.

        On an interrupt the workers are ended, and results that were measured stay.

        Raises:
            InfrastructureError: the store cannot be written any more.
            KeyboardInterrupt: the user stopped it.
        """
        with self._store.scratch(self.id) as scratch, self._store.scratch("scenarios") as copies:
            copy_scenarios(self.plan.scenarios, copies)
            self._folders.begin(
                WorkDirs(copies, self._store.artifacts, scratch, isolated=self._isolate)
            )
            # Threads, since they wait for workers nearly all of the time.
            threads = [
                threading.Thread(target=self._run_thread, name=f"job-{number}")
                for number in range(self._thread_count)
            ]
            try:
                for thread in threads:
                    thread.start()
                for thread in threads:
                    while thread.is_alive():
                        thread.join(0.2)  # short, so that an interrupt is handled soon
            finally:
                self._halt()
                for thread in threads:
                    # An interrupt may have come before this one was started.
                    with contextlib.suppress(RuntimeError):
                        thread.join()
                self._pool.shutdown()
                # Also after an interrupt: cells that equal a loaded one get its result.
                self._work.queue.infer()
        if self._failure:
            raise self._failure
        self.complete = True
        return self.state

    @property
    def _isolate(self) -> bool:
        return self.options.isolate or self._are_files

    @property
    def _thread_count(self) -> int:
        """How many environments can be at work at a time."""
        jobs = self.options.jobs
        # The next plan may have more environments at work than this one.
        return jobs if self._sequel else min(jobs, max(1, self._work.queue.environments))

    def _has_own_worker(self, scenario: str) -> bool:
        # A file that is mere data has its own process; one with code, its own sandbox.
        return self._sandboxed and self.plan.scenarios[scenario].holds_code

    def _run_thread(self) -> None:
        try:
            while (batch := self._take()) is not None:
                environment, jobs = batch
                try:
                    self._batches.do(self._work, environment, jobs)
                finally:
                    with self._changed:
                        self._work.queue.free(environment)
                        self._changed.notify_all()
        except BaseException as error:  # noqa: BLE001 - raised again in the main thread
            with self._changed:
                # A disk can be full at any line; this turns it into an error that says so.
                self._failure = self._failure or as_machine_trouble(error) or error
            self._halt()

    def _take(self) -> tuple[str, list[Job]] | None:
        """Return an environment with jobs, waiting for some; None when all are done."""
        with self._changed:
            while not self._stop.is_set():
                batch = self._work.queue.take()
                if batch:
                    return batch
                if not self._work.queue.idle:
                    self._changed.wait()
                elif not self._begin_sequel():
                    return None
        return None

    def _begin_sequel(self) -> bool:
        """Begin the next plan; False if there is none."""
        before = self.state
        following = self._sequel(before) if self._sequel else None
        if following is None:
            self._sequel = None
            return False
        plan = following.plan
        # Environments that are unavailable stay so for the next plan, as do rows that a fault of
        # kerasmatrix spoilt: their saves are rows of the next plan, too.
        following.environment_errors.update(before.environment_errors)
        following.boundary.faults.update(before.boundary.faults)
        # The saves of a plan with cells were known before, and are counted already.
        self.known += following.count - (len(following.saves) if plan.has_cells else 0)
        self._work = Work(following, self._parts)
        for environment in before.environment_errors:
            self._work.queue.drop(environment)
        self._changed.notify_all()
        return True

    def _opening(self, environment: str) -> None:
        with self._changed:
            self._listener.opening(environment)

    def _lost(self, environment: str, reason: str) -> None:
        with self._changed:
            self._listener.lost(environment, reason)

    def _halt(self) -> None:
        """Let the threads end: those at work at once, since their workers are ended."""
        self._stop.set()
        with self._changed:
            self._changed.notify_all()
        self._pool.shutdown()
