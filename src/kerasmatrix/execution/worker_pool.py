"""The open workers of a run: one in each environment that is at work, opened when it is needed.

In a sandbox, a scenario that may run a stranger's code has a worker of its own. A worker that is
left in another condition by a file gets no further task, so that files do not affect each other.

When a worker dies, the answer to its current task says so, and the remaining tasks are given to
another worker. The pool does not know the purpose of a task.
"""

from __future__ import annotations

import contextlib
import threading
from collections import OrderedDict
from collections.abc import Callable, Generator, Sequence
from typing import Any, NamedTuple

from kerasmatrix.engines.base import (
    Engine,
    EngineDisconnected,
    Task,
    WorkDirs,
    Worker,
    WorkerDied,
    WorkerStartFailed,
    unavailable,
)
from kerasmatrix.engines.import_check import find_mismatch
from kerasmatrix.errors import InfrastructureError
from kerasmatrix.execution.plan import Plan
from kerasmatrix.filesystem.digests import HARNESS, digest_code
from kerasmatrix.results.observations import LOST

__all__ = ["EnvironmentUnavailable", "RunCancelled", "WorkerPool"]

# How many tasks a worker is given in one go, unless its engine asks for more. Tasks that are lost
# with a worker are sent again.
BATCH = 64


class EnvironmentUnavailable(Exception):
    """An environment cannot be created or opened. The message says why."""


class RunCancelled(Exception):
    """The pool was shut down while a task was under way."""


class _Key(NamedTuple):
    """The environment of a worker, and the only scenario that it gets; empty if it gets all."""

    environment: str
    scenario: str


