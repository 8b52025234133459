"""An environment that is open in a cluster: its orders are given, heard, and given again.

A machine that is lost costs what it was at, a scheduler that is lost is waited for, and neither
says anything about a model.
"""

from __future__ import annotations

import contextlib
from collections import deque
from collections.abc import Generator, Iterator, Sequence
from concurrent.futures import CancelledError
from queue import Empty, SimpleQueue
from typing import Any

from kerasmatrix.engines.base import (
    EngineLost,
    Hello,
    Task,
    WorkerLost,
    Workplace,
)
from kerasmatrix.engines.dask.client import TROUBLES, Broken, Inbox
from kerasmatrix.engines.dask.job import Answer, Errand
from kerasmatrix.engines.dask.messages import Ending, Place
from kerasmatrix.engines.dask.scheduler import Dispatch
from kerasmatrix.errors import InfrastructureError
from kerasmatrix.filesystem.plain_files import digest_tree

__all__ = ["DaskWorker"]

# So many machines are tried in a row before something is given up.
MACHINES = 3


class DaskWorker:
    """An environment that is open somewhere in the cluster, or in several places at once.

    Closing it calls off what is under way. Machines keep what they opened until the engine is
    closed, or until nobody has used it for a while.
    """

    hello: Hello

    def __init__(
        self, dispatch: Dispatch, place: Place, holding: str, workplace: Workplace
    ) -> None:
        self._dispatch = dispatch
        self._place = place
        self._holding = holding
        self._workplace = workplace
        self._inbox: Inbox = SimpleQueue()
        self._closed = False

    def greet(self) -> Hello:
        """Have the environment opened somewhere, once for all; return what its worker says.

        Raises:
            InfrastructureError: it cannot be opened.
        """
        known = self._dispatch.hellos.get(self._place.key)
        if known is not None:
            return known
        errand = Errand(())
        for _ in self._see_through([errand]):
            pass
        if errand.ending is None or errand.ending.hello is None:
            raise InfrastructureError(errand.said, hint=errand.hint)
        self._dispatch.hellos[self._place.key] = errand.ending.hello
        return errand.ending.hello

    def run(self, tasks: Sequence[Task]) -> Iterator[dict[str, Any]]:
        """Do ``tasks`` on as many machines as they are orders; yield the results in their order.

        Raises:
            WorkerLost: a worker died at the first task that has no result, or this was closed.
            EngineLost: the cluster cannot go on.
        """
        size = self._dispatch.tasks_per_order
        come, ahead = self._dispatch.ahead, (self._place.key, self._workplace.scratch)
        rest = [task for task in tasks if (*ahead, task) not in come]
        errands = [Errand(rest[first : first + size]) for first in range(0, len(rest), size)]
        waiting = deque(tasks)
        with contextlib.closing(self._see_through(errands)) as answers:
            while waiting:
                if (*ahead, waiting[0]) not in come:
                    answer = next(answers, None)
                    if answer is None:
                        break
                    come[*ahead, answer[0]] = answer[1:]
                    continue
                task = waiting.popleft()
                yield self._with_artifact(task, *come.pop((*ahead, task)))
            for _ in answers:
                pass  # to the end, or a machine would take it for called off
        # What was done after the task that ended its worker is known when that is asked for again.
        for errand in errands:
            ending = errand.ending
            if ending is not None and ending.how == "lost":
                raise WorkerLost(ending.message, memory=ending.memory)

    def _with_artifact(
        self, task: Task, result: dict[str, Any], artifact: str | None
    ) -> dict[str, Any]:
        """Return a task's result once what it has made is here."""
        if artifact:
            folder = self._workplace.scratch / task.id / "artifact"
            self._dispatch.bring(artifact, folder, self._workplace)
        return result

    def close(self) -> None:
        """Call off what is under way."""
        self._closed = True
        self._inbox.put(("", None))

    def _see_through(self, errands: Sequence[Errand]) -> Generator[Answer, None, None]:
        """Have all orders carried out, giving them anew as often as it takes.

        Raises:
            WorkerLost: this was closed, or the environment cannot be had in the cluster any more.
            EngineLost: the cluster is gone.
        """
        under_way: dict[str, Errand] = {}
        try:
            for errand in errands:
                self._give(errand, under_way)
            while under_way:
                try:
                    key, message = self._inbox.get(timeout=self._dispatch.tick)
                except Empty:
                    self._look_after(under_way)
                    continue
                if self._closed:
                    raise WorkerLost("it was closed")
                if key in under_way:
                    yield from self._hear(under_way[key], message, under_way)
        finally:
            for errand in under_way.values():
                self._dispatch.forget(errand)

    def _hear(
        self, errand: Errand, message: dict[str, Any] | None, under_way: dict[str, Errand]
    ) -> Iterator[Answer]:
        """Act on a message about an order, or on the news that it has ended."""
        if message is not None:
            answered = errand.hear(message)
            if errand.where:
                self._dispatch.held(self._holding, errand.where)
            if answered:
                yield answered
        elif errand.ending is None:
            self._end(errand, under_way)
        if errand.ended:
            self._conclude(errand, under_way)

    def _give(self, errand: Errand, under_way: dict[str, Errand]) -> None:
        """Give an order, as often as the line breaks under it."""
        dispatch = self._dispatch
        while True:
            client = dispatch.line.client
            try:
                order = dispatch.order(self._place, list(errand.rest.values()), self._workplace)
                dispatch.give(errand, order, self._holding, self._inbox)
            except Broken:
                dispatch.line.mend(client)
            else:
                under_way[errand.key] = errand
                return

    def _give_again(self, errand: Errand, under_way: dict[str, Errand]) -> None:
        under_way.pop(errand.key, None)
        self._dispatch.forget(errand)
        self._give(errand, under_way)

    def _look_after(self, under_way: dict[str, Errand]) -> None:
        """Give orders anew whose machine, or scheduler, is gone."""
        for errand in list(under_way.values()):
            assert errand.client is not None  # noqa: S101 - it was given
            try:
                workers = self._dispatch.line.look(errand.client).workers
            except Broken:
                self._dispatch.line.mend(errand.client)
                self._give_again(errand, under_way)
                continue
            if errand.where and errand.where not in workers:
                errand.failed(None, f"{errand.where} is gone")
                self._retry(errand, under_way)
            elif not errand.where and not errand.candidates & workers.keys():
                # Nobody is left of those whom it was given to; others have come, or will.
                self._give_again(errand, under_way)
            elif errand.ending is not None:
                errand.failed(errand.where, "what it said did not arrive")
                self._retry(errand, under_way)

    def _end(self, errand: Errand, under_way: dict[str, Errand]) -> None:
        """Learn how an order has ended."""
        future, client = errand.future, errand.client
        assert future is not None  # noqa: S101 - it was given
        try:
            if future.status == "error":
                error = future.exception(timeout=self._dispatch.patience)
                errand.failed(errand.where, f"{type(error).__name__}: {error}")
                self._retry(errand, under_way)
                return
            errand.ending = future.result(timeout=self._dispatch.patience)
        except (Broken, CancelledError, *TROUBLES):
            self._dispatch.line.mend(client)
            self._give_again(errand, under_way)

    def _conclude(self, errand: Errand, under_way: dict[str, Errand]) -> None:
        """Act on how an order has ended."""
        ending = errand.ending
        assert ending is not None  # noqa: S101 - it has ended
        if ending.how == "lost" or (ending.how == "done" and not errand.rest):
            del under_way[errand.key]
            self._dispatch.forget(errand)
            return
        if ending.how == "missing":
            self._send_again(errand, ending)
        errand.failed(ending.where, ending.message, ending.hint)
        self._retry(errand, under_way)

    def _send_again(self, errand: Errand, ending: Ending) -> None:
        """Replace a parcel that is damaged, or was taken away."""
        folders = {task.artifact: self._workplace.artifacts for task in errand.rest.values()}
        if ending.digest in folders:
            folder = folders[ending.digest] / ending.digest
            self._dispatch.send(folder, ending.digest, again=True)
            return
        for folder in self._workplace.scenarios.iterdir():
            if folder.is_dir() and digest_tree(folder) == ending.digest:
                self._dispatch.send(folder, ending.digest, again=True)

    def _retry(self, errand: Errand, under_way: dict[str, Errand]) -> None:
        """Give an order anew, unless too many machines in a row could not do it."""
        if errand.failures < MACHINES:
            self._give_again(errand, under_way)
            return
        ending = errand.ending
        if not errand.rest or (ending is not None and ending.how == "unavailable"):
            self._dispatch.hellos.pop(self._place.key, None)
            if errand.rest:  # who opens it again learns why it cannot be had
                raise WorkerLost(errand.said)
            raise InfrastructureError(errand.said, hint=errand.hint)
        head = next(iter(errand.rest.values()))
        said = f"{errand.failures} Dask workers in a row did not do it: {errand.said}"
        if ending is None:
            raise WorkerLost(
                f"{head.kind} of {head.scenario} as {head.format}: {said}", machine=True
            )
        raise EngineLost(
            f"{self._place.environment.name}: {said}",
            hint=errand.hint or "see the logs of the Dask workers; what is measured is kept",
        )
