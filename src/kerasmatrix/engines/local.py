"""The local engine: processes in uv virtual environments, for machines without Docker.

It does not protect the machine from the models: use the Docker engine for untrusted models.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import IO

from kerasmatrix.config.matrix import Environment, Limits
from kerasmatrix.config.places import default_cache
from kerasmatrix.engines.base import WorkDirs, unavailable
from kerasmatrix.engines.memory import idle_workers, machine_memory
from kerasmatrix.engines.protocol import ChannelClosed, ChannelTimeout, ConversingWorker
from kerasmatrix.environments.locks import Lock
from kerasmatrix.environments.uses import InUse
from kerasmatrix.environments.uv_command import Download
from kerasmatrix.environments.variables import worker_variables
from kerasmatrix.environments.venvs import RECIPE, ensure_venv, venv_folder
from kerasmatrix.filesystem.digests import HARNESS
from kerasmatrix.harness import protocol

__all__ = ["LocalEngine", "ProcessChannel"]

# Bytes of the other output that the message about a dead worker repeats: the end says why.
LOG_TAIL = 2000
# A worker that is stopped (SIGSTOP) longer than this is lost.
STOPPED_SECONDS = 10.0
POLL_SECONDS = 1.0  # between two looks whether it is stopped
EXIT_SECONDS = 10.0  # after it has closed its output
# A worker asks Linux to kill it when its parent dies. For Linux the parent is the thread that
# started it, so that thread must live as long as this process.
_STARTER = ThreadPoolExecutor(1, thread_name_prefix="starter")


class LocalEngine:
    """Opens environments as processes of this machine."""

    name = "local"
    sandbox = False
    in_place = True
    batch = None
    slots = None
    recipe = RECIPE

    def __init__(self, cache: Path | None = None, matrix: Path | None = None) -> None:
        """Keep environments in ``cache``, and record that the project of ``matrix`` uses them."""
        self.cache = cache or default_cache()
        self._in_use = InUse(matrix)
        self._downloads: dict[str, Download] = {}

    @property
    def idle_workers(self) -> int:
        """How many idle workers this machine has memory for."""
        return idle_workers(machine_memory())

    def downloaded(self, environment: str) -> Download | None:
        """Return how much of an environment's packages is downloaded, while it is installed."""
        return self._downloads.get(environment)

    def prepare(self, environment: Environment, lock: Lock) -> None:
        """Create the virtual environment, unless it exists."""
        self._python(environment, lock)

    def open(
        self, environment: Environment, lock: Lock, work_dirs: WorkDirs, limits: Limits
    ) -> ConversingWorker:
        """Start the harness with the environment's interpreter."""
        python = self._python(environment, lock)
        command = [
            # -B keeps bytecode out of scenario folders; with -I, no variable can.
            str(python), "-I", "-B", "-u", str(HARNESS),
            "--scenarios", str(work_dirs.scenarios.resolve()),
            "--artifacts", str(work_dirs.artifacts.resolve()),
            "--scratch", str(work_dirs.scratch.resolve()),
        ]  # fmt: skip
        try:
            # In the scratch folder, which is swept even if this process is killed.
            home = tempfile.mkdtemp(prefix="home-", dir=work_dirs.scratch)
            variables = {"PATH": os.defpath, **worker_variables(environment, home)}
            channel = ProcessChannel(command, variables)
        except OSError as error:
            raise unavailable(environment, f"{python} does not start: {error}") from error
        return ConversingWorker(channel, environment, limits.open_seconds)

    def close(self) -> None:
        """Release the environments. Workers are closed by their users."""
        self._in_use.close()

    def _python(self, environment: Environment, lock: Lock) -> Path:
        """Return the interpreter of an environment, which is not pruned while this is open."""
        # A read-only cache may contain the environment, and is not pruned.
        with contextlib.suppress(OSError):
            self._in_use.take(venv_folder(environment, lock, self.cache))

        def note(download: Download) -> None:
            self._downloads[environment.name] = download

        try:
            return ensure_venv(environment, lock, self.cache, note)
        finally:
            self._downloads.pop(environment.name, None)


class ProcessChannel:
    """The standard input and output of a process in a session of its own."""

    def __init__(self, command: list[str], variables: dict[str, str]) -> None:
        self._log: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115 - closed with the channel
        self._stopped_since: float | None = None
        self._process = _STARTER.submit(
            subprocess.Popen,
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._log,
            env=variables,
            start_new_session=True,
            bufsize=0,
        ).result()
        assert self._process.stdin is not None  # noqa: S101 - for mypy
        assert self._process.stdout is not None  # noqa: S101
        self._stdin, self._stdout = self._process.stdin, self._process.stdout
        self._line = protocol.Line(self._stdout.fileno())

    def write(self, data: bytes) -> None:
        """Send ``data``."""
        try:
            while data:
                data = data[self._stdin.write(data) or 0 :]
        except (OSError, ValueError):
            raise ChannelClosed from None

    def read_line(self, seconds: float) -> bytes:
        """Return the next line of the process's standard output."""
        deadline = time.monotonic() + seconds
        while (line := self._line.take()) is None:
            try:
                if self._line.closed:
                    raise ChannelClosed
                left = deadline - time.monotonic()
                if self._line.wait(min(left, POLL_SECONDS)):
                    self._line.fill()
                elif left <= 0:
                    raise ChannelTimeout
                elif self._stays_stopped():
                    self._kill()
                    raise ChannelClosed
            except (OSError, ValueError):
                raise ChannelClosed from None
        return line

    def close(self) -> None:
        """Kill the process and its whole session."""
        self._kill()
        self._process.wait()
        for stream in (self._stdin, self._stdout, self._log):
            with contextlib.suppress(OSError):
                stream.close()

    def exit_reason(self) -> tuple[str, bool]:
        """Return how the process ended, with the end of its output."""
        try:
            code = self._process.wait(timeout=EXIT_SECONDS)
        except subprocess.TimeoutExpired:
            self._kill()  # it has closed its output and goes on
            code = self._process.wait()
        reason = f"killed by signal {-code}" if code < 0 else f"exit code {code}"
        if self._stopped_since is not None:
            reason = f"stopped for {STOPPED_SECONDS:g} s, and then {reason}"
        tail = ""
        if not self._log.closed:
            self._log.seek(0)
            tail = self._log.read()[-LOG_TAIL:].decode("utf-8", "replace").strip()
        return (f"{reason}\n{tail}" if tail else reason), False

    def _kill(self) -> None:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            # The whole group: children of a model may outlive the harness.
            os.killpg(self._process.pid, signal.SIGKILL)

    def _stays_stopped(self) -> bool:
        """Return whether the process is stopped (SIGSTOP) for longer than a moment."""
        try:
            stat = Path(f"/proc/{self._process.pid}/stat").read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError):
            return False
        if stat.rpartition(")")[2].split()[0] not in {"T", "t"}:
            self._stopped_since = None
            return False
        if self._stopped_since is None:
            self._stopped_since = time.monotonic()
        return time.monotonic() - self._stopped_since >= STOPPED_SECONDS
