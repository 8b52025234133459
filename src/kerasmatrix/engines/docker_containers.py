"""Where Docker containers are started: one for each worker, locked down.

A container has no network, no capabilities, a read-only root file system, a user that is not root,
and limits. The Docker Engine removes it when its harness ends, and the harness ends when its
standard input is closed. So no container outlives the run, however the run ends.
"""

from __future__ import annotations

import contextlib
import os
import threading
import time
from collections.abc import Iterator
from typing import Any

import requests
from docker.types import LogConfig, Mount, Ulimit

import docker
from kerasmatrix.config.matrix import Environment, Limits
from kerasmatrix.engines.base import EngineDisconnected, WorkDirs, WorkerStartFailed, unavailable
from kerasmatrix.engines.docker_channel import DOCKER_ERRORS, DockerChannel
from kerasmatrix.engines.memory import FEW, WORKER_MB, idle_workers
from kerasmatrix.engines.process_id import process_exited, process_start_id
from kerasmatrix.environments.images import ENVIRONMENT_LABEL, ensure_image
from kerasmatrix.environments.locks import Lock
from kerasmatrix.environments.uses import InUse
from kerasmatrix.environments.variables import worker_variables
from kerasmatrix.errors import InfrastructureError
from kerasmatrix.filesystem.digests import HARNESS

__all__ = ["Containers", "container_settings", "image_tags"]

UNPRIVILEGED = 65534  # the user and the group without rights, on Linux by convention
CPUS = 1  # a task uses one thread per operation
OPEN_FILES = 4096
LARGEST_FILE = 8 << 30  # bytes; no model that fits into a container is near this
# A container is started right after it is created; one that is older lost its runner.
STALE_SECONDS = 600
RUNNER = "kerasmatrix.runner"
RUNNER_START = "kerasmatrix.runner-born"
POLL_SECONDS = 0.5
COMMAND = (
    "python", "-I", "-u", "/kerasmatrix/harness",
    "--scenarios", "/kerasmatrix/scenarios",
    "--artifacts", "/kerasmatrix/artifacts",
    "--scratch", "/kerasmatrix/scratch",
)  # fmt: skip


class Containers:
    """The containers of one run, and the Docker Engine that runs them. Used by several threads."""

    def __init__(self, client: docker.DockerClient | None = None, *, patience: float) -> None:
        """Connect to the Docker Engine, and remove containers that a killed runner left.

        Args:
            client: the client to use, if not one for the user's environment.
            patience: how many seconds to wait for a Docker Engine that stopped answering.

        Raises:
            EngineDisconnected: no Docker Engine answers.
        """
        self._patience = patience
        self._closed = threading.Event()
        self._opened: list[DockerChannel] = []
        self._lock = threading.Lock()
        try:
            self._client = client or docker.from_env()
        except DOCKER_ERRORS as error:
            raise EngineDisconnected(
                f"no Docker Engine: {error}", hint="start one, or use --engine local"
            ) from error
        self._remove_orphans()

    @property
    def idle_workers(self) -> int:
        """How many idle containers the machine of the Docker Engine has memory for."""
        try:
            return idle_workers(int(self._client.info()["MemTotal"]))
        except (*DOCKER_ERRORS, KeyError, TypeError, ValueError):
            return FEW

    def ensure_image(
        self, environment: Environment, lock: Lock, base_image: str, dockerfile: bytes, uses: InUse
    ) -> str:
        """Return the tag of the environment's image, building it if it is absent."""
        with self._separating(environment):
            return ensure_image(self._client, environment, lock, base_image, dockerfile, uses)

    def start(
        self, environment: Environment, image: str, work_dirs: WorkDirs, limits: Limits
    ) -> DockerChannel:
        """Start a container with the harness in it."""
        with self._separating(environment):
            channel = self._start(environment, image, work_dirs, limits)
        with self._lock:
            self._opened = [*(other for other in self._opened if not other.is_removed), channel]
        return channel

    def close(self) -> None:
        """Remove all containers, and disconnect."""
        self._closed.set()
        while self._opened:
            self._opened.pop().close()
        self._remove_orphans()
        self._client.close()

    def _start(
        self, environment: Environment, image: str, work_dirs: WorkDirs, limits: Limits
    ) -> DockerChannel:
        user, group = _user_and_group()
        settings = container_settings(environment, work_dirs, limits, user, group)
        try:
            if os.getuid() == 0:
                # The container's user must be able to write there, and only there.
                os.chown(work_dirs.scratch, user, group)
            container = self._client.containers.create(image, [*COMMAND], **settings)
        except DOCKER_ERRORS as error:
            raise unavailable(environment, f"its container was not created: {error}") from error
        try:
            return DockerChannel(self._client, container)
        except BaseException as error:
            with contextlib.suppress(*DOCKER_ERRORS):
                container.remove(force=True)
            if isinstance(error, DOCKER_ERRORS):
                raise unavailable(environment, f"its container does not start: {error}") from error
            raise

    @contextlib.contextmanager
    def _separating(self, environment: Environment) -> Iterator[None]:
        """Separate errors of an environment from a restart of the Docker Engine.

        Raises:
            EngineDisconnected: the Docker Engine is gone.
            WorkerStartFailed: it was gone meanwhile, and is back.
        """
        self._await_engine()
        try:
            yield
        except InfrastructureError as error:
            was_gone = self._await_engine()
            if was_gone or _is_connection_error(error.__cause__):
                raise WorkerStartFailed(
                    f"{environment.name}: the Docker Engine went away: {error.message}"
                ) from error
            raise

    def _await_engine(self) -> bool:
        """Wait until the Docker Engine answers; return whether it did not at once.

        Raises:
            EngineDisconnected: it does not answer in time.
        """
        deadline = time.monotonic() + self._patience
        waited = False
        while True:
            try:
                self._client.ping()
            except DOCKER_ERRORS as error:
                if time.monotonic() >= deadline or self._closed.is_set():
                    raise EngineDisconnected(
                        f"the Docker Engine does not answer any more: {error}",
                        hint="start it and run again: completed measurements are kept",
                    ) from error
            else:
                return waited
            waited = True
            self._closed.wait(POLL_SECONDS)

    def _remove_orphans(self) -> None:
        """Remove containers whose runner was killed, if they do not end by themselves.

        Those never started, are paused, or have a stopped harness.
        """
        now = time.time()
        with contextlib.suppress(*DOCKER_ERRORS):
            for container in self._client.api.containers(all=True, filters={"label": RUNNER}):
                labels, age = container["Labels"], now - container["Created"]
                # The Docker Engine removes ended ones by itself (`auto_remove`).
                is_stale = container["State"] == "created" and age > STALE_SECONDS
                if is_stale or process_exited(labels[RUNNER], labels.get(RUNNER_START, "")):
                    with contextlib.suppress(*DOCKER_ERRORS):
                        self._client.api.remove_container(container["Id"], force=True)


