"""The Docker engine: one hardened container for each worker.

A container has no network, no capabilities, a read-only root, a user that is not root, and
limits. The Docker Engine removes it when its harness ends, and the harness ends when the
runner's end of its standard input is gone: so no container outlives a run, however that ends.
"""

from __future__ import annotations

import contextlib
import datetime
import os
import struct
import threading
import time
from collections.abc import Iterator
from functools import cached_property
from pathlib import Path
from typing import Any

import docker.errors
import requests
from docker.models.containers import Container
from docker.types import LogConfig, Mount, Ulimit

import docker
from kerasmatrix.config.matrix import Environment, Limits
from kerasmatrix.engines.base import EngineLost, NotStarted, Workplace, unavailable
from kerasmatrix.engines.local import HARNESS
from kerasmatrix.engines.memory import FEW, idle_workers
from kerasmatrix.engines.process_id import birth, is_gone
from kerasmatrix.engines.protocol import ChannelClosed, ChannelTimeout, ConversingWorker
from kerasmatrix.environments.identity import image_recipe, read_dockerfile
from kerasmatrix.environments.images import ensure_image
from kerasmatrix.environments.locks import Lock
from kerasmatrix.environments.uses import InUse
from kerasmatrix.environments.variables import worker_variables
from kerasmatrix.errors import InfrastructureError
from kerasmatrix.harness import protocol

__all__ = ["DockerChannel", "DockerEngine", "Frames", "container_settings"]

NOBODY = 65534
# What the worker itself needs: TensorFlow in memory, and files in /tmp, which is memory too.
WORKER_MB = 1536
# A task has one thread for an operation; who wants more gets no more.
CPUS = 1
OPEN_FILES = 4096
LARGEST_FILE = 8 << 30  # bytes; no model that fits into a container is near this
STDOUT = 1
LOG_TAIL = 2000
KILLED = 137
REMOVAL_SECONDS = 30.0
# A container is made and started at once; one that still waits after this lost its runner.
STALE_SECONDS = 600
RUNNER = "kerasmatrix.runner"
BORN = "kerasmatrix.runner-born"
TROUBLES = (docker.errors.DockerException, requests.RequestException, OSError)
# A Docker Engine that is stopped and started anew, by an update or after a crash, is back by then.
PATIENCE_SECONDS = 30.0
POLL_SECONDS = 0.5