class WorkerPool:
    """Workers that are open. Used by several threads, each in another environment."""

    def __init__(  # noqa: PLR0913 - the parts of a pool
        self,
        engine: Engine,
        *,
        isolate: bool,
        has_own_worker: Callable[[str], bool],
        prepare_dirs: Callable[[str, Task], WorkDirs],
        on_opening: Callable[[str], None],
        on_lost: Callable[[str, str], None],
    ) -> None:
        """Open nothing yet.

        Args:
            engine: opens workers.
            isolate: let no two tasks share a process: a worker is given one at a time, or its
                engine sees to it.
            has_own_worker: whether a scenario has workers of its own; wants ``isolate``.
            prepare_dirs: returns the folders for a task in an environment, ready for that task.
            on_opening: called with the environment in which a worker is being opened.
            on_lost: called with the environment whose worker died, and the reason.
        """
        self._engine = engine
        self._batch = 1 if isolate and engine.in_place else engine.batch or BATCH
        self._has_own_worker = has_own_worker
        self._prepare_dirs = prepare_dirs
        self._on_opening = on_opening
        self._on_lost = on_lost
        # In the order of their last use.
        self._workers: OrderedDict[_Key, Worker] = OrderedDict()
        self._at_work: set[_Key] = set()
        self._mutex = threading.Lock()
        self._closed = threading.Event()

    def run_tasks(
        self, plan: Plan, environment: str, tasks: Sequence[Task]
    ) -> Generator[dict[str, Any], None, None]:
        """Yield a worker's answer to each of ``tasks``, in order, as it arrives.

        If machines were lost under a task, its answer is a ``fault`` that says so.

        Raises:
            EngineDisconnected: nothing can be opened any more.
            EnvironmentUnavailable: no worker can be opened.
            RunCancelled: the pool was shut down.
        """
        waiting = list(tasks)
        while waiting:
            batch = tuple(waiting[: self._batch])
            scenario = batch[0].scenario
            key = _Key(environment, scenario if self._has_own_worker(scenario) else "")
            given = len(waiting)
            self._at_work.add(key)
            try:
                worker = self._worker(plan, key, self._prepare_dirs(environment, batch[0]))
                for task, answer in zip(batch, worker.run(batch), strict=True):
                    del waiting[0]
                    if answer.pop("spent", None):
                        self._end(key)
                    # The runner sets these fields: a process with a stranger's model must not
                    # choose an artifact.
                    yield {**answer, "artifact": None, "deadline": task.deadline}
            except WorkerDied as lost:
                self._end(key)
                if self._closed.is_set():
                    raise RunCancelled from lost
                del waiting[0]
                if lost.machine:
                    yield {"fault": str(lost)}
                    continue
                self._on_lost(environment, str(lost))
                yield _lost_with_its_worker(lost)
            finally:
                self._at_work.discard(key)
                if len(waiting) > given - len(batch):
                    self._end(key)  # its remaining answers would never be read

    def release(self, environment: str) -> None:
        """End the environment's workers, if there are any."""
        for key in [key for key in self._workers if key.environment == environment]:
            self._end(key)

    def shutdown(self) -> None:
        """End all workers, now and whenever another is opened. May be called twice."""
        self._closed.set()
        for key in list(self._workers):
            with contextlib.suppress(Exception):  # the others must be ended too
                self._end(key)

    def _end(self, key: _Key) -> None:
        with self._mutex:
            worker = self._workers.pop(key, None)
        if worker:
            worker.close()

    def _worker(self, plan: Plan, key: _Key, work_dirs: WorkDirs) -> Worker:
        """Return the worker of a key, opening one if there is none."""
        with self._mutex:
            worker = self._workers.get(key)
            if worker is not None:
                self._workers.move_to_end(key)
                return worker
        self._make_room()
        self._on_opening(key.environment)
        try:
            worker = self._open(plan, key.environment, work_dirs)
        except EngineDisconnected:
            raise
        except InfrastructureError as error:
            raise EnvironmentUnavailable(error.message) from error
        with self._mutex:
            self._workers[key] = worker
        if self._closed.is_set():
            self._end(key)
        return worker

    def _make_room(self) -> None:
        """End idle workers, if there is no room for one more.

        Files are loaded in the same order each time, so the worker that was used last is the one
        that is needed last.
        """
        surplus = len(self._workers) + 1 - self._engine.idle_workers
        for key in list(reversed(self._workers)):
            if surplus <= 0:
                return
            if key not in self._at_work:
                self._end(key)
                surplus -= 1

    def _open(self, plan: Plan, environment: str, work_dirs: WorkDirs) -> Worker:
        """Open a worker; one that dies at its start may have been killed, so another is tried.

        Raises:
            InfrastructureError: it cannot be opened, or differs from its lock.
        """
        env, lock = plan.environment(environment), plan.locks[environment]
        try:
            self._engine.prepare(env, lock)
            worker = self._engine.open(env, lock, work_dirs, plan.limits)
        except WorkerStartFailed as error:
            if self._closed.is_set():
                raise
            self._on_lost(environment, error.message)
            # Its image or virtual environment may have been removed, too.
            self._engine.prepare(env, lock)
            worker = self._engine.open(env, lock, work_dirs, plan.limits)
        mismatch = find_mismatch(worker.hello, env, lock)
        trouble = f"it is not what its lock says: {mismatch}" if mismatch else self._edited(plan)
        if trouble:
            worker.close()
            raise unavailable(env, trouble)
        return worker

    def _edited(self, plan: Plan) -> str | None:
        """Return a message if the harness has changed since the plan was made, else None."""
        if not (self._engine.in_place and plan.harness):
            return None  # other machines have a harness of their own, and are asked for theirs
        if digest_code(HARNESS) == plan.harness:
            return None
        return "kerasmatrix itself was changed after the run had begun: run again"


def _lost_with_its_worker(how: WorkerDied) -> dict[str, Any]:
    """Return the answer to a task whose worker was lost."""
    answer: dict[str, Any] = {"ended": "crashed", "stage": LOST, "log": str(how)}
    if how.memory:
        link = {"type": "MemoryError", "message": str(how)}
        answer["error"] = {**link, "chain": [link]}
    return answer
