"""The embedded engine: plain processes in uv virtual environments. Works where Docker is not.

It isolates Python environments from each other, not the machine from the models: use the
`docker` engine for models you do not trust.
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

import kerasmatrix.harness
from kerasmatrix.config.matrix import Environment, Limits
from kerasmatrix.config.places import default_cache
from kerasmatrix.engines.base import Workplace, unavailable
from kerasmatrix.engines.memory import idle_workers, machine_memory
from kerasmatrix.engines.protocol import ChannelClosed, ChannelTimeout, ConversingWorker
from kerasmatrix.environments.locks import Lock
from kerasmatrix.environments.uses import InUse
from kerasmatrix.environments.variables import worker_variables
from kerasmatrix.environments.venvs import RECIPE, ensure_venv, venv_folder
from kerasmatrix.harness import protocol

__all__ = ["HARNESS", "LocalEngine", "ProcessChannel"]

HARNESS = Path(kerasmatrix.harness.__file__).parent
LOG_TAIL = 2000
# Somebody may stop a worker for a moment; one that stays so will not answer.
STOPPED_SECONDS = 10.0
LOOK_SECONDS = 1.0
LEAVES_SECONDS = 10.0  # after it has hung up
# A worker asks Linux to be killed when its parent dies, and to Linux that is the thread which
# started it: so it is one that lives as long as this process.
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

    @property
    def idle_workers(self) -> int:
        """As many as this machine has room for."""
        return idle_workers(machine_memory())

    def prepare(self, environment: Environment, lock: Lock) -> None:
        """Make the virtual environment, unless it is there already."""
        self._python(environment, lock)

    def open(
        self, environment: Environment, lock: Lock, workplace: Workplace, limits: Limits
    ) -> ConversingWorker:
        """Start the harness with the environment's interpreter."""
        python = self._python(environment, lock)
        command = [
            # -B, since -I does not listen to the variable that says so: a scenario's folder stays
            # as it is.
            str(python), "-I", "-B", "-u", str(HARNESS),
            "--scenarios", str(workplace.scenarios.resolve()),
            "--artifacts", str(workplace.artifacts.resolve()),
            "--scratch", str(workplace.scratch.resolve()),
        ]  # fmt: skip
        try:
            # In the scratch folder, which is swept even if this process is killed.
            home = tempfile.mkdtemp(prefix="home-", dir=workplace.scratch)
            variables = {"PATH": os.defpath, **worker_variables(environment, home)}
            channel = ProcessChannel(command, variables)
        except OSError as error:
            raise unavailable(environment, f"{python} does not start: {error}") from error
        return ConversingWorker(channel, environment, limits.open_seconds)

    def close(self) -> None:
        """Let go of the environments; workers are closed by who opened them."""
        self._in_use.close()

    def _python(self, environment: Environment, lock: Lock) -> Path:
        """Return the interpreter of an environment that stays as long as this engine is open."""
        # A cache that cannot be written may hold what is needed, and nobody prunes it.
        with contextlib.suppress(OSError):
            self._in_use.take(venv_folder(environment, lock, self.cache))
        return ensure_venv(environment, lock, self.cache)


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
        assert self._process.stdin is not None  # noqa: S101 - tells mypy what PIPE means
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
                if self._line.wait(min(left, LOOK_SECONDS)):
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

    def epitaph(self) -> tuple[str, bool]:
        """Say how the process ended, with the end of what it printed."""
        try:
            code = self._process.wait(timeout=LEAVES_SECONDS)
        except subprocess.TimeoutExpired:
            self._kill()  # it has hung up, and stays
            code = self._process.wait()
        how = f"killed by signal {-code}" if code < 0 else f"exit code {code}"
        if self._stopped_since is not None:
            how = f"stopped for {STOPPED_SECONDS:g} s, and then {how}"
        tail = ""
        if not self._log.closed:
            self._log.seek(0)
            tail = self._log.read()[-LOG_TAIL:].decode("utf-8", "replace").strip()
        return (f"{how}\n{tail}" if tail else how), False

    def _kill(self) -> None:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self._process.pid, signal.SIGKILL)

    def _stays_stopped(self) -> bool:
        """Whether the process has been seen stopped (by SIGSTOP, say) for some time."""
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