class DockerEngine:
    """Opens environments as containers."""

    name = "docker"
    sandbox = True
    in_place = True
    batch = None
    slots = None

    def __init__(  # noqa: PLR0913 - what an engine is made of
        self,
        base_image: str,
        root: Path,
        client: docker.DockerClient | None = None,
        *,
        patience: float = PATIENCE_SECONDS,
        matrix: Path | None = None,
        dockerfile: bytes | None = None,
    ) -> None:
        """Connect to the Docker Engine that the user's environment names.

        Args:
            base_image: what images start from, with ``{python}`` in it.
            root: the folder that has ``images/Dockerfile``.
            client: who talks with the Docker Engine, if not a new one.
            patience: how many seconds it is waited for once it does not answer any more.
            matrix: whose project uses the images, for the record.
            dockerfile: the content of the Dockerfile, if it was read already.

        Raises:
            InfrastructureError: there is none.
        """
        self._base_image = base_image
        self._root = root
        self._read = dockerfile
        self._images: dict[str, str] = {}
        self._in_use = InUse(matrix)
        self._opened: list[DockerChannel] = []
        self._opening = threading.Lock()
        self._patience = patience
        self._closed = threading.Event()
        try:
            self._client = client or docker.from_env()
        except TROUBLES as error:
            raise InfrastructureError(f"no Docker Engine: {error}") from error
        with contextlib.suppress(*TROUBLES):
            self._remove_orphans()

    @property
    def idle_workers(self) -> int:
        """As many as the Docker Engine's machine has room for."""
        try:
            return idle_workers(int(self._client.info()["MemTotal"]))
        except (*TROUBLES, KeyError, TypeError, ValueError):
            return FEW

    @cached_property
    def _dockerfile(self) -> bytes:
        return self._read if self._read is not None else read_dockerfile(self._root)

    @property
    def recipe(self) -> str:
        """The base image and the Dockerfile: see `Engine`."""
        return image_recipe(self._base_image, self._dockerfile)

    def prepare(self, environment: Environment, lock: Lock) -> None:
        """Build the image, unless it is there already."""
        with self._engine_under(environment):
            self._images[environment.name] = ensure_image(
                self._client, environment, lock, self._base_image, self._dockerfile, self._in_use
            )

    def open(
        self, environment: Environment, lock: Lock, workplace: Workplace, limits: Limits
    ) -> ConversingWorker:
        """Start a container with the harness in it."""
        if environment.name not in self._images:
            self.prepare(environment, lock)
        with self._engine_under(environment):
            channel = self._start(environment, workplace, limits)
        with self._opening:
            self._opened = [*(other for other in self._opened if not other.is_removed), channel]
        return ConversingWorker(channel, environment, limits.open_seconds)

    def _start(
        self, environment: Environment, workplace: Workplace, limits: Limits
    ) -> DockerChannel:
        """Make and start a container."""
        user, group = _user_and_group()
        settings = container_settings(environment, workplace, limits, user, group)
        try:
            if os.getuid() == 0:
                os.chown(workplace.scratch, user, group)
            container = self._client.containers.create(
                self._images[environment.name],
                [
                    "python", "-I", "-u", "/kerasmatrix/harness",
                    "--scenarios", "/kerasmatrix/scenarios",
                    "--artifacts", "/kerasmatrix/artifacts",
                    "--scratch", "/kerasmatrix/scratch",
                ],
                **settings,
            )  # fmt: skip
        except TROUBLES as error:
            raise unavailable(environment, f"no container could be made: {error}") from error
        try:
            return DockerChannel(self._client, container)
        except BaseException as error:
            with contextlib.suppress(*TROUBLES):
                container.remove(force=True)
            if isinstance(error, TROUBLES):
                raise unavailable(environment, f"its container does not start: {error}") from error
            raise

    @contextlib.contextmanager
    def _engine_under(self, environment: Environment) -> Iterator[None]:
        """Tell what an environment has done from what the Docker Engine under it has.

        Raises:
            EngineLost: there is none any more.
            NotStarted: it was lost meanwhile and is back.
        """
        self._await_engine()
        try:
            yield
        except InfrastructureError as error:
            waited = self._await_engine()
            if waited or _hung_up(error):
                raise NotStarted(
                    f"{environment.name}: the Docker Engine went away: {error.message}"
                ) from error
            raise

    def _await_engine(self) -> bool:
        """Wait until the Docker Engine answers; tell whether it had to be waited for.

        Raises:
            EngineLost: it does not in time.
        """
        deadline = time.monotonic() + self._patience
        waited = False
        while True:
            try:
                self._client.ping()
            except TROUBLES as error:
                if time.monotonic() >= deadline or self._closed.is_set():
                    raise EngineLost(
                        f"the Docker Engine does not answer any more: {error}",
                        hint="start it and run again: what is measured so far is kept",
                    ) from error
            else:
                return waited
            waited = True
            self._closed.wait(POLL_SECONDS)

    def close(self) -> None:
        """Remove what is left of this engine's containers, and let go of the Docker Engine."""
        self._closed.set()
        self._in_use.close()
        while self._opened:
            self._opened.pop().close()
        with contextlib.suppress(*TROUBLES):
            self._remove_orphans()
        self._client.close()

    def _remove_orphans(self) -> None:
        """Remove containers whose runner was killed, and that do not end by themselves.

        Those are the ones that were not started yet, and those that are paused or whose harness is
        stopped.
        """
        now = time.time()
        for found in self._client.api.containers(all=True, filters={"label": RUNNER}):
            labels = found["Labels"]
            stale = found["State"] == "created" and now - found["Created"] > STALE_SECONDS
            if stale or is_gone(labels[RUNNER], labels.get(BORN, "")):
                with contextlib.suppress(*TROUBLES):
                    self._client.api.remove_container(found["Id"], force=True)