def container_settings(
    environment: Environment, work_dirs: WorkDirs, limits: Limits, user: int, group: int
) -> dict[str, Any]:
    """Return the settings of a worker's container, as arguments of the Docker SDK."""
    memory = f"{limits.memory_mb + WORKER_MB}m"
    return {
        "network_mode": "none",
        "read_only": True,
        "cap_drop": ["ALL"],
        "security_opt": ["no-new-privileges"],
        "user": f"{user}:{group}",
        "mem_limit": memory,
        # The same as the memory: no swap, so that a limit is a limit.
        "memswap_limit": memory,
        # Threads count too: TensorFlow starts some for each core.
        "pids_limit": limits.processes,
        "tmpfs": {"/tmp": "rw,nosuid,nodev,noexec,size=512m,mode=1777"},  # noqa: S108
        "working_dir": "/tmp",  # noqa: S108 - it is the container's
        "environment": worker_variables(environment, "/tmp"),  # noqa: S108
        # Mounts, not volumes: a path may hold a colon, and one that is missing is an error.
        "mounts": [
            Mount("/kerasmatrix/harness", str(HARNESS.resolve()), "bind", read_only=True),
            Mount(
                "/kerasmatrix/scenarios", str(work_dirs.scenarios.resolve()), "bind", read_only=True
            ),
            Mount(
                "/kerasmatrix/artifacts", str(work_dirs.artifacts.resolve()), "bind", read_only=True
            ),
            Mount("/kerasmatrix/scratch", str(work_dirs.scratch.resolve()), "bind"),
        ],
        # Shared memory would be a way from one container to another.
        "ipc_mode": "private",
        "nano_cpus": CPUS * 10**9,
        "ulimits": [
            # A core file would fill /tmp, and with it the memory, for later tasks.
            Ulimit(name="core", soft=0, hard=0),
            Ulimit(name="nofile", soft=OPEN_FILES, hard=OPEN_FILES),
            Ulimit(name="fsize", soft=LARGEST_FILE, hard=LARGEST_FILE),
        ],
        # The output is read here. A log of it could fill the machine's disk.
        "log_config": LogConfig(type="none"),
        # The standard input is closed with the first connection to it, which is ours.
        "stdin_open": True,
        "auto_remove": True,
        # The harness is the first process of the container: no other one can kill it.
        "init": False,
        # The first process ignores SIGTERM, so a Docker Engine that stops would wait for nothing.
        "stop_signal": "SIGKILL",
        "labels": {
            "kerasmatrix.worker": environment.name,
            RUNNER: str(os.getpid()),
            RUNNER_START: process_start_id(os.getpid()),
        },
    }


def image_tags() -> tuple[str, ...]:
    """Return the tags of all images of environments; none if no Docker Engine answers."""
    try:
        client = docker.from_env(timeout=10)
        try:
            images = client.images.list(filters={"label": ENVIRONMENT_LABEL})
        finally:
            client.close()
    except DOCKER_ERRORS:
        return ()
    return tuple(sorted(tag for image in images for tag in image.tags))


def _is_connection_error(error: BaseException | None) -> bool:
    """Return whether nothing answered, as opposed to an answer that refuses."""
    return isinstance(error, (requests.ConnectionError, requests.Timeout, ConnectionError))


def _user_and_group() -> tuple[int, int]:
    """Return the user of a container: the runner's, who must read its files, but never root."""
    if os.getuid() == 0:
        return UNPRIVILEGED, UNPRIVILEGED
    return os.getuid(), os.getgid()
