"""The coordinator's line to a Dask scheduler, made anew when it breaks.

A scheduler that comes back knows nothing of who was there before: what it is to know is told it
again, and what was under way with the old one is lost.
"""

from __future__ import annotations

import contextlib
import json
import threading
import time
from collections.abc import Callable, Mapping
from queue import SimpleQueue
from typing import Any, NamedTuple, TypeVar

from distributed import Client, Future, WorkerPlugin
from distributed.client import ClosedClientError

from kerasmatrix.engines.base import EngineLost
from kerasmatrix.text.redaction import mask_secrets_of

__all__ = ["Broken", "Connection", "Inbox", "Snapshot", "no_scheduler"]

T = TypeVar("T")
ANSWER_SECONDS = 30.0  # of a scheduler that works
FRESH_SECONDS = 1.0
# What Dask raises where the other side is gone; closed lines and timeouts are OSErrors.
TROUBLES = (OSError, RuntimeError, ValueError, ClosedClientError)

Inbox = SimpleQueue[tuple[str, dict[str, Any] | None]]


class Broken(Exception):
    """The line broke while something was under way. `Connection.mend` makes a new one."""


class Snapshot(NamedTuple):
    """The cluster at one moment: what each worker is labelled with, by its address."""

    scheduler: str
    workers: Mapping[str, Mapping[str, float]]