def container_settings(
    environment: Environment, workplace: Workplace, limits: Limits, user: int, group: int
) -> dict[str, Any]:
    """Return how a worker's container is made, as arguments of the Docker SDK."""
    memory = f"{limits.memory_mb + WORKER_MB}m"
    return {
        "network_mode": "none",
        "read_only": True,
        "cap_drop": ["ALL"],
        "security_opt": ["no-new-privileges"],
        "user": f"{user}:{group}",
        "mem_limit": memory,
        "memswap_limit": memory,
        "pids_limit": limits.processes,
        "tmpfs": {"/tmp": "rw,nosuid,nodev,noexec,size=512m,mode=1777"},  # noqa: S108
        "working_dir": "/tmp",  # noqa: S108 - it is the container's
        "environment": worker_variables(environment, "/tmp"),  # noqa: S108
        # Mounts, not volumes: a path may hold a colon, and one that is missing is an error.
        "mounts": [
            Mount("/kerasmatrix/harness", str(HARNESS.resolve()), "bind", read_only=True),
            Mount(
                "/kerasmatrix/scenarios", str(workplace.scenarios.resolve()), "bind", read_only=True
            ),
            Mount(
                "/kerasmatrix/artifacts", str(workplace.artifacts.resolve()), "bind", read_only=True
            ),
            Mount("/kerasmatrix/scratch", str(workplace.scratch.resolve()), "bind"),
        ],
        "ipc_mode": "private",
        "nano_cpus": CPUS * 10**9,
        "ulimits": [
            # A crash is an outcome; its core file would fill /tmp, and so the memory, for the next.
            Ulimit(name="core", soft=0, hard=0),
            Ulimit(name="nofile", soft=OPEN_FILES, hard=OPEN_FILES),
            Ulimit(name="fsize", soft=LARGEST_FILE, hard=LARGEST_FILE),
        ],
        # What it prints is read as it comes; kept as well, it could fill the machine's disk.
        "log_config": LogConfig(type="none"),
        # The container's standard input ends with the first connection to it, which is ours.
        "stdin_open": True,
        "auto_remove": True,
        # The harness is the container's first process, which none of the others can end.
        "init": False,
        # As such it does not hear SIGTERM: a Docker Engine that is stopped would wait in vain.
        "stop_signal": "SIGKILL",
        "labels": {
            "kerasmatrix.worker": environment.name,
            RUNNER: str(os.getpid()),
            BORN: birth(os.getpid()),
        },
    }


class Frames:
    """Takes apart the stream of a container without a terminal.

    Each frame is a byte that names the stream, three of padding, the length in four bytes (big
    endian), and the data (Docker Engine API, "Attach to a container").
    """

    HEADER = struct.Struct(">BxxxL")

    def __init__(self) -> None:
        self._header = bytearray()
        self._stream, self._left = 0, 0

    def feed(self, data: bytes) -> list[tuple[int, bytes]]:
        """Return what ``data`` adds to the streams, as (stream, content)."""
        parts = []
        position = 0
        while position < len(data):
            if self._left:
                content = data[position : position + self._left]
                parts.append((self._stream, content))
                self._left -= len(content)
                position += len(content)
                continue
            missing = self.HEADER.size - len(self._header)
            self._header += data[position : position + missing]
            position += missing
            if len(self._header) == self.HEADER.size:
                self._stream, self._left = self.HEADER.unpack(self._header)
                self._header.clear()
        return parts


