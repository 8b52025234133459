"""A Dask cluster as the coordinator sees it: its connection, and the jobs that it was given.

Dask decides which worker runs a job, among those whose labels fit. Dask also runs a job again if
its worker is lost, reconnects to a scheduler that was restarted, and cancels the old one's jobs.
"""

from __future__ import annotations

import asyncio
import contextlib
import threading
import time
import uuid
from collections import Counter, defaultdict
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

from distributed import CancelledError, Client, Future, Security, wait
from distributed.client import FIRST_COMPLETED, ClosedClientError
from distributed.comm.core import connect as open_connection

from kerasmatrix.engines.base import EngineDisconnected, Task
from kerasmatrix.engines.dask.messages import (
    CACHED_LABEL,
    ENGINE_LABEL,
    MEMORY_LABEL,
    JobResult,
    WorkerSpec,
    harness_label,
)
from kerasmatrix.engines.dask.worker_plugin import EnvironmentPlugin, run_job
from kerasmatrix.engines.docker import docker_trouble
from kerasmatrix.engines.memory import WORKER_MB
from kerasmatrix.errors import UsageError
from kerasmatrix.text.escape import brief
from kerasmatrix.text.redaction import mask_secrets_of

__all__ = ["CONNECTION_ERRORS", "MOST_FAILURES", "Cluster", "Job", "has_docker"]

CONNECT_SECONDS = 30.0  # the default of distributed.comm.timeouts.connect
ANSWER_SECONDS = 30.0  # a scheduler that works answers in far less
# How long an answer of the scheduler is used. Each thread asks before each job, and while it waits.
FRESH_SECONDS = 1.0
# A job is given up when so many Dask workers in a row could not do it.
MOST_FAILURES = 3
# Dask raises these if the other side is gone or the client is closed. A timeout is an OSError.
CONNECTION_ERRORS = (OSError, RuntimeError, ValueError, ClosedClientError)
ADDRESS_HINT = (
    "start one with `dask scheduler`, and name the address that it prints, like tcp://HOST:8786; "
    "for tls://, set distributed.comm.tls (ca-file, client.cert, client.key) in Dask's "
    "configuration, or in DASK_DISTRIBUTED__COMM__TLS__CA_FILE and so on"
)

_Labels = Mapping[str, float]


@dataclass(eq=False)
class Job:
    """Tasks that are one Dask task, submitted again until they have results.

    Attributes:
        tasks: the tasks without a result.
        failures: how many Dask workers in a row could not do it.
        avoided: their addresses.
        losses: how often all workers that fitted were lost.
        future: of the last submission.
        candidates: the addresses of the workers that fitted then.
        preferred: those that it was meant for.
    """

    tasks: tuple[Task, ...]
    failures: int = 0
    avoided: set[str] = field(default_factory=set)
    losses: int = 0
    future: Future[JobResult] | None = None
    candidates: set[str] = field(default_factory=set)
    preferred: set[str] = field(default_factory=set)


