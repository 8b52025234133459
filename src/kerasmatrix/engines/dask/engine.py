"""The Dask engine: opens environments on the machines of a Dask cluster."""

from __future__ import annotations

import uuid

from kerasmatrix.config.matrix import Environment, Limits
from kerasmatrix.engines.base import Workplace
from kerasmatrix.engines.dask.address import check_address
from kerasmatrix.engines.dask.client import Connection
from kerasmatrix.engines.dask.inner_engine import Recipe
from kerasmatrix.engines.dask.messages import Place
from kerasmatrix.engines.dask.scheduler import Dispatch
from kerasmatrix.engines.dask.transfer import Parcels
from kerasmatrix.engines.dask.worker import DaskWorker
from kerasmatrix.engines.dask.worker_plugin import Machine
from kerasmatrix.engines.memory import FEW
from kerasmatrix.environments.locks import Lock

__all__ = ["DaskEngine"]

# How often the cluster is looked at while nothing is heard.
TICK_SECONDS = 2.0
CONNECT_SECONDS = 30.0
PATIENCE_SECONDS = 120.0
# So many tasks are one order. More would keep machines waiting at the end of a run, and lose more
# with each; fewer would have more machines make and import the same environment.
TASKS_PER_ORDER = 64


class DaskEngine:
    """The coordinator's end of a cluster.

    It goes by the name of the engine that opens environments there: what is measured depends on
    that, and not on which machine it is.
    """

    def __init__(  # noqa: PLR0913 - what it is made of
        self,
        scheduler: str,
        artifacts: str,
        recipe: Recipe,
        *,
        connect_seconds: float = CONNECT_SECONDS,
        patience: float = PATIENCE_SECONDS,
        tick: float = TICK_SECONDS,
        tasks_per_order: int = TASKS_PER_ORDER,
    ) -> None:
        """Connect to a scheduler and prepare its workers.

        Args:
            scheduler: its address.
            artifacts: where artifacts travel through: an fsspec URL that every machine can reach.
            recipe: what opens environments on the machines.
            connect_seconds: how many seconds the scheduler may take to answer at first.
            patience: how many seconds it is waited for later, and a fitting worker.
            tick: how many seconds go by between looks at the cluster while nothing is heard.
            tasks_per_order: how many tasks a machine is given at a time.

        Raises:
            UsageError: the address or the URL cannot be used.
            InfrastructureError: no scheduler answers.
        """
        check_address(scheduler)
        self.name = recipe.name
        self.sandbox = recipe.sandbox
        self.recipe = recipe.identity
        self._recipe = recipe
        self._tasks_per_order = tasks_per_order
        name = f"kerasmatrix-{uuid.uuid4().hex[:12]}"
        parcels = Parcels(artifacts)
        self._line = Connection(scheduler, Machine(name, recipe, artifacts), name, patience)
        self._dispatch = Dispatch(
            self._line,
            parcels,
            recipe,
            name=name,
            patience=patience,
            tick=tick,
            tasks_per_order=tasks_per_order,
        )
        self._line.mend(seconds=connect_seconds)

    @property
    def in_place(self) -> bool:
        """Whether workers see a run's own folders: no, they get copies when they are opened."""
        return False

    @property
    def batch(self) -> int:
        """How many tasks for one environment are taken in one go: enough for all machines."""
        return self._tasks_per_order * max(1, self.slots)

    @property
    def slots(self) -> int:
        """How many environments the cluster can be at work in now."""
        return self._dispatch.slots

    @property
    def idle_workers(self) -> int:
        """A few: the machines keep their own open."""
        return FEW

    def prepare(self, environment: Environment, lock: Lock) -> None:
        """Nothing is made here: each machine makes what it opens."""

    def open(
        self, environment: Environment, lock: Lock, workplace: Workplace, limits: Limits
    ) -> DaskWorker:
        """Have the environment made and opened on some machine, which keeps it open."""
        place = Place(
            environment,
            lock,
            limits,
            self._dispatch.bundle(workplace.scenarios)[0],
            workplace.apart,
        )
        worker = DaskWorker(
            self._dispatch, place, self._recipe.holding(environment, lock), workplace
        )
        worker.hello = worker.greet()
        return worker

    def close(self) -> None:
        """Have all machines close what they opened, and hang up."""
        self._line.close()