class DockerChannel:
    """The standard streams of a container, which is started here."""

    def __init__(self, client: docker.DockerClient, container: Container) -> None:
        self._client = client
        self._container = container
        self.is_removed = False
        self._frames = Frames()
        self._output = protocol.Buffer()
        self._errors = b""
        streams = {"stdin": 1, "stdout": 1, "stderr": 1, "stream": 1}
        attached = container.attach_socket(params=streams)
        # The SDK hands out a reader around the socket; both directions are wanted.
        self._keep = attached
        self._socket: Any = getattr(attached, "_sock", attached)
        self._removal = threading.Thread(target=self._await_removal, daemon=True)
        self._removal.start()
        container.start()

    def write(self, data: bytes) -> None:
        """Send ``data``."""
        try:
            self._socket.sendall(data)
        except (OSError, ValueError):
            raise ChannelClosed from None

    def read_line(self, seconds: float) -> bytes:
        """Return the next line of the container's standard output."""
        deadline = time.monotonic() + seconds
        while (line := self._output.take()) is None:
            if self._output.overflowed:
                raise ChannelClosed  # the harness itself keeps to the limit
            try:
                if not self._is_readable(deadline - time.monotonic()):
                    raise ChannelTimeout
                data = self._socket.recv(65536)
            except (OSError, ValueError):
                raise ChannelClosed from None
            if not data:
                raise ChannelClosed
            for stream, content in self._frames.feed(data):
                if stream == STDOUT:
                    self._output.feed(content)
                else:
                    self._errors = (self._errors + content)[-LOG_TAIL:]
        return line

    def _is_readable(self, seconds: float) -> bool:
        """Whether there is something to read within ``seconds``."""
        # What TLS has decrypted already does not show in the descriptor.
        pending = getattr(self._socket, "pending", None)
        if pending is not None and pending():
            return True
        return protocol.readable(self._socket.fileno(), seconds)

    def close(self) -> None:
        """Kill the container and wait until it is removed."""
        if not self.is_removed:
            with contextlib.suppress(*TROUBLES):
                self._container.kill()
            self._removal.join(REMOVAL_SECONDS)
        if not self.is_removed:
            with contextlib.suppress(*TROUBLES):
                self._container.remove(force=True)
        for stream in (self._keep, self._socket):
            with contextlib.suppress(*TROUBLES):
                stream.close()

    def epitaph(self) -> tuple[str, bool]:
        """Say how the container ended, with the end of what it printed."""
        self._removal.join(REMOVAL_SECONDS)
        code, memory = self._ending()
        if code is None:
            return "the Docker Engine does not say how its container ended", False
        tail = self._errors.decode("utf-8", "replace").strip()
        how = f"exit code {code}"
        if code == KILLED:
            how += " (killed, out of memory)" if memory else " (killed)"
        return (f"{how}\n{tail}" if tail else how), memory

    def _ending(self) -> tuple[int | None, bool]:
        """Return the exit code, and whether memory was the reason.

        A container that is removed cannot be asked any more, but its events are still known.
        """
        created = datetime.datetime.fromisoformat(self._container.attrs["Created"])
        code, shortage = None, False
        with contextlib.suppress(*TROUBLES, ValueError):
            # By the Docker Engine's own clock: it would wait until a time that has not come yet.
            now = datetime.datetime.fromisoformat(self._client.info()["SystemTime"])
            for event in self._client.events(
                # In seconds: another form is refused, and the SDK does not tell.
                since=int(created.timestamp()),
                until=int(now.timestamp()) + 1,
                filters={"container": self._container.id, "event": ["oom", "die"]},
                decode=True,
            ):
                if event["Action"] == "die":
                    code = int(event["Actor"]["Attributes"]["exitCode"])
                else:
                    shortage = True
        # A child that ran out of memory is no news, and who kills a container is no shortage.
        return code, shortage and code == KILLED

    def _await_removal(self) -> None:
        try:
            self._container.wait(timeout=None, condition="removed")
        except docker.errors.NotFound:
            pass  # it is removed already
        except TROUBLES:
            return
        self.is_removed = True


def _hung_up(error: InfrastructureError) -> bool:
    """Whether nobody answered, rather than somebody who refused."""
    cause = error.__cause__
    return isinstance(cause, (requests.ConnectionError, requests.Timeout, ConnectionError))


def _user_and_group() -> tuple[int, int]:
    """Return whom a container runs as: the runner, so that it can read what is made; not root."""
    if os.getuid() == 0:
        return NOBODY, NOBODY
    return os.getuid(), os.getgid()