class Cluster:
    """The connection to one scheduler. Used by several threads at once."""

    def __init__(self, address: str, plugin: EnvironmentPlugin, patience: float) -> None:
        """Connect.

        Args:
            address: the scheduler's.
            plugin: is sent to every Dask worker.
            patience: see `DaskEngine`.

        Raises:
            UsageError: the address cannot be used.
            EngineDisconnected: no scheduler answers.
        """
        self.address = address
        self.patience = patience
        self._plugin = plugin
        self._engine = ENGINE_LABEL + plugin.inner.name
        self._asking = threading.Lock()  # is held while the scheduler is asked
        self._scheduler = ""
        self._workers: dict[str, _Labels] = {}
        self._asked_at = -FRESH_SECONDS
        self._plugin_error = ""
        self._lock = threading.Lock()
        self._cached_at: defaultdict[str, set[str]] = defaultdict(set)
        self._jobs: set[Job] = set()
        check_connection(address)
        self._client = open_client(address, patience)

    def slots(self, task_mb: float = 0) -> int:
        """Return how many jobs with tasks of ``task_mb`` MB the workers can run at once.

        Raises: see `_await_workers`.
        """
        workers = self._await_workers(task_mb).values()
        return int(sum(labels[self._engine] for labels in workers))

    def add_cached(self, name: str, address: str) -> None:
        """Note that a worker has an environment."""
        with self._lock:
            self._cached_at[name].add(address)

    def submit(self, job: Job, spec: WorkerSpec, scenarios: Mapping[str, str]) -> None:
        """Submit a job as soon as there is a worker that fits.

        Workers that have the environment are preferred while they have room: making it elsewhere
        is faster than waiting for them.

        Raises:
            EngineDisconnected: no worker fits, or the scheduler is gone.
        """
        workers = self._await_workers(spec.limits.memory_mb)
        allowed = workers.keys() - job.avoided or workers.keys()
        with self._lock:
            busy = Counter(address for other in self._jobs for address in other.preferred)
            job.preferred = {
                address
                for address in allowed
                if workers[address].get(CACHED_LABEL + spec.cache_name)
                or address in self._cached_at[spec.cache_name]
                if workers[address][self._engine] > busy[address]
            }
            job.candidates = set(workers)
            self._jobs.add(job)
        chosen = job.preferred or (allowed if job.avoided else ())
        try:
            job.future = self._client.submit(
                run_job,
                self._plugin.name,
                spec,
                job.tasks,
                scenarios,
                # Dask learns how long jobs take by the part before the dash.
                key=f"{spec.environment.name}-{uuid.uuid4().hex}",
                pure=False,
                retries=MOST_FAILURES - 1,
                resources=self._needs(spec.limits.memory_mb),
                workers=sorted(chosen) or None,
                # Once none of these is left, Dask takes any worker, whatever its labels are
                # (decide_worker in distributed/scheduler.py of 2026.8). `run_job` refuses there.
                allow_other_workers=bool(chosen),
            )
        except CONNECTION_ERRORS as error:
            raise no_scheduler(self.address, error) from error

    def wait(self, jobs: Collection[Job]) -> None:
        """Wait until one of some jobs has ended, or the cluster may have changed."""
        # A cancelled job has ended, too: Dask raises for it. The caller looks at each future.
        with self._client.as_current(), contextlib.suppress(CancelledError, *CONNECTION_ERRORS):
            wait([job.future for job in jobs], FRESH_SECONDS, FIRST_COMPLETED)

    def has_lost_workers(self, job: Job) -> bool:
        """Return whether all workers that fitted a job are gone.

        Dask does not give it to others that come later. They have no labels yet when Dask looks for
        jobs for them, and a job that prefers workers waits for these
        (bulk_schedule_unrunnable_after_adding_worker in distributed/scheduler.py of 2026.8).
        """
        return not job.candidates & self._await_workers(0).keys()

    def release(self, job: Job) -> None:
        """Forget a job. Dask cancels one that is running."""
        with self._lock:
            self._jobs.discard(job)
        if job.future is not None:
            with contextlib.suppress(*CONNECTION_ERRORS):
                job.future.release()  # does not wait for the scheduler, which may be gone

    def close(self) -> None:
        """Remove the plugin from all workers, which ends what they have open, and disconnect."""
        with contextlib.suppress(*CONNECTION_ERRORS):
            # While the scheduler is away, this would wait for the time-out of a connection.
            if self._client.status == "running":
                self._client.unregister_worker_plugin(self._plugin.name)
        with contextlib.suppress(*CONNECTION_ERRORS):
            self._client.close(timeout=ANSWER_SECONDS)

    def _needs(self, task_mb: float) -> dict[str, float]:
        return {self._engine: 1, harness_label(): 1, MEMORY_LABEL: task_mb + WORKER_MB}

    def _await_workers(self, task_mb: float) -> dict[str, _Labels]:
        """Return the labels of the workers that can run a job with tasks of ``task_mb`` MB.

        Raises:
            EngineDisconnected: there is none, or no scheduler, and did not come in time.
        """
        deadline = time.monotonic() + self.patience
        while True:
            try:
                workers = self._ask()
                needs = self._needs(task_mb).items()
                fitting = {
                    address: labels
                    for address, labels in workers.items()
                    if all(labels.get(name, 0) >= count for name, count in needs)
                }
                if fitting:
                    return fitting
                error = self._none_fits(workers, task_mb + WORKER_MB)
            except CONNECTION_ERRORS as problem:
                error = no_scheduler(self.address, problem)
            if self._client.status == "closed" or time.monotonic() >= deadline:
                raise error
            time.sleep(min(FRESH_SECONDS, self.patience))

    def _ask(self) -> dict[str, _Labels]:
        """Return the labels of each worker by its address, no older than a second."""
        with self._asking:
            if time.monotonic() - self._asked_at < FRESH_SECONDS:
                return self._workers
            if self._client.scheduler is None:
                raise ClosedClientError("the connection is closed")
            # `Client.scheduler_info` would hide that the connection is lost: it catches OSError
            # (distributed/client.py of 2026.8).
            ask = self._client.scheduler.identity
            identity = self._client.sync(ask, n_workers=-1, callback_timeout=ANSWER_SECONDS)
            if identity["id"] != self._scheduler:  # a restarted one has no plugins
                self._register_plugin()
                self._scheduler = identity["id"]
                identity = self._client.sync(ask, n_workers=-1, callback_timeout=ANSWER_SECONDS)
            workers = identity["workers"].items()
            self._workers = {address: info.get("resources", {}) for address, info in workers}
            self._asked_at = time.monotonic()
            return self._workers

    def _register_plugin(self) -> None:
        """Send the plugin. A worker that cannot load it has no labels, and gets no jobs."""
        try:
            self._client.register_plugin(self._plugin)
        except Exception as error:
            if self._client.status != "running":
                raise ClosedClientError(str(error)) from error
            self._plugin_error = f": {type(error).__name__}: {error}"

    def _none_fits(self, workers: Mapping[str, _Labels], memory: float) -> EngineDisconnected:
        same = [labels for labels in workers.values() if labels.get(harness_label())]
        able = [labels for labels in same if labels.get(self._engine)]
        if not workers:
            problem = "no workers"
            hint = f"start some with `dask worker {self.address}`, with the same kerasmatrix[dask]"
        elif not same:
            problem = f"{len(workers)} workers, and none has this kerasmatrix{self._plugin_error}"
            hint = "install the same kerasmatrix[dask] where the workers run"
        elif not able:
            problem = f"{len(workers)} workers, and none can use {self._plugin.inner.name}"
            hint = "start a Docker Engine where the workers run, or use --on-workers local"
        else:
            most = max(labels.get(MEMORY_LABEL, 0) for labels in able)
            problem = f"no worker with {memory:g} MB of memory: the largest has {most:g}"
            hint = "start some with a greater `--memory-limit`, or lower limits.memory_mb"
        return EngineDisconnected(f"the Dask scheduler at {self.address} has {problem}", hint=hint)


