"""A Dask cluster as the coordinator sees it: its connection, and the jobs that it was given.

Dask decides which worker runs a job, among those whose labels fit. Dask also runs a job again if
its worker is lost, reconnects to a scheduler that was restarted, and cancels the old one's jobs.
"""

from __future__ import annotations

import contextlib
import threading
import time
import uuid
from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from queue import SimpleQueue
from typing import Any

from distributed import Client, Future
from distributed.client import ClosedClientError

from kerasmatrix.engines.base import EngineDisconnected, Task
from kerasmatrix.engines.dask.address import check_address
from kerasmatrix.engines.dask.messages import (
    MEMORY_LABEL,
    JobRequest,
    JobResult,
    cached_label,
    engine_label,
    harness_label,
)
from kerasmatrix.engines.dask.worker_plugin import EnvironmentPlugin, run_job
from kerasmatrix.engines.docker import docker_trouble
from kerasmatrix.engines.memory import WORKER_MB
from kerasmatrix.text.redaction import mask_secrets_of

__all__ = ["CONNECTION_ERRORS", "Cluster", "Finished", "Job", "has_docker"]

ANSWER_SECONDS = 30.0  # a scheduler that works answers in far less
FRESH_SECONDS = 1.0
# Dask raises these if the other side is gone or the client is closed. A timeout is an OSError.
CONNECTION_ERRORS = (OSError, RuntimeError, ValueError, ClosedClientError)


@dataclass(eq=False)
class Job:
    """Tasks that are one Dask task, submitted again until they have results.

    Attributes:
        tasks: the tasks without a result.
        failures: how many Dask workers in a row could not do it.
        avoided: their addresses.
        future: of the last submission.
        candidates: the addresses of the workers that fitted then.
        preferred: those that it was meant for.
    """

    tasks: tuple[Task, ...]
    failures: int = 0
    avoided: set[str] = field(default_factory=set)
    future: Future[JobResult] | None = None
    candidates: frozenset[str] = frozenset()
    preferred: frozenset[str] = frozenset()


# Receives each job with the future that ended, which may be an earlier one; None when closed.
Finished = SimpleQueue[tuple[Job, Future[JobResult]] | None]
_Labels = Mapping[str, float]


