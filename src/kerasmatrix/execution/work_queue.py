"""The jobs that are left in a run, and their order: saves, loads, fixes, bridges.

A value that changes as results come in. It starts nothing and waits for nothing; several threads
may use it if each call holds a lock. Of cells that load equal files one is loaded, and the others
are inferred from it.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Container, Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from typing import Any, Generic, TypeVar

from kerasmatrix.execution.bridges import Chain
from kerasmatrix.execution.dedup import EqualCells, infer_fixes, infer_load
from kerasmatrix.execution.jobs import ConvertJob, FinalLoad, FixJob, Job, RetryJob
from kerasmatrix.execution.next_fix import needs_fix, next_bridges, next_fix
from kerasmatrix.execution.run_state import RunState
from kerasmatrix.results.cells import Cell, Save
from kerasmatrix.results.verdict import judge_save

__all__ = ["WorkQueue"]

# Formats that are stored with their architecture, whose layers can be probed one by one.
PROBED_FORMATS = {"h5", "keras", "keras-archive"}

Kind = TypeVar("Kind", bound=Job)
Batch = tuple[str, list[Job]]


class JobQueue(Generic[Kind]):
    """Jobs of one kind, by environment. An environment without jobs is not in ``jobs``."""

    def __init__(self) -> None:
        self.jobs: dict[str, list[Kind]] = {}

    def __bool__(self) -> bool:
        return bool(self.jobs)

    def __len__(self) -> int:
        return sum(map(len, self.jobs.values()))

    def add(self, environment: str, job: Kind) -> None:
        """Append a job."""
        self.jobs.setdefault(environment, []).append(job)

    def keep(self, environment: str, jobs: Iterable[Kind]) -> None:
        """Replace the jobs of an environment."""
        kept = list(jobs)
        if kept:
            self.jobs[environment] = kept
        else:
            self.jobs.pop(environment, None)

    def drop(self, environment: str) -> None:
        """Remove the jobs of an environment."""
        self.jobs.pop(environment, None)

    def take_largest(self, busy: Container[str]) -> Batch | None:
        """Remove and return the longest batch of a free environment."""
        batch = largest({name: jobs for name, jobs in self.jobs.items() if name not in busy})
        if batch:
            del self.jobs[batch[0]]
        return batch

    def ordered(self) -> Iterator[tuple[str, Kind]]:
        """Yield all jobs in the order in which they are taken."""
        for name, batch in sorted(self.jobs.items(), key=lambda item: -len(item[1])):
            yield from ((name, job) for job in batch)


class BridgeQueue(JobQueue[ConvertJob | FinalLoad]):
    """The steps of chains through intermediate versions. A step waits for the one before it."""

    def __init__(self, state: RunState) -> None:
        super().__init__()
        self._state = state

    def add_chains(self, chains: Iterable[tuple[Cell, Chain]]) -> None:
        """Add the steps of chains that are not known; equal steps are made once."""
        queued: set[ConvertJob] = set()
        for cell, chain in chains:
            # One environment that is unavailable breaks the whole chain.
            names = {cell.loaded_with, *(hop.environment for hop in chain)}
            if names & self._state.environment_errors.keys() or cell in self._state.task_errors:
                continue
            row = cell.save
            for length in range(1, len(chain) + 1):
                step = ConvertJob(row, chain[:length])
                if (row, step.chain) not in self._state.conversions and step not in queued:
                    queued.add(step)
                    self.add(chain[length - 1].environment, step)
            self.add(cell.loaded_with, FinalLoad(cell, chain))

    def take_ready(self, busy: Container[str]) -> Batch | None:
        """Remove and return the steps of a free environment whose file is there."""
        for name, steps in self.jobs.items():
            ready = [step for step in steps if self._is_ready(step)]
            if ready and name not in busy:
                self.keep(name, (step for step in steps if step not in ready))
                return name, list(ready)
        return None

    def drop_unreachable(self, environment: str) -> None:
        """Remove the chains that need a step in an environment that is unavailable."""
        self._remove(
            lambda row, chain: any(
                hop.environment == environment
                and (row, chain[:length]) not in self._state.conversions
                for length, hop in enumerate(chain, start=1)
            )
        )

    def give_up(self, failed: ConvertJob) -> list[Cell]:
        """Remove the chains that continue from a step that failed; return their cells."""
        row, chain = failed
        return self._remove(lambda other, longer: other == row and longer[: len(chain)] == chain)

    def _remove(self, is_stuck: Callable[[Save, Chain], bool]) -> list[Cell]:
        cells = []
        for name, steps in list(self.jobs.items()):
            left = []
            for step in steps:
                row = step.row if isinstance(step, ConvertJob) else step.cell.save
                if not is_stuck(row, step.chain):
                    left.append(step)
                elif isinstance(step, FinalLoad):
                    cells.append(step.cell)
            self.keep(name, left)
        return cells

    def _is_ready(self, step: ConvertJob | FinalLoad) -> bool:
        conversions = self._state.conversions
        if isinstance(step, ConvertJob):
            return len(step.chain) == 1 or (step.row, step.chain[:-1]) in conversions
        return (step.cell.save, step.chain) in conversions


class WorkQueue:
    """The jobs of a plan that are not done, by environment.

    It adds to ``state`` the cells that it infers, and changes nothing else in it.
    """

    def __init__(
        self,
        state: RunState,
        retries: Iterable[RetryJob] = (),
        *,
        room: Callable[[], int],
    ) -> None:
        """Queue all jobs whose results are unknown.

        Args:
            state: the plan, and all that is known of it.
            retries: jobs to repeat; if there are any, nothing else is queued.
            room: returns how many workers may stay open; called once there is work.
        """
        self._room = room
        # Environments at work, each with the number of its jobs that have not ended.
        self._busy: dict[str, int] = {}
        self._retries = JobQueue[RetryJob]()
        for job in retries:
            self._retries.add(job.environment, job)
        if self._retries:
            # Of a plan without rows, nothing is queued.
            state = RunState(dataclasses.replace(state.plan, rows=()))
        self._plan = plan = state.plan
        self._state = state
        self._saves = JobQueue[Save]()
        self._loads = JobQueue[Cell]()
        self._fixes = JobQueue[FixJob]()
        self._bridges = BridgeQueue(state)
        self._equal = EqualCells(state)
        # Cells whose fix job is queued or under way: their equals wait for it.
        self._unfixed: set[Cell] = set()
        self._queue_unknown_saves()
        self._queue_unknown_loads()
        for cell in list(state.loads):
            if plan.asked_for(cell) and cell not in state.inferred:
                with state.boundary.apart(cell):
                    self.loaded(cell)
        # Bridges are searched in a complete matrix, so they are queued when all else is known.
        if not self.pending:
            self._queue_bridges()

    def _queue_unknown_saves(self) -> None:
        plan, state = self._plan, self._state
        for save in plan.saves():
            if save in state.saves or plan.cannot_save(save) or state.boundary.of(save):
                continue
            if plan.in_shard(save):
                self._saves.add(save.saved_with, save)

    def _queue_unknown_loads(self) -> None:
        plan, state = self._plan, self._state
        for cell in plan.cells():
            if cell in state.loads or not plan.asked_for(cell) or plan.cannot_load(cell):
                continue
            saved = state.saves.get(cell.save)
            with state.boundary.apart(cell):
                if saved is None or judge_save(saved.observation) is None:
                    self._loads.add(cell.loaded_with, cell)

    @property
    def _queues(self) -> tuple[JobQueue[Any], ...]:
        return (self._retries, self._saves, self._loads, self._fixes, self._bridges)

    @property
    def pending(self) -> int:
        """How many jobs are left, as far as is known."""
        return sum(map(len, self._queues))

    @property
    def left(self) -> int:
        """How many jobs have not ended: those that are pending, and those under way."""
        return self.pending + sum(self._busy.values())

    @property
    def environments(self) -> int:
        """How many environments have jobs left, as far as is known."""
        return len({name for queue in self._queues for name in queue.jobs})

    @property
    def idle(self) -> bool:
        """Whether no environment is at work, so that no new job can come up."""
        return not self._busy

    @cached_property
    def keeps_workers(self) -> bool:
        """Whether workers stay open between batches.

        If not, all saves come before all loads, so that an environment is opened only twice.
        """
        return len(self._plan.selection.environments) <= self._room()

    def jobs(self) -> list[tuple[str, Job]]:
        """Return all jobs that are left, in order, each with its environment."""
        loads = JobQueue[Cell]()
        loads.jobs = {name: self._equal.distinct(cells) for name, cells in self._loads.jobs.items()}
        in_order = (self._retries, self._saves, loads, self._fixes)
        bridges = ((name, step) for name, steps in self._bridges.jobs.items() for step in steps)
        return [*(entry for queue in in_order for entry in queue.ordered()), *bridges]

    def take(self) -> Batch | None:
        """Return a free environment and its jobs, and mark it as busy; None if none has jobs."""
        batch = self._next_batch()
        if batch:
            self._busy[batch[0]] = len(batch[1])
        return batch

    def free(self, environment: str) -> None:
        """Note that an environment is not at work any more."""
        self._busy.pop(environment, None)

    def ended(self, environment: str) -> None:
        """Note that a job of an environment has ended, however it did."""
        if self._busy.get(environment):
            self._busy[environment] -= 1

    def drop(self, environment: str) -> None:
        """Remove the jobs of an environment that is unavailable."""
        for queue in self._queues:
            queue.drop(environment)
        self._bridges.drop_unreachable(environment)

    def give_up(self, failed: ConvertJob) -> list[Cell]:
        """Remove the chains that continue from a step that failed; return their cells."""
        return self._bridges.give_up(failed)

    def done(self, cell: Cell) -> None:
        """Note that a load is done, however it ended."""
        waiting = self._loads.jobs.get(cell.loaded_with, ())
        self._loads.keep(cell.loaded_with, (other for other in waiting if other != cell))

    def loaded(self, cell: Cell) -> None:
        """Note a load that is known: queue fixes for it, or let its equals follow."""
        self._equal.note_loaded(cell)
        self._queue_fix(cell)
        if cell not in self._unfixed:
            self.fixed(cell)

    def fixed(self, cell: Cell) -> None:
        """Note that all fixes of a cell were tried: its equals follow from it."""
        self._unfixed.discard(cell)
        for equal in self._equal.following(cell):
            with self._state.boundary.apart(equal):
                infer_fixes(self._state, equal, cell)
                self._queue_fix(equal)

    def infer(self) -> None:
        """Infer all cells that follow from the loads that are known."""
        for environment in list(self._loads.jobs):
            self._ready(environment)

    def needs_probe(self, cell: Cell) -> bool:
        """Whether the layers of a failing cell's model are still to be probed."""
        return cell.format in PROBED_FORMATS and cell not in self._state.probes

    def next_fix(self, cell: Cell) -> tuple[str, ...] | None:
        """Return the fixes to try next in a cell."""
        return next_fix(self._state, cell)

    def _queue_fix(self, cell: Cell) -> None:
        if self._plan.remedies == "none" or not needs_fix(self._state, cell):
            return
        if self.needs_probe(cell) or self.next_fix(cell) is not None:
            self._fixes.add(cell.loaded_with, FixJob(cell))
            self._unfixed.add(cell)

    def _next_batch(self) -> Batch | None:
        # Saves come first, since loads wait for them.
        for queue in (self._retries, self._saves):
            if batch := queue.take_largest(self._busy):
                return batch
        free = [name for name in self._loads.jobs if name not in self._busy]
        ready = largest({name: self._ready(name) for name in free})
        if ready and (self.keeps_workers or not self._is_saving):
            return ready
        # All failures are known before fixes are tried, and bridges come last.
        if self._saves or any(name in self._loads.jobs for name in free):
            return None
        if fixes := self._fixes.take_largest(self._busy):
            return fixes
        if self.idle and not self._fixes and not self._bridges:
            self._queue_bridges()
        return self._bridges.take_ready(self._busy)

    @property
    def _is_saving(self) -> bool:
        """Whether saves are queued or under way."""
        return bool(self._saves) or any(
            cell.save not in self._state.saves
            and cell.saved_with not in self._state.environment_errors
            for cells in self._loads.jobs.values()
            for cell in cells
        )

    def _ready(self, environment: str) -> list[Cell]:
        """Return the loads whose artifacts are there, removing those that can never be done."""
        ready, later = [], []
        for cell in self._loads.jobs[environment]:
            row = cell.save
            saved = self._state.saves.get(row)
            if row in self._state.task_errors or (
                saved is None and cell.saved_with in self._state.environment_errors
            ):
                continue
            with self._state.boundary.apart(cell):
                if self._state.boundary.of(cell):
                    continue
                if saved is None:
                    later.append(cell)
                elif judge_save(saved.observation) is None and not self._follows(cell):
                    ready.append(cell)
        self._loads.keep(environment, ready + later)
        return self._equal.distinct(ready)

    def _follows(self, cell: Cell) -> bool:
        """Infer a cell from an equal one, if that was loaded already."""
        source = self._equal.source_of(cell)
        if source is None:
            return False
        infer_load(self._state, cell, source)
        self._equal.let_follow(cell, source)
        if source not in self._unfixed:
            infer_fixes(self._state, cell, source)
            self._queue_fix(cell)
        return True

    def _queue_bridges(self) -> None:
        """Queue the next chain of each cell that has no verified fix."""
        self._bridges.add_chains(next_bridges(self._state))


def largest(batches: Mapping[str, Sequence[Job]]) -> Batch | None:
    """Return the longest batch with its environment; None if all are empty."""
    name = max(batches, key=lambda name: len(batches[name]), default=None)
    return (name, list(batches[name])) if name is not None and batches[name] else None