class Connection:
    """A line to one scheduler. Used by several threads at once."""

    def __init__(self, address: str, plugin: WorkerPlugin, name: str, patience: float) -> None:
        """Remember where it leads; `mend` opens it.

        Args:
            address: the scheduler's.
            plugin: what every worker gets.
            name: what the plugin is called there, and where messages about orders go.
            patience: how many seconds a scheduler that does not answer is waited for.
        """
        self.address = address
        self._plugin = plugin
        self._name = name
        self._patience = patience
        self._lock = threading.RLock()
        self._client: Client | None = None
        self._scheduler = ""
        self._snapshot: tuple[float, Snapshot] | None = None
        self._inboxes: dict[str, Inbox] = {}
        self._gone: str | None = None
        # Why some worker could not have the plugin.
        self.refusal: str | None = None

    def mend(self, broken: Client | None = None, *, seconds: float | None = None) -> None:
        """Open a new line, unless ``broken`` is not the present one any more.

        Args:
            broken: the client of the line that broke.
            seconds: how long to try.

        Raises:
            EngineLost: the scheduler does not answer.
        """
        with self._lock:
            if self._client is not None and self._client is not broken:
                return
            if self._gone:
                raise no_scheduler(self.address, self._gone)
            self._hang_up()
            deadline = time.monotonic() + (self._patience if seconds is None else seconds)
            while True:
                left = deadline - time.monotonic()
                try:
                    self._client = self._connect(max(0.1, left))
                except TypeError as error:  # TLS is not set up, which will not change
                    self._hang_up()
                    raise no_scheduler(self.address, error) from error
                except (Broken, *TROUBLES) as error:
                    self._hang_up()
                    if time.monotonic() >= deadline:
                        self._gone = str(error).strip() or type(error).__name__
                        raise no_scheduler(self.address, self._gone) from error
                else:
                    return

    @property
    def client(self) -> Client:
        """The present line's client, to say which one broke.

        Raises:
            EngineLost: there is none any more.
        """
        with self._lock:
            if self._client is None:
                raise no_scheduler(self.address, self._gone or "the line is closed")
            return self._client

    def look(self, client: Client) -> Snapshot:
        """Return how the cluster is, or was a moment ago.

        Raises:
            Broken: the scheduler does not answer, or is another one now.
        """
        with self._lock:
            if client is not self._client:
                raise Broken
            if self._snapshot and time.monotonic() - self._snapshot[0] < FRESH_SECONDS:
                return self._snapshot[1]
            told = self._ask(client)
            if told.scheduler != self._scheduler:
                raise Broken(f"{self.address} is another scheduler now")
            self._snapshot = (time.monotonic(), told)
            return told

    def submit(  # noqa: PLR0913 - what Dask wants to know
        self,
        client: Client,
        work: Callable[..., T],
        argument: object,
        *,
        key: str,
        inbox: Inbox,
        resources: Mapping[str, float],
        workers: list[str],
        only: bool,
    ) -> Future[T]:
        """Have ``work`` done somewhere; its messages, and None when it has ended, go to ``inbox``.

        Args:
            client: the line to use.
            work: what to call.
            argument: with what.
            key: its name, never used before.
            inbox: where messages go.
            resources: what it takes of a worker's.
            workers: which ones to prefer.
            only: whether no others will do.

        Raises:
            Broken: the line is.
        """
        with self._lock:
            self._inboxes[key] = inbox
        try:
            future = client.submit(
                work,
                argument,
                key=key,
                pure=False,
                resources=dict(resources),
                workers=workers or None,
                allow_other_workers=bool(workers) and not only,
            )
            future.add_done_callback(lambda _: inbox.put((key, None)))
        except TROUBLES as error:
            self.forget(key)
            raise Broken(str(error)) from error
        return future

    def forget(self, key: str, future: Future[Any] | None = None) -> None:
        """Want no more messages of ``key``, and its work ended where it goes on."""
        with self._lock:
            self._inboxes.pop(key, None)
        if future is not None:
            with contextlib.suppress(*TROUBLES):
                future.release()  # does not wait for the scheduler, which may be gone

    def close(self) -> None:
        """Take the plugin away from all workers, and hang up."""
        with self._lock:
            client = self._client
            if client is not None and client.scheduler and client.status == "running":
                with contextlib.suppress(*TROUBLES):
                    client.sync(
                        client.scheduler.unregister_worker_plugin,
                        name=self._name,
                        callback_timeout=ANSWER_SECONDS,
                    )
            self._hang_up()

    def _connect(self, seconds: float) -> Client:
        client = Client(self.address, timeout=seconds, set_as_default=False, name="kerasmatrix")
        try:
            self._scheduler = self._ask(client).scheduler
            client.subscribe_topic(self._name, self._deliver)
            self._register(client)
            self._snapshot = None
        except BaseException:
            with contextlib.suppress(*TROUBLES):
                client.close(timeout=ANSWER_SECONDS)
            raise
        return client

    def _register(self, client: Client) -> None:
        """Send the plugin. A worker that cannot have it has no labels, and gets no orders."""
        try:
            client.register_plugin(self._plugin, name=self._name)
        except Exception as error:
            if client.status != "running":
                raise Broken(str(error)) from error
            self.refusal = f"{type(error).__name__}: {error}"

    def _ask(self, client: Client) -> Snapshot:
        if client.scheduler is None:
            raise Broken("the line is closed")
        try:
            told = client.sync(
                client.scheduler.identity, n_workers=-1, callback_timeout=ANSWER_SECONDS
            )
        except TROUBLES as error:
            raise Broken(f"{self.address} does not answer: {error}") from error
        workers = {
            address: worker.get("resources", {}) for address, worker in told["workers"].items()
        }
        return Snapshot(told["id"], workers)

    def _deliver(self, event: tuple[float, str]) -> None:
        """Hand a message to whom it is for. Called in the client's own thread."""
        message = json.loads(event[1])
        inbox = self._inboxes.get(message["order"])
        if inbox is not None:
            inbox.put((message["order"], message))

    def _hang_up(self) -> None:
        client, self._client = self._client, None
        if client is not None:
            with contextlib.suppress(*TROUBLES):
                client.close(timeout=ANSWER_SECONDS)


def no_scheduler(address: str, why: object) -> EngineLost:
    """Return the error for a scheduler that does not answer."""
    return EngineLost(
        mask_secrets_of(address, f"no Dask scheduler answers at {address}: {why}"),
        hint="start one with `dask scheduler`, and name its address with --scheduler",
    )
