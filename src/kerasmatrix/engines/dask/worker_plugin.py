"""What a Dask worker does for kerasmatrix: labels itself, carries out orders, keeps workers warm.

A plugin that the coordinator sends to every Dask worker, those that come later included. It opens
environments with an engine of that machine, and ends with the coordinator: what nobody has used
for a while is closed, also where nobody is left to say so.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import threading
import uuid
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from distributed import WorkerPlugin, get_worker
from distributed.worker import Worker as DaskProcess

from kerasmatrix.engines.base import Engine, Task, Worker, WorkerLost, Workplace
from kerasmatrix.engines.dask.artifact_cache import Shelf, fetch_all
from kerasmatrix.engines.dask.inner_engine import Recipe, engine_label
from kerasmatrix.engines.dask.messages import (
    HOLDING_LABEL,
    MEMORY_LABEL,
    Ending,
    Order,
    Place,
    harness_label,
    holding_label,
)
from kerasmatrix.engines.dask.transfer import ParcelMissing, Parcels
from kerasmatrix.engines.memory import machine_memory
from kerasmatrix.engines.workspace import Sight
from kerasmatrix.errors import InfrastructureError, KerasmatrixError
from kerasmatrix.harness import trees
from kerasmatrix.store.store import NoArtifact

__all__ = ["Machine", "work"]

# How long a worker stays open with nothing to do: longer than a run pauses, and not much more.
WARM_SECONDS = 180.0
MEBIBYTE = 1 << 20


@dataclass
class _Crew:
    """An open worker of the inner engine, with all that it writes to in ``folder``."""

    worker: Worker
    sight: Sight
    folder: Path
    apart: bool
    leaves: threading.Timer | None = None

    @property
    def scratch(self) -> Path:
        """Where tasks leave what they made."""
        return self.sight.place.scratch

    def results(self, tasks: Sequence[Task]) -> Iterator[tuple[Task, dict[str, Any]]]:
        """Do ``tasks``, one at a time if they are to be apart; yield each with its result.

        Raises:
            WorkerLost: the worker died.
        """
        if not tasks:
            return  # it was to be opened
        for batch in [(task,) for task in tasks] if self.apart else [tasks]:
            self.sight.turn_to(batch[0])
            yield from zip(batch, self.worker.run(batch), strict=True)

    def close(self) -> None:
        """End the worker and what it left."""
        self.worker.close()
        trees.remove(str(self.folder))


@dataclass
class _Labour:
    """An order that is being carried out. Whoever calls it off may be in another thread."""

    crew: _Crew | None = None
    off: bool = False
    lock: threading.Lock = field(default_factory=threading.Lock)

    def employ(self, crew: _Crew) -> None:
        """Work with ``crew`` from now on."""
        with self.lock:
            self.crew = crew
            if self.off:
                crew.worker.close()

    def call_off(self) -> None:
        """End it as soon as can be: its worker is closed under it."""
        with self.lock:
            self.off = True
            if self.crew:
                self.crew.worker.close()


class Machine(WorkerPlugin):
    """One Dask worker's part in a run. Made by the coordinator, alive where it is set up."""

    def __init__(self, name: str, recipe: Recipe, artifacts: str) -> None:
        """Say what it will be; nothing is opened yet.

        Args:
            name: what the plugin is called on its Dask worker.
            recipe: how environments are opened there.
            artifacts: where parcels are, as an fsspec URL.
        """
        self.name = name
        self._recipe = recipe
        self._artifacts = artifacts

    async def setup(self, worker: DaskProcess) -> None:
        """Begin on a Dask worker: find out what it has, and label it accordingly."""
        self._process = worker
        self._lock = threading.Lock()
        self._labours: dict[str, _Labour] = {}
        self._idle: dict[str, list[_Crew]] = {}
        self._engine: Engine | None = None
        self._ended = False
        self._folder = Path(worker.local_directory) / self.name
        self._shelf = Shelf(self._folder / "artifacts", Parcels(self._artifacts))
        before = worker.state.total_resources
        labels = {
            # What an earlier coordinator found here may be gone.
            **{name: 0.0 for name in before if name.startswith(HOLDING_LABEL)},
            **await asyncio.to_thread(self._labels),
        }
        # Setting them anew forgets what is taken of them at the moment.
        if any(before.get(name) != count for name, count in labels.items()):
            await worker.set_resources(**labels)

    async def teardown(self, worker: DaskProcess) -> None:  # noqa: ARG002 - that is the hook
        """Leave nothing behind: the Dask worker ends, or the coordinator has."""
        self._ended = True
        await asyncio.to_thread(self._close)

    def transition(self, key: Any, start: str, finish: str, **_: Any) -> None:  # noqa: ANN401, ARG002
        """Call off what nobody waits for any more: Dask takes no thread back by itself."""
        if finish in {"cancelled", "released", "forgotten", "error"}:
            labour = self._labours.get(key)
            if labour:
                threading.Thread(target=labour.call_off, daemon=True).start()

    def work(self, order: Order) -> Ending:
        """Carry out an order, telling of each result as it is there."""
        key = str(self._process.get_current_task())
        labour = _Labour()
        with self._lock:
            self._labours[key] = labour
        try:
            report = _Report(self._process, order)
            try:
                return self._carry_out(order, labour, report)
            except ParcelMissing as missing:
                return report.ending("missing", message=missing.reason, digest=missing.digest)
            except WorkerLost as lost:
                if labour.off:
                    # Dask may give a task that it has cancelled to the same thread again, and take
                    # this for its result: closing the worker says nothing about the model.
                    return report.ending("trouble", message="the order was called off")
                return report.ending("lost", message=str(lost), memory=lost.memory)
            except KerasmatrixError as error:
                return report.ending("trouble", message=error.message, hint=error.hint)
            except OSError as error:
                return report.ending("trouble", message=str(error))
        finally:
            with self._lock:
                del self._labours[key]

    def _labels(self) -> dict[str, float]:
        """Return this machine's labels; of each, an order takes a part."""
        total = self._process.memory_manager.memory_limit or machine_memory()
        labels: dict[str, float] = {MEMORY_LABEL: total // MEBIBYTE}
        threads = self._process.state.nthreads
        labels[harness_label()] = threads
        able = self._recipe.trouble() is None
        labels[engine_label(self._recipe)] = threads if able else 0
        if able:
            labels.update(dict.fromkeys(map(holding_label, self._recipe.held()), threads))
        return labels

    def _carry_out(self, order: Order, labour: _Labour, report: _Report) -> Ending:
        wanted = [task.artifact for task in order.tasks if task.artifact]
        scenarios = self._scenarios(order.place)
        fetch_all(
            self._shelf.parcels,
            {scenarios / name: digest for name, digest in order.scenarios.items()},
        )
        with self._shelf.holding(wanted):
            for key, tasks in self._portions(order):
                try:
                    crew = self._hire(order.place, scenarios, key)
                except InfrastructureError as error:
                    return report.ending("unavailable", message=error.message, hint=error.hint)
                try:
                    labour.employ(crew)
                    is_spent = False
                    for task, result in crew.results(tasks):
                        is_spent = bool(result.pop("spent", None)) or is_spent
                        report.result(task, *self._taken_in(crew, task, result))
                except BaseException:
                    crew.close()
                    raise
                if is_spent:
                    crew.close()
                else:
                    self._dismiss(key, crew)
        return report.ending("done", hello=crew.worker.hello)

    def _portions(self, order: Order) -> list[tuple[str, Sequence[Task]]]:
        """Return the tasks of an order by the key of the worker that does them.

        In a sandbox, each file of a stranger has a worker of its own.
        """
        key = order.place.key
        if not (order.place.apart and order.tasks and self._open_engine().sandbox):
            return [(key, order.tasks)]
        by_file = itertools.groupby(order.tasks, key=lambda task: task.scenario)
        return [(f"{key}-{scenario}", tuple(tasks)) for scenario, tasks in by_file]

    def _open_engine(self) -> Engine:
        with self._lock:
            if self._engine is None:
                self._engine = self._recipe.build(self._folder)
            return self._engine

    def _taken_in(
        self, crew: _Crew, task: Task, result: dict[str, Any]
    ) -> tuple[dict[str, Any], str | None]:
        """Return a result as a store would take it in, and the digest of what was made, if any."""
        folder = crew.scratch / task.id
        try:
            if task.kind in {"save", "take", "convert"} and result.get("ended") == "returned":
                return result, self._shelf.take_in(folder / "artifact")
        except NoArtifact as error:
            return {**result, "ended": "crashed", "value": None, "log": str(error)}, None
        finally:
            trees.remove(str(folder))
        return result, None

    def _scenarios(self, place: Place) -> Path:
        folder = self._folder / "scenarios" / place.scenarios
        folder.mkdir(parents=True, exist_ok=True)
        return folder

    def _hire(self, place: Place, scenarios: Path, key: str) -> _Crew:
        """Return an open worker of the environment: one that is idle under ``key``, or a new one.

        Raises:
            InfrastructureError: there can be none.
        """
        with self._lock:
            idle = self._idle.get(key)
            if idle:
                crew = idle.pop()
                if crew.leaves:
                    crew.leaves.cancel()
                return crew
        engine = self._open_engine()
        scratch = self._folder / "scratch" / uuid.uuid4().hex
        scratch.mkdir(parents=True)
        try:
            engine.prepare(place.environment, place.lock)
            whole = Workplace(scenarios, self._shelf.folder, scratch)
            sight = Sight(whole, place.environment.name, narrow=place.apart)
            worker = engine.open(place.environment, place.lock, sight.place, place.limits)
            return _Crew(worker, sight, scratch, place.apart)
        except BaseException:
            trees.remove(str(scratch))
            raise

    def _dismiss(self, key: str, crew: _Crew) -> None:
        """Keep a worker open for the next order, for a while."""
        with self._lock:
            ended = self._ended
            if not ended:
                crew.leaves = threading.Timer(WARM_SECONDS, self._retire, (key, crew))
                crew.leaves.daemon = True
                crew.leaves.start()
                self._idle.setdefault(key, []).append(crew)
                others = [(name, each) for name, crews in self._idle.items() for each in crews]
        if ended:
            crew.close()
            return
        # As many as can be at work: memory is reckoned for those.
        for name, each in others[: -self._process.state.nthreads]:
            self._retire(name, each)

    def _retire(self, key: str, crew: _Crew) -> None:
        with self._lock:
            idle = self._idle.get(key, [])
            if crew not in idle:
                return
            idle.remove(crew)
            if not idle:
                del self._idle[key]
        if crew.leaves:
            crew.leaves.cancel()
        crew.close()

    def _close(self) -> None:
        with self._lock:
            labours = list(self._labours.values())
            idle = [(key, crew) for key, crews in self._idle.items() for crew in crews]
        for labour in labours:
            labour.call_off()
        for key, crew in idle:
            self._retire(key, crew)
        if self._engine:
            self._engine.close()
        trees.remove(str(self._folder))


class _Report:
    """What is said about an order on its way, by one of the machines that it was given to."""

    def __init__(self, process: DaskProcess, order: Order) -> None:
        self._process = process
        self._order = order
        self._attempt = uuid.uuid4().hex
        self._answered = 0
        self._say(kind="began")

    def result(self, task: Task, result: dict[str, Any], artifact: str | None) -> None:
        """Tell what a task came to, and the digest of what it has made."""
        self._answered += 1
        self._say(kind="result", task=task.id, result=result, artifact=artifact)

    def ending(self, how: Any, **more: Any) -> Ending:  # noqa: ANN401 - see `Ending`
        """Return how it all ended."""
        return Ending(how, self._process.address, self._attempt, answered=self._answered, **more)

    def _say(self, **message: Any) -> None:  # noqa: ANN401 - it becomes JSON
        told = {
            "order": self._order.id,
            "attempt": self._attempt,
            "where": self._process.address,
            **message,
        }
        # As text: what comes out is what the harness said, to the last digit.
        self._process.log_event(self._order.engine, json.dumps(told))


def work(order: Order) -> Ending:
    """Carry out an order on the Dask worker that this is called on: the Dask task itself."""
    process = get_worker()
    machine = process.plugins.get(order.engine)
    if not isinstance(machine, Machine):
        return Ending("trouble", process.address, "", message="its coordinator is gone")
    return machine.work(order)
