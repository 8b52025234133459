"""The open workers of a run: one in each environment that is at work, opened when it is needed.

In a sandbox, a scenario that may run a stranger's code has a worker of its own, and a worker that a
file has left in another condition does nothing more: what one file leaves behind meets no other.

It gives tasks to a worker and goes on when one is lost: that is the answer to the task that the
worker was at, and the others are given to another. It does not know what a task is for.
"""

from __future__ import annotations

import contextlib
import threading
from collections import OrderedDict
from collections.abc import Callable, Generator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import kerasmatrix.harness
from kerasmatrix.engines.base import (
    Engine,
    EngineLost,
    NotStarted,
    Task,
    Worker,
    WorkerLost,
    Workplace,
    unavailable,
)
from kerasmatrix.engines.import_check import find_mismatch
from kerasmatrix.errors import InfrastructureError
from kerasmatrix.execution.plan import Plan
from kerasmatrix.filesystem.digests import digest_folder
from kerasmatrix.results.observations import LOST

__all__ = ["Crew", "NotToBeHad", "Stopped"]

HARNESS = Path(kerasmatrix.harness.__file__).parent
# As many tasks are given to a worker in one go, unless its engine asks for more: what is lost with
# it is sent again.
BATCH = 64


class NotToBeHad(Exception):
    """An environment cannot be had. The message says why."""


class Stopped(Exception):
    """The crew was sent home while a task was under way."""


class _Key(NamedTuple):
    """What a worker is for: an environment, and one scenario of it or (empty) all."""

    environment: str
    scenario: str


class Crew:
    """Open workers. Used by several threads, each in another environment."""

    def __init__(  # noqa: PLR0913 - what a crew is made of
        self,
        engine: Engine,
        *,
        isolate: bool,
        separate: Callable[[str], bool],
        place: Callable[[str, Task], Workplace],
        opening: Callable[[str], None],
        lost: Callable[[str, str], None],
    ) -> None:
        """Open nothing yet.

        Args:
            engine: what opens workers.
            isolate: let no two tasks share a process: a worker is given one at a time, or its
                engine sees to it.
            separate: whether a scenario has workers of its own; wants ``isolate``.
            place: returns the folders for a task in an environment, ready for that task.
            opening: told the environment in which a worker is being opened.
            lost: told the environment whose worker died, and how.
        """
        self._engine = engine
        self._batch = 1 if isolate and engine.in_place else engine.batch or BATCH
        self._separate = separate
        self._place = place
        self._opening = opening
        self._lost = lost
        # The one that was used last is the last.
        self._workers: OrderedDict[_Key, Worker] = OrderedDict()
        self._at_work: set[_Key] = set()
        self._mutex = threading.Lock()
        self._home = threading.Event()

    def answers(
        self, plan: Plan, environment: str, tasks: Sequence[Task]
    ) -> Generator[dict[str, Any], None, None]:
        """Yield a worker's answer to each of ``tasks``, in order, as it comes.

        Where machines were lost under a task there is none, but a ``fault`` that says so.

        Raises:
            EngineLost: nothing can be opened any more.
            NotToBeHad: there is no worker.
            Stopped: the crew was sent home.
        """
        waiting = list(tasks)
        while waiting:
            batch = tuple(waiting[: self._batch])
            scenario = batch[0].scenario
            key = _Key(environment, scenario if self._separate(scenario) else "")
            given = len(waiting)
            self._at_work.add(key)
            try:
                worker = self._worker(plan, key, self._place(environment, batch[0]))
                for task, answer in zip(batch, worker.run(batch), strict=True):
                    del waiting[0]
                    if answer.pop("spent", None):
                        self._end(key)
                    yield {**answer, "artifact": None, "deadline": task.deadline}
            except WorkerLost as lost:
                self._end(key)
                if self._home.is_set():
                    raise Stopped from lost
                del waiting[0]
                if lost.machine:
                    yield {"fault": str(lost)}
                    continue
                self._lost(environment, str(lost))
                yield _lost_with_its_worker(lost)
            finally:
                self._at_work.discard(key)
                if len(waiting) > given - len(batch):
                    self._end(key)  # its remaining answers would never be read

    def dismiss(self, environment: str) -> None:
        """End the environment's workers, if there are any."""
        for key in [key for key in self._workers if key.environment == environment]:
            self._end(key)

    def go_home(self) -> None:
        """End all workers, now and whenever another is opened. May be called twice."""
        self._home.set()
        for key in list(self._workers):
            with contextlib.suppress(Exception):  # the others must be ended all the same
                self._end(key)

    def _end(self, key: _Key) -> None:
        with self._mutex:
            worker = self._workers.pop(key, None)
        if worker:
            worker.close()

    def _worker(self, plan: Plan, key: _Key, place: Workplace) -> Worker:
        """Return the worker of a key, opening one if there is none."""
        with self._mutex:
            worker = self._workers.get(key)
            if worker is not None:
                self._workers.move_to_end(key)
                return worker
        self._make_room()
        self._opening(key.environment)
        try:
            worker = self._open(plan, key.environment, place)
        except EngineLost:
            raise
        except InfrastructureError as error:
            raise NotToBeHad(error.message) from error
        with self._mutex:
            self._workers[key] = worker
        if self._home.is_set():
            self._end(key)
        return worker

    def _make_room(self) -> None:
        """End workers that do nothing, if there is no room for one more.

        All files are turned to in the same order each time, so the worker that was used last is
        the one that is needed last.
        """
        surplus = len(self._workers) + 1 - self._engine.idle_workers
        for key in list(reversed(self._workers)):
            if surplus <= 0:
                return
            if key not in self._at_work:
                self._end(key)
                surplus -= 1

    def _open(self, plan: Plan, environment: str, place: Workplace) -> Worker:
        """Open a worker; one that dies at the start may have been killed, so another is tried.

        Raises:
            InfrastructureError: there is none, or it is not what its results would be filed under.
        """
        env, lock = plan.environment(environment), plan.locks[environment]
        try:
            self._engine.prepare(env, lock)
            worker = self._engine.open(env, lock, place, plan.limits)
        except NotStarted as error:
            if self._home.is_set():
                raise
            self._lost(environment, error.message)
            # Its image or virtual environment may have been removed, too.
            self._engine.prepare(env, lock)
            worker = self._engine.open(env, lock, place, plan.limits)
        mismatch = find_mismatch(worker.hello, env, lock)
        trouble = f"it is not what its lock says: {mismatch}" if mismatch else self._edited(plan)
        if trouble:
            worker.close()
            raise unavailable(env, trouble)
        return worker

    def _edited(self, plan: Plan) -> str | None:
        """Return that the harness is not the one that the plan's keys name any more, or None."""
        if not (self._engine.in_place and plan.harness):
            return None  # other machines have a harness of their own, and are asked for theirs
        if digest_folder(HARNESS) == plan.harness:
            return None
        return "kerasmatrix itself was changed after the run had begun: run again"


def _lost_with_its_worker(how: WorkerLost) -> dict[str, Any]:
    """Return the answer to a task whose worker was lost."""
    answer: dict[str, Any] = {"ended": "crashed", "stage": LOST, "log": str(how)}
    if how.memory:
        link = {"type": "MemoryError", "message": str(how)}
        answer["error"] = {**link, "chain": [link]}
    return answer
