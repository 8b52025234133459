"""The schedule of a check by a clock of its own: who does what when, without anything being done.

What is done next is asked of the program's own agenda; how a machine of a cluster keeps workers
open, how orders are cut and who waits for whom is told here a second time. Machines are alike and
none is lost, and orders go to the first that is free, with one that has the environment open before
others: Dask decides with less knowledge of what is to come, and by other rules.
"""

from __future__ import annotations

import dataclasses
import datetime
import heapq
import itertools
import math
from collections import deque
from collections.abc import Callable, Iterator, Mapping

import waiting
from waiting import compared

from kerasmatrix.engines.dask.engine import TASKS_PER_ORDER
from kerasmatrix.engines.memory import FEW
from kerasmatrix.execution.attempts import Causes
from kerasmatrix.execution.evaluate import Observed
from kerasmatrix.execution.plan import Plan
from kerasmatrix.execution.work_queue import Agenda, Job
from kerasmatrix.results.observations import (
    Cell,
    LoadObservation,
    Measured,
    Save,
    SaveObservation,
)

__all__ = ["Constants", "Schedule", "formula", "on_cluster", "on_one_machine"]

WHEN = datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC)
SAVED = Measured(SaveObservation(ended="returned", value=waiting.SAVED, artifact="it"), WHEN)
LOADED = Measured(LoadObservation(ended="returned", value=waiting.LOADED), WHEN)


@dataclasses.dataclass(frozen=True)
class Constants:
    """What things take, in seconds; tasks by kind, imports by environment.

    ``around_task`` is what a machine takes for a task beyond the task, ``order`` what an order
    takes beyond its tasks, and ``answer`` what the coordinator takes to file an answer, which it
    does one at a time.
    """

    imports: Mapping[str, float]
    tasks: Mapping[str, float]
    around_task: float = 0.0
    order: float = 0.0
    answer: float = 0.0


@dataclasses.dataclass
class Schedule:
    """What came out: the wall time, and how often environments were opened and orders given."""

    seconds: float = 0.0
    tasks: int = 0
    opened: int = 0
    orders: int = 0
    filing: float = 0.0


def formula(
    plan: Plan,
    constants: Constants,
    slots: int,
    *,
    weight: int = 1,
    tasks_per_order: int | None = TASKS_PER_ORDER,
) -> float:
    """Return the wall time by one formula, which knows nothing of who waits for whom.

    It has each order open its environment, since another was there before; where there are no
    orders (None), each environment is opened twice, for loads after saves.
    """
    environments = [env.name for env in plan.selection.environments]
    files = len(plan.scenarios) * weight
    imports = sum(constants.imports[name] for name in environments)
    tasks = 2 * files * len(environments)
    work = files * len(environments) * sum(constants.tasks.values()) + tasks * constants.around_task
    per_environment = 2 if tasks_per_order is None else 2 * math.ceil(files / tasks_per_order)
    opening = per_environment * (imports + constants.order * len(environments))
    return max((work + opening) / slots, tasks * constants.answer)


class _Clock:
    """Does things in the order of their times."""

    def __init__(self) -> None:
        self.now = 0.0
        self._waiting: list[tuple[float, int, Callable[[], None]]] = []
        self._numbers = itertools.count()

    def at(self, when: float, act: Callable[[], None]) -> None:
        """Do something then."""
        heapq.heappush(self._waiting, (when, next(self._numbers), act))

    def run(self) -> None:
        """Do all there is to do."""
        while self._waiting:
            self.now, _, act = heapq.heappop(self._waiting)
            act()


class _Coordinator:
    """A run: threads that take environments from the agenda, and the file of answers."""

    def __init__(self, plan: Plan, constants: Constants, clock: _Clock, weight: int) -> None:
        self.constants = constants
        self.clock = clock
        self.weight = weight
        self.told = Schedule()
        self._first: Plan | None = plan
        self._observed = Observed()
        self._plan = plan
        self.agenda = Agenda(plan, self._observed, Causes(plan), room=lambda: FEW)
        self._free_at = 0.0

    def take(self) -> tuple[str, list[Job]] | None:
        """Return what a thread does next; None if there is nothing now."""
        batch = self.agenda.take()
        if batch is None and self.agenda.idle and self._first is not None:
            self._plan, self._observed = compared(self._first, self._observed)
            self._first = None
            self.agenda = Agenda(self._plan, self._observed, Causes(self._plan), room=lambda: FEW)
            batch = self.agenda.take()
        return batch

    def file(self, answers: int) -> float:
        """Return when so many answers that are here now are filed."""
        seconds = answers * self.constants.answer
        self.told.tasks += answers
        self.told.filing += seconds
        self._free_at = max(self._free_at, self.clock.now) + seconds
        return self._free_at

    def done(self, environment: str, jobs: list[Job]) -> None:
        """Note that the jobs of a batch are done, as a run would."""
        for job in jobs:
            if isinstance(job, Cell):
                self._observed.loads[job] = LOADED
                self.agenda.loaded(job)
                self.agenda.done(job)
            elif isinstance(job, Save):
                self._observed.saves[job] = SAVED
        self.agenda.free(environment)
        self.told.seconds = self.clock.now


def _kind(jobs: list[Job]) -> str:
    return "load" if isinstance(jobs[0], Cell) else "take"


