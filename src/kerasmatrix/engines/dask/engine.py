"""The Dask engine: opens environments on the workers of a Dask cluster."""

from __future__ import annotations

import uuid

from kerasmatrix.config.matrix import Environment, Limits
from kerasmatrix.engines.base import WorkDirs
from kerasmatrix.engines.dask.cluster import Cluster
from kerasmatrix.engines.dask.inner_engine import InnerEngineConfig
from kerasmatrix.engines.dask.messages import WorkerSpec
from kerasmatrix.engines.dask.transfer import ArtifactTransfer, Uploads
from kerasmatrix.engines.dask.worker import DaskWorker, Shared
from kerasmatrix.engines.dask.worker_plugin import EnvironmentPlugin
from kerasmatrix.engines.memory import FEW
from kerasmatrix.environments.locks import Lock

__all__ = ["CONNECT_SECONDS", "TASKS_PER_JOB", "DaskEngine"]

TICK_SECONDS = 2.0
CONNECT_SECONDS = 30.0
PATIENCE_SECONDS = 120.0
# The results of a job arrive together. With more tasks per job, more are repeated after a loss and
# Dask workers wait longer at the end of a run; with fewer, more of them create each environment.
TASKS_PER_JOB = 64


class DaskEngine:
    """The coordinator's side of a cluster.

    It has the name and recipe of the inner engine: results depend on that engine, not on the
    machine that ran it.
    """

    in_place = False  # workers get copies of scenarios and artifacts
    idle_workers = FEW  # Dask workers keep theirs open themselves

    def __init__(  # noqa: PLR0913 - one argument per setting
        self,
        scheduler: str,
        artifacts: str,
        inner: InnerEngineConfig,
        *,
        connect_seconds: float = CONNECT_SECONDS,
        patience: float = PATIENCE_SECONDS,
        tick: float = TICK_SECONDS,
        tasks_per_job: int = TASKS_PER_JOB,
    ) -> None:
        """Connect to a scheduler.

        Args:
            scheduler: its address.
            artifacts: the folder for artifacts, as an fsspec URL that all machines can reach.
            inner: the engine that opens environments on the Dask workers.
            connect_seconds: how many seconds the scheduler may take to answer at first.
            patience: how many seconds to wait for it later, and for a Dask worker that fits.
            tick: how many seconds pass between looks at the cluster while no job ends.
            tasks_per_job: the most tasks of a job.

        Raises:
            UsageError: the address or the URL cannot be used.
            InfrastructureError: no scheduler answers.
        """
        self.name = inner.name
        self.sandbox = inner.sandbox
        self.recipe = inner.recipe
        self._inner = inner
        self._plugin = EnvironmentPlugin(f"kerasmatrix-{uuid.uuid4().hex[:12]}", inner, artifacts)
        uploads = Uploads(ArtifactTransfer(artifacts))
        cluster = Cluster(
            scheduler, self._plugin, connect_seconds=connect_seconds, patience=patience
        )
        self._shared = Shared(cluster, uploads, tick, tasks_per_job)

    @property
    def batch(self) -> int:
        """How many tasks a worker is given at once: enough for the whole cluster."""
        return self._shared.tasks_per_job * max(1, self.slots)

    @property
    def slots(self) -> int:
        """How many jobs the cluster can run at once."""
        return self._shared.cluster.slots

    def prepare(self, environment: Environment, lock: Lock) -> None:
        """Do nothing: each Dask worker creates the environments that it opens."""

    def open(
        self, environment: Environment, lock: Lock, work_dirs: WorkDirs, limits: Limits
    ) -> DaskWorker:
        """Have the environment created and opened on some Dask worker."""
        scenarios = self._shared.uploads.digest_of_all(work_dirs.scenarios)
        spec = WorkerSpec(environment, lock, limits, scenarios, work_dirs.isolated)
        cache_name = self._inner.cache_name(environment, lock)
        return DaskWorker(self._shared, self._plugin.name, spec, cache_name, work_dirs)

    def close(self) -> None:
        """Have all Dask workers close what they opened, and disconnect."""
        self._shared.cluster.close()
