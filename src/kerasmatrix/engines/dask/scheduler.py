"""What all workers of a coordinator share: where orders go, and what travels with them.

Which machine an order goes to is Dask's decision, among those whose labels fit: they have the
inner engine, this harness, and the memory. Machines that have made the environment already are
preferred while they have room; beyond that it is better made elsewhere than waited for.
"""

from __future__ import annotations

import contextlib
import hashlib
import shutil
import threading
import time
import uuid
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from distributed import Client

from kerasmatrix.engines.base import EngineLost, Hello, Task, Workplace
from kerasmatrix.engines.dask.artifact_cache import FETCHERS
from kerasmatrix.engines.dask.client import Broken, Connection, Inbox
from kerasmatrix.engines.dask.inner_engine import Recipe, engine_label
from kerasmatrix.engines.dask.job import Errand
from kerasmatrix.engines.dask.messages import (
    MEMORY_LABEL,
    Order,
    Place,
    harness_label,
    holding_label,
)
from kerasmatrix.engines.dask.transfer import Parcels
from kerasmatrix.engines.dask.worker_plugin import work
from kerasmatrix.engines.docker import WORKER_MB
from kerasmatrix.filesystem.plain_files import NotPlain, digest_tree

__all__ = ["Dispatch"]


class Dispatch:
    """Gives orders over one line. Used by several threads at once."""

    def __init__(  # noqa: PLR0913 - what it takes
        self,
        line: Connection,
        parcels: Parcels,
        recipe: Recipe,
        *,
        name: str,
        patience: float,
        tick: float,
        tasks_per_order: int,
    ) -> None:
        """Begin with nothing sent.

        Args:
            line: leads to the scheduler.
            parcels: where artifacts and scenarios travel through.
            recipe: what opens environments on the machines.
            name: of the plugin there.
            patience: how many seconds a fitting machine is waited for.
            tick: how many seconds go by between looks at the cluster.
            tasks_per_order: how many tasks a machine is given at a time.
        """
        self.line = line
        self.patience = patience
        self.tick = tick
        self.tasks_per_order = tasks_per_order
        # What workers said that were opened, by the place's key.
        self.hellos: dict[str, Hello] = {}
        # What was done after a task that ended its worker: results and artifacts, by the key of the
        # place, the folder of the run, and the task.
        self.ahead: dict[tuple[str, Path, Task], tuple[dict[str, Any], str | None]] = {}
        self._parcels = parcels
        self._recipe = recipe
        self._name = name
        self._lock = threading.Lock()
        self._held_by: dict[str, set[str]] = {}
        self._under_way: dict[str, Errand] = {}
        self._sent: set[str] = set()
        self._bundles: dict[Path, tuple[str, dict[str, str]]] = {}

    @property
    def slots(self) -> int:
        """How many orders the cluster can be at now."""
        label = engine_label(self._recipe)
        with contextlib.suppress(Broken):
            workers = self.line.look(self.line.client).workers.values()
            return int(sum(labels.get(label, 0) for labels in workers))
        return 0

    def held(self, holding: str, address: str) -> None:
        """Note that a machine has made an environment."""
        with self._lock:
            self._held_by.setdefault(holding, set()).add(address)

    def give(self, errand: Errand, order: Order, holding: str, inbox: Inbox) -> None:
        """Give an order to the cluster, waiting for a machine that it fits.

        Raises:
            Broken: the line is; `Connection.mend` it and give the order again.
            EngineLost: no machine fits, and none has come.
        """
        client = self.line.client
        resources = {
            engine_label(self._recipe): 1.0,
            harness_label(): 1.0,
            MEMORY_LABEL: float(order.place.limits.memory_mb + WORKER_MB),
        }
        fitting = self._await_fitting(client, resources)
        allowed = fitting - errand.avoided.keys() or fitting
        label = holding_label(holding)
        workers = self.line.look(client).workers
        holders = self._held_by.get(holding, set()) | {
            address for address in allowed if workers.get(address, {}).get(label)
        }
        preferred = self._with_room(allowed & holders, workers)
        future = self.line.submit(
            client,
            work,
            order,
            key=order.id,
            inbox=inbox,
            resources=resources,
            # Those to be avoided are left out by naming all others.
            workers=sorted(preferred or allowed) if preferred or allowed != fitting else [],
            only=allowed != fitting,
        )
        errand.given(order.id, client, future, fitting, preferred)
        with self._lock:
            self._under_way[order.id] = errand

    def forget(self, errand: Errand) -> None:
        """Want no more of an order, and it ended where it goes on."""
        with self._lock:
            self._under_way.pop(errand.key, None)
        self.line.forget(errand.key, errand.future)

    def _with_room(
        self, holders: set[str], workers: Mapping[str, Mapping[str, float]]
    ) -> frozenset[str]:
        """Return those that have fewer orders than they can be at, as far as is known."""
        with self._lock:
            places = [
                {errand.where} if errand.where else errand.preferred
                for errand in self._under_way.values()
            ]
        label = engine_label(self._recipe)
        room = {
            address: workers.get(address, {}).get(label, 0)
            - sum(address in place for place in places)
            for address in holders
        }
        return frozenset(address for address, slots in room.items() if slots > 0)

    def order(self, place: Place, tasks: Sequence[Task], workplace: Workplace) -> Order:
        """Return an order, all that it needs on its way already.

        Raises:
            InfrastructureError: it cannot be sent.
        """
        _, digests = self.bundle(workplace.scenarios)
        names = {task.scenario for task in tasks}
        for name in names:
            self.send(workplace.scenarios / name, digests[name])
        artifacts = {task.artifact for task in tasks if task.artifact} - self._sent
        if artifacts:
            with ThreadPoolExecutor(FETCHERS) as pool:
                folders = {digest: workplace.artifacts / digest for digest in artifacts}
                for done in [pool.submit(self.send, folders[each], each) for each in folders]:
                    done.result()
        return Order(
            # Dask learns how long an order takes by what stands before the dash.
            id=f"{place.environment.name}-{uuid.uuid4().hex}",
            engine=self._name,
            place=place,
            tasks=tuple(tasks),
            scenarios={name: digests[name] for name in sorted(names)},
        )

    def send(self, folder: Path, digest: str, *, again: bool = False) -> None:
        """See that a parcel is there."""
        if again or digest not in self._sent:
            self._parcels.put(folder, digest, again=again)
            with self._lock:
                self._sent.add(digest)

    def bring(self, digest: str, target: Path, workplace: Workplace) -> None:
        """Have an artifact that was made elsewhere in the folder ``target``."""
        with self._lock:
            self._sent.add(digest)
        here = workplace.artifacts / digest
        with contextlib.suppress(OSError, NotPlain):
            if digest_tree(here) == digest:
                shutil.copytree(here, target)
                return
        self._parcels.get(digest, target)

    def bundle(self, scenarios: Path) -> tuple[str, dict[str, str]]:
        """Return what all scenarios of a run are together, and the digest of each."""
        with self._lock:
            if scenarios not in self._bundles:
                digests = {
                    folder.name: digest_tree(folder)
                    for folder in sorted(scenarios.iterdir())
                    if folder.is_dir()
                }
                whole = hashlib.sha256(repr(sorted(digests.items())).encode()).hexdigest()
                self._bundles[scenarios] = whole[:16], digests
            return self._bundles[scenarios]

    def _await_fitting(self, client: Client, resources: dict[str, float]) -> set[str]:
        deadline = time.monotonic() + self.patience
        waiting = threading.Event()  # that nobody sets
        while True:
            workers = self.line.look(client).workers
            fitting = {
                address
                for address, labels in workers.items()
                if all(labels.get(name, 0) >= count for name, count in resources.items())
            }
            if fitting:
                return fitting
            if time.monotonic() >= deadline:
                raise self._nobody_fits(list(workers.values()), resources)
            waiting.wait(min(self.tick, self.patience))

    def _nobody_fits(
        self, workers: Sequence[Mapping[str, float]], resources: dict[str, float]
    ) -> EngineLost:
        where = f"the Dask scheduler at {self.line.address}"
        if not workers:
            return EngineLost(
                f"{where} has no workers",
                hint=f"start some with `dask worker {self.line.address}`, in an environment "
                "with the same kerasmatrix[dask]",
            )
        able = [labels for labels in workers if labels.get(harness_label())]
        if not able:
            why = f": {self.line.refusal}" if self.line.refusal else ""
            return EngineLost(
                f"{where} has {len(workers)} workers, and none has this kerasmatrix{why}",
                hint="install the same kerasmatrix[dask] where the workers run",
            )
        able = [labels for labels in able if labels.get(engine_label(self._recipe))]
        if not able:
            return EngineLost(
                f"{where} has {len(workers)} workers, and none can use {self._recipe.name}",
                hint="start a Docker Engine where the workers run, or use --on-workers local",
            )
        most = max(labels.get(MEMORY_LABEL, 0) for labels in able)
        return EngineLost(
            f"{where} has no worker with {resources[MEMORY_LABEL]:g} MB of memory: the largest "
            f"has {most:g}",
            hint="start workers with a greater `--memory-limit`, or lower limits.memory_mb in "
            "matrix.yaml",
        )