def on_one_machine(plan: Plan, constants: Constants, slots: int, weight: int = 1) -> Schedule:
    """Simulate a check on one machine: ``slots`` environments at work at a time."""
    clock = _Clock()
    run = _Coordinator(plan, constants, clock, weight)
    idle = slots
    open_workers: set[str] = set()

    def begin() -> None:
        nonlocal idle
        while idle and (batch := run.take()) is not None:
            idle -= 1
            environment, jobs = batch
            seconds = 0.0
            if environment not in open_workers:
                run.told.opened += 1
                seconds = constants.imports[environment]
            if run.agenda.keeps_workers:
                open_workers.add(environment)
            count = len(jobs) * weight
            # What is apart is asked for one by one, and filed before the next.
            seconds += count * (constants.tasks[_kind(jobs)] + constants.answer)
            run.told.tasks += count
            run.told.filing += count * constants.answer
            clock.at(clock.now + seconds, lambda what=(environment, jobs): end(*what))

    def end(environment: str, jobs: list[Job]) -> None:
        nonlocal idle
        run.done(environment, jobs)
        idle += 1
        begin()

    begin()
    clock.run()
    return run.told


@dataclasses.dataclass
class _Machine:
    """A machine: its free slots, and the workers that are open and idle, the oldest first."""

    slots: int
    free: int
    idle: list[str] = dataclasses.field(default_factory=list)


class _Cluster:
    """Machines and the orders that wait for them."""

    def __init__(self, run: _Coordinator, machines: int, slots: int) -> None:
        self._run = run
        self._machines = [_Machine(slots, slots) for _ in range(machines)]
        self._queue: deque[tuple[str, str, int, Callable[[], None]]] = deque()

    def give(self, environment: str, kind: str, tasks: int, then: Callable[[], None]) -> None:
        """Have an order done by the first machine that is free."""
        self._queue.append((environment, kind, tasks, then))
        self._hand_out()

    def _hand_out(self) -> None:
        while self._queue:
            environment = self._queue[0][0]
            free = [machine for machine in self._machines if machine.free]
            if not free:
                return
            _, kind, tasks, then = self._queue.popleft()
            machine = max(free, key=lambda each: (environment in each.idle, each.free))
            self._begin(machine, environment, kind, tasks, then)

    def _begin(
        self, machine: _Machine, environment: str, kind: str, tasks: int, then: Callable[[], None]
    ) -> None:
        run, constants = self._run, self._run.constants
        machine.free -= 1
        run.told.orders += 1
        seconds = constants.order
        if environment in machine.idle:
            machine.idle.remove(environment)
        else:
            run.told.opened += 1
            seconds += constants.imports[environment]
        if tasks:
            seconds += tasks * (constants.tasks[kind] + constants.around_task)

        def end() -> None:
            machine.free += 1
            machine.idle.append(environment)
            del machine.idle[: -machine.slots]
            run.clock.at(run.file(tasks), then)
            self._hand_out()

        run.clock.at(run.clock.now + seconds, end)


class _ClusterRun:
    """A check over a cluster: its threads, of which each has an environment at work at a time."""

    def __init__(
        self, run: _Coordinator, cluster: _Cluster, slots: int, tasks_per_order: int
    ) -> None:
        self._run = run
        self._cluster = cluster
        self._tasks_per_order = tasks_per_order
        self._in_one_go = tasks_per_order * slots
        self._greeted: set[str] = set()
        self._idle: list[_Thread] = []

    def begin(self, threads: int) -> None:
        """Let so many threads begin."""
        for _ in range(threads):
            self._idle.append(_Thread(self._work))
        self._wake()

    def _wake(self) -> None:
        woken, self._idle = self._idle, []
        for thread in woken:
            self._run.clock.at(self._run.clock.now, thread.go_on)

    def _work(self, thread: _Thread) -> Iterator[None]:
        """Yield wherever the thread waits; whoever ends its wait lets it go on."""
        while True:
            batch = self._run.take()
            if batch is None:
                self._idle.append(thread)
                yield
                continue
            environment, jobs = batch
            kind, left = _kind(jobs), len(jobs) * self._run.weight
            if environment not in self._greeted:
                self._greeted.add(environment)
                self._cluster.give(environment, kind, 0, thread.go_on)
                yield
            while left:
                count = min(left, self._in_one_go)
                left -= count
                self._give(environment, kind, count, thread)
                yield
            self._run.done(environment, jobs)
            self._wake()

    def _give(self, environment: str, kind: str, tasks: int, thread: _Thread) -> None:
        """Give orders for so many tasks; the thread goes on when all of them are filed."""
        size = self._tasks_per_order
        sizes = [min(size, tasks - first) for first in range(0, tasks, size)]
        thread.awaits = len(sizes)
        for each in sizes:
            self._cluster.give(environment, kind, each, thread.one_is_filed)


class _Thread:
    """Goes on when the last of what it waits for is there."""

    def __init__(self, work: Callable[[_Thread], Iterator[None]]) -> None:
        self.awaits = 0
        self._steps = work(self)

    def go_on(self) -> None:
        """Go on until it waits again."""
        next(self._steps, None)

    def one_is_filed(self) -> None:
        """Note that an order is."""
        self.awaits -= 1
        if not self.awaits:
            self.go_on()


def on_cluster(  # noqa: PLR0913 - what there is to say of a cluster
    plan: Plan,
    constants: Constants,
    machines: int,
    slots: int,
    *,
    weight: int = 1,
    tasks_per_order: int = TASKS_PER_ORDER,
) -> Schedule:
    """Simulate a check over a cluster of ``machines`` with so many slots each."""
    clock = _Clock()
    run = _Coordinator(plan, constants, clock, weight)
    cluster = _Cluster(run, machines, slots)
    threads = min(machines * slots, len(plan.selection.environments))
    _ClusterRun(run, cluster, machines * slots, tasks_per_order).begin(threads)
    clock.run()
    return run.told
