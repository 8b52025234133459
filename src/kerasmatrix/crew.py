"""The open workers of a run: one in each environment that is at work, opened when it is needed.

It gives tasks to a worker and goes on when one is lost: that is the answer to the task that the
worker was at, and the others are given to another. It does not know what a task is for.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Generator, Sequence
from pathlib import Path
from typing import Any

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
from kerasmatrix.engines.imported import find_mismatch
from kerasmatrix.errors import InfrastructureError
from kerasmatrix.outcome import LOST
from kerasmatrix.plan import Plan, digest_folder

__all__ = ["Crew", "NotToBeHad", "Stopped"]

HARNESS = Path(kerasmatrix.harness.__file__).parent
# As many tasks are given to a worker in one go, unless its engine asks for more: what is lost with
# it is sent again.
BATCH = 64


class NotToBeHad(Exception):
    """An environment cannot be had. The message says why."""


class Stopped(Exception):
    """The crew was sent home while a task was under way."""


class Crew:
    """Workers by environment. Used by several threads, each in another environment."""

    def __init__(
        self,
        engine: Engine,
        *,
        isolate: bool,
        before: Callable[[str, Task], None],
        opening: Callable[[str], None],
        lost: Callable[[str, str], None],
    ) -> None:
        """Open nothing yet.

        Args:
            engine: what opens workers.
            isolate: let no two tasks share a process: a worker is given one at a time, or its
                engine sees to it.
            before: told the environment and the first task of what its worker is given next.
            opening: told the environment in which a worker is being opened.
            lost: told the environment whose worker died, and how.
        """
        self._engine = engine
        self._batch = 1 if isolate and engine.in_place else engine.batch or BATCH
        self._before = before
        self._opening = opening
        self._lost = lost
        self._workers: dict[str, Worker] = {}
        self._mutex = threading.Lock()
        self._home = threading.Event()

    def answers(
        self, plan: Plan, environment: str, tasks: Sequence[Task], place: Workplace
    ) -> Generator[dict[str, Any], None, None]:
        """Yield a worker's answer to each of ``tasks``, in order, as it comes.

        Where machines were lost under a task there is none, but a ``fault`` that says so.

        Raises:
            EngineLost: nothing can be opened any more.
            NotToBeHad: there is no worker.
            Stopped: the crew was sent home.
        """
        waiting = list(tasks)
        try:
            while waiting:
                worker = self._worker(plan, environment, place)
                batch = tuple(waiting[: self._batch])
                self._before(environment, batch[0])
                try:
                    for task, answer in zip(batch, worker.run(batch), strict=True):
                        del waiting[0]
                        yield {**answer, "artifact": None, "deadline": task.deadline}
                except WorkerLost as lost:
                    self.dismiss(environment)
                    if self._home.is_set():
                        raise Stopped from lost
                    del waiting[0]
                    if lost.machine:
                        yield {"fault": str(lost)}
                        continue
                    self._lost(environment, str(lost))
                    yield _lost_with_its_worker(lost)
        finally:
            if waiting:
                self.dismiss(environment)  # it is at work for nobody

    def dismiss(self, environment: str) -> None:
        """End the environment's worker, if there is one."""
        with self._mutex:
            worker = self._workers.pop(environment, None)
        if worker:
            worker.close()

    def go_home(self) -> None:
        """End all workers, now and whenever another is opened. May be called twice."""
        self._home.set()
        for environment in list(self._workers):
            with contextlib.suppress(Exception):  # the others must be ended all the same
                self.dismiss(environment)

    def _worker(self, plan: Plan, environment: str, place: Workplace) -> Worker:
        """Return the environment's worker, opening one if there is none."""
        worker = self._workers.get(environment)
        if worker is None:
            self._opening(environment)
            try:
                worker = self._open(plan, environment, place)
            except EngineLost:
                raise
            except InfrastructureError as error:
                raise NotToBeHad(error.message) from error
            with self._mutex:
                self._workers[environment] = worker
            if self._home.is_set():
                self.dismiss(environment)
        return worker

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