class Cluster:
    """The connection to one scheduler. Used by several threads at once."""

    def __init__(
        self, address: str, plugin: EnvironmentPlugin, *, connect_seconds: float, patience: float
    ) -> None:
        """Connect.

        Args:
            address: the scheduler's.
            plugin: is sent to every Dask worker.
            connect_seconds: how many seconds the scheduler may take to answer at first.
            patience: how many seconds to wait for it later, and for a worker that fits.

        Raises:
            UsageError: the address cannot be used.
            EngineDisconnected: no scheduler answers.
        """
        self.address = address
        self.patience = patience
        self._plugin = plugin
        self._engine_label = engine_label(plugin.inner.name)
        self._asking = threading.Lock()  # is held while a scheduler is waited for
        self._lock = threading.Lock()
        self._scheduler = ""
        self._workers: Mapping[str, _Labels] = {}
        self._asked_at = -FRESH_SECONDS
        self._cached_at: dict[str, set[str]] = {}
        self._jobs: set[Job] = set()
        self._plugin_error: str | None = None
        connect(address, connect_seconds).close()
        # Dask takes the time-out of the first connection for the later ones, too.
        self._client = connect(address, patience)

    @property
    def slots(self) -> int:
        """How many jobs the workers can run at once."""
        labels = self.workers().values()
        return int(sum(worker.get(self._engine_label, 0) for worker in labels))

    def workers(self) -> Mapping[str, _Labels]:
        """Return the labels of each worker by its address, no older than a second.

        Raises:
            EngineDisconnected: the scheduler does not answer, and did not come back.
        """
        with self._asking:
            if time.monotonic() - self._asked_at < FRESH_SECONDS:
                return self._workers
            identity = self._ask()
            if identity["id"] != self._scheduler:  # a restarted one has no plugins
                self._register_plugin()
                identity = self._ask()
            self._scheduler = identity["id"]
            workers = identity["workers"].items()
            self._workers = {name: info.get("resources", {}) for name, info in workers}
            self._asked_at = time.monotonic()
            return self._workers

    def add_cached(self, name: str, address: str) -> None:
        """Note that a worker has an environment."""
        with self._lock:
            self._cached_at.setdefault(name, set()).add(address)

    def submit(self, job: Job, request: JobRequest, cache_name: str, finished: Finished) -> None:
        """Submit a job as soon as there is a worker that fits; it goes to ``finished`` at its end.

        Workers that have the environment are preferred while they have room: making it elsewhere
        is faster than waiting for them.

        Raises:
            EngineDisconnected: no worker fits, or the scheduler is gone.
        """
        resources = {
            self._engine_label: 1.0,
            harness_label(): 1.0,
            MEMORY_LABEL: float(request.spec.limits.memory_mb + WORKER_MB),
        }
        fitting = self._await_fitting(resources)
        allowed = fitting - job.avoided or fitting
        with self._lock:
            preferred = self._with_room(allowed & self._having(cache_name))
            job.candidates, job.preferred = fitting, preferred
            self._jobs.add(job)
        is_free = allowed == fitting
        workers = preferred or (() if is_free else allowed)
        try:
            job.future = future = self._client.submit(
                run_job,
                request,
                # Dask learns how long jobs take by the part before the dash.
                key=f"{request.spec.environment.name}-{uuid.uuid4().hex}",
                pure=False,
                resources=resources,
                workers=sorted(workers) or None,
                allow_other_workers=bool(workers) and is_free,
            )
        except CONNECTION_ERRORS as error:
            self.forget(job)
            raise no_scheduler(self.address, error) from error
        future.add_done_callback(lambda future: finished.put((job, future)))

    def forget(self, job: Job) -> None:
        """Release a job. One that is running is cancelled."""
        with self._lock:
            self._jobs.discard(job)
        if job.future is not None:
            with contextlib.suppress(*CONNECTION_ERRORS):
                job.future.release()  # does not wait for the scheduler, which may be gone

    def has_lost_workers(self, job: Job) -> bool:
        """Return whether all workers that fitted a job are gone.

        Dask does not give it to others: a worker is labelled after Dask has looked for jobs for it.
        """
        return not job.candidates & self.workers().keys()

    def close(self) -> None:
        """Remove the plugin from all workers, which ends what they have open, and disconnect."""
        with contextlib.suppress(*CONNECTION_ERRORS):
            if self._client.status == "running":
                self._client.unregister_worker_plugin(self._plugin.name)
        with contextlib.suppress(*CONNECTION_ERRORS):
            self._client.close(timeout=ANSWER_SECONDS)

    def _ask(self) -> Any:  # noqa: ANN401 - Dask has no type for it
        """Return the scheduler's identity, waiting for one that is being restarted."""
        deadline = time.monotonic() + self.patience
        while True:
            try:
                if self._client.scheduler is None:
                    raise ClosedClientError("the connection is closed")
                ask = self._client.scheduler.identity
                return self._client.sync(ask, n_workers=-1, callback_timeout=ANSWER_SECONDS)
            except CONNECTION_ERRORS as error:
                if self._client.status == "closed" or time.monotonic() >= deadline:
                    raise no_scheduler(self.address, error) from error
                time.sleep(min(FRESH_SECONDS, self.patience))

    def _register_plugin(self) -> None:
        """Send the plugin. A worker that cannot load it has no labels, and gets no jobs."""
        try:
            self._client.register_plugin(self._plugin)
        except Exception as error:
            if self._client.status != "running":
                raise no_scheduler(self.address, error) from error
            self._plugin_error = f"{type(error).__name__}: {error}"

    def _having(self, cache_name: str) -> set[str]:
        """Return the addresses of the workers that have an environment."""
        label = cached_label(cache_name)
        labelled = {address for address, labels in self._workers.items() if labels.get(label)}
        return labelled | self._cached_at.get(cache_name, set())

    def _with_room(self, addresses: Collection[str]) -> frozenset[str]:
        """Return the workers that are preferred by fewer jobs than they can run."""
        jobs = Counter(address for job in self._jobs for address in job.preferred)
        slots = {
            address: self._workers.get(address, {}).get(self._engine_label, 0)
            for address in addresses
        }
        return frozenset(address for address in addresses if slots[address] > jobs[address])

    def _await_fitting(self, resources: _Labels) -> frozenset[str]:
        deadline = time.monotonic() + self.patience
        while True:
            workers = self.workers()
            fitting = frozenset(
                address
                for address, labels in workers.items()
                if all(labels.get(name, 0) >= count for name, count in resources.items())
            )
            if fitting:
                return fitting
            if time.monotonic() >= deadline:
                raise self._none_fits(list(workers.values()), resources[MEMORY_LABEL])
            time.sleep(min(FRESH_SECONDS, self.patience))

    def _none_fits(self, workers: list[_Labels], memory: float) -> EngineDisconnected:
        where = f"the Dask scheduler at {self.address}"
        same = [labels for labels in workers if labels.get(harness_label())]
        able = [labels for labels in same if labels.get(self._engine_label)]
        if not workers:
            problem = f"{where} has no workers"
            hint = (
                f"start some with `dask worker {self.address}`, in an environment with the same "
                "kerasmatrix[dask]"
            )
        elif not same:
            problem = f"{where} has {len(workers)} workers, and none has this kerasmatrix"
            if self._plugin_error:
                problem += f": {self._plugin_error}"
            hint = "install the same kerasmatrix[dask] where the workers run"
        elif not able:
            engine = self._plugin.inner.name
            problem = f"{where} has {len(workers)} workers, and none can use {engine}"
            hint = "start a Docker Engine where the workers run, or use --on-workers local"
        else:
            largest = max(labels.get(MEMORY_LABEL, 0) for labels in able)
            problem = (
                f"{where} has no worker with {memory:g} MB of memory: the largest has {largest:g}"
            )
            hint = (
                "start workers with a greater `--memory-limit`, or lower limits.memory_mb in "
                "matrix.yaml"
            )
        return EngineDisconnected(problem, hint=hint)


def connect(address: str, seconds: float) -> Client:
    """Return a client of the scheduler at ``address``.

    Raises:
        UsageError: the address cannot be used.
        EngineDisconnected: no scheduler answers within ``seconds``.
    """
    check_address(address)
    try:
        return Client(address, timeout=seconds, set_as_default=False, name="kerasmatrix")
    except (*CONNECTION_ERRORS, TypeError) as error:  # TypeError: TLS is not configured
        raise no_scheduler(address, error) from error


def no_scheduler(address: str, error: object) -> EngineDisconnected:
    """Return the error for a scheduler that does not answer."""
    return EngineDisconnected(
        mask_secrets_of(address, f"no Dask scheduler answers at {address}: {error}"),
        hint="start one with `dask scheduler`, and name its address with --scheduler",
    )


def has_docker(scheduler: str, seconds: float) -> bool:
    """Return whether a worker of a cluster has a Docker Engine.

    Raises:
        UsageError: the address cannot be used.
        EngineDisconnected: no scheduler answers within ``seconds``.
    """
    try:
        with connect(scheduler, seconds) as client:
            return None in client.run(docker_trouble, on_error="ignore").values()
    except CONNECTION_ERRORS as error:
        raise no_scheduler(scheduler, error) from error