def check_connection(address: str) -> None:
    """Check that something answers at an address, and that Dask's configuration suits it.

    A client would leave threads behind that delay the end of the program, and would take the
    time-out of its first connection for all later ones.

    Raises:
        UsageError: the address cannot be used.
        EngineDisconnected: nothing answers.
    """

    async def connect() -> None:
        options = Security().get_connection_args("client")
        async with asyncio.timeout(CONNECT_SECONDS):
            connection = await open_connection(address, timeout=CONNECT_SECONDS, **options)
            await connection.close()

    try:
        asyncio.run(connect())
    except OSError as error:
        raise no_scheduler(address, error) from error
    except Exception as error:  # each kind of address has its own
        # Dask repeats parts of the address, without the scheme by which a secret is known.
        url = address if "://" in address else f"tcp://{address}"
        reason = mask_secrets_of(url, f"{error}")
        raise UsageError(f"--scheduler {brief(address)}: {reason}", hint=ADDRESS_HINT) from error


def open_client(address: str, seconds: float) -> Client:
    """Return a client of a scheduler, which may take ``seconds`` to answer each time.

    Raises:
        EngineDisconnected: no scheduler answers.
    """
    try:
        return Client(address, timeout=seconds, set_as_default=False, name="kerasmatrix")
    except CONNECTION_ERRORS as error:
        raise no_scheduler(address, error) from error


def no_scheduler(address: str, error: object) -> EngineDisconnected:
    """Return the error for a scheduler that does not answer."""
    return EngineDisconnected(
        mask_secrets_of(address, f"no Dask scheduler answers at {address}: {error}"),
        hint=ADDRESS_HINT,
    )


def has_docker(scheduler: str) -> bool:
    """Return whether a worker of a cluster has a Docker Engine.

    Raises:
        UsageError: the address cannot be used.
        EngineDisconnected: no scheduler answers.
    """
    check_connection(scheduler)
    try:
        with open_client(scheduler, CONNECT_SECONDS) as client:
            return None in client.run(docker_trouble, on_error="ignore").values()
    except CONNECTION_ERRORS as error:
        raise no_scheduler(scheduler, error) from error
