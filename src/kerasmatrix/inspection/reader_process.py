"""Runs a function that reads a file in a subprocess, which a hostile file cannot harm others from.

`run_in_subprocess` calls the function with a path in a child that has little memory and time, and
can neither write files nor start processes. The result comes back as JSON of the function's
annotated return type, with at most `ResourceLimits.answer` bytes. A crash, a hang or too long an
answer becomes a `UsageError` that names the path. The child is always ended and reaped.

The child is forked from this process if it has a single thread, else from a server process that
does. It is not a sandbox for code: nothing that is read this way is ever run.
"""

from __future__ import annotations

import atexit
import contextlib
import ctypes
import os
import pickle
import platform
import resource
import select
import signal
import struct
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Concatenate, NoReturn, ParamSpec, TypeVar, get_type_hints

from pydantic import BaseModel, TypeAdapter, ValidationError

from kerasmatrix.errors import InfrastructureError, UsageError
from kerasmatrix.text.lines import first_line

__all__ = ["READER_LIMITS", "ResourceLimits", "run_in_subprocess", "serve"]

P = ParamSpec("P")
T = TypeVar("T")

# The first byte of an answer says whether it is a value or an error.
VALUE, ERROR = b"V", b"E"
BLOCK = 1 << 16
LENGTH = struct.Struct("!Q")
LONGEST_MESSAGE = 2000
PR_SET_PDEATHSIG, PR_SET_NO_NEW_PRIVS = 1, 38
GRACE_SECONDS = 10
OPEN_FILES = 128  # a walk of a tree holds one for each level
DAMAGED = "it is damaged or malicious: copy it again, or save the model again"
# Without these, the server would have threads of the BLAS, which nothing here calls.
VARIABLES = {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}


@dataclass(frozen=True)
class ResourceLimits:
    """How much a child may use.

    Attributes:
        memory: bytes of address space beyond those it inherits.
        cpu_seconds: processor time.
        seconds: wall-clock time, which the parent enforces.
        answer: bytes.
    """

    memory: int = 384 << 20
    cpu_seconds: int = 10
    seconds: float = 60.0
    answer: int = 32 << 20


READER_LIMITS = ResourceLimits()


def run_in_subprocess(
    function: Callable[Concatenate[Path, P], T],
    limits: ResourceLimits,
    path: Path,
    *args: P.args,
    **kwargs: P.kwargs,
) -> T:
    """Return the result of ``function(path, …)``, called in a child.

    Args:
        function: an importable function; pydantic can write its annotated return type as JSON and
            read it again. If its module has a function ``prepare``, that is called once before the
            first fork, to load data that all children need.
        limits: how much the child may use.
        path: the file or folder to read.
        args: passed on.
        kwargs: passed on.

    Raises:
        UsageError: the function raised any exception, or the child exceeded its limits.
        InfrastructureError: no process can be started, or this is not Linux.
    """
    call = _Call(function, limits, path, args, kwargs, _folder())
    answer = _execute(call) if _threads() == 1 else _SERVER.execute(call)
    try:
        if answer[:1] == VALUE:
            value: T = _adapter(function).validate_json(answer[1:])
            return value
        error = _Error.model_validate_json(answer[1:])
    except ValidationError:
        raise UsageError(f"{path}: its reader's answer makes no sense", hint=DAMAGED) from None
    named = _valid(str(path)) in error.message
    raise UsageError(error.message if named else f"{path}: {error.message}", hint=error.hint)


class _Error(BaseModel):
    message: str
    hint: str | None


@dataclass(frozen=True)
class _Call:
    function: Callable[..., Any]
    limits: ResourceLimits
    path: Path
    args: tuple[Any, ...]
    kwargs: dict[str, Any]
    folder: str | None

    def __call__(self) -> bytes:
        """Call the function and return its result or error as an answer."""
        try:
            if self.folder:
                os.chdir(self.folder)
            value = self.function(self.path, *self.args, **self.kwargs)
            return VALUE + _adapter(self.function).dump_json(value)
        except UsageError as error:
            return _error(error.message, error.hint)
        except MemoryError:
            return self.too_large()
        except Exception as error:  # noqa: BLE001 - a hostile file can make anything go wrong
            message = f"cannot be read: {type(error).__name__}: {first_line(error)}"
            return _error(message, DAMAGED)

    def too_large(self) -> bytes:
        """Return the answer about a file that needs too much memory."""
        megabytes = self.limits.memory >> 20
        return _error(f"takes more than {megabytes} MB of memory to be read", DAMAGED)


def _error(message: str, hint: str | None) -> bytes:
    # Text from a file may not be valid Unicode.
    error = _Error(message=_valid(message[:LONGEST_MESSAGE]), hint=hint and _valid(hint))
    return ERROR + error.model_dump_json().encode()


def _valid(text: str) -> str:
    return text.encode("utf-8", "replace").decode("utf-8")


@cache
def _adapter(function: Callable[..., T]) -> TypeAdapter[T]:
    return TypeAdapter(get_type_hints(function)["return"])


@cache
def _prepare(function: Callable[..., Any]) -> None:
    """Load the data that every child needs, so that children inherit it."""
    _adapter(function)
    prepare = getattr(sys.modules[function.__module__], "prepare", None)
    if prepare:
        prepare()


def _folder() -> str | None:
    """Return the current folder, to which ``path`` is relative: the server has another."""
    try:
        return os.getcwd()  # noqa: PTH109 - as chdir takes it
    except OSError:
        return None  # the folder was removed


def _threads() -> int:
    try:
        return len(os.listdir("/proc/self/task"))  # noqa: PTH208 - the names suffice
    except FileNotFoundError:
        raise InfrastructureError(
            f"files cannot be read safely on this machine ({platform.system()}): it has no /proc",
            hint="kerasmatrix runs on Linux x86-64: use such a machine, or a container on this one",
        ) from None


def _execute(call: _Call) -> bytes:
    """Execute ``call`` in a child forked from this process, and return the answer."""
    _prepare(call.function)
    receive, send = os.pipe()
    try:
        pid = os.fork()
    except OSError as error:
        os.close(receive)
        os.close(send)
        raise InfrastructureError(f"no process can be started: {error}") from error
    if pid == 0:
        _run_child(call, send)
    os.close(send)
    try:
        answer, problem = _receive(receive, call.limits)
    finally:
        os.close(receive)
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
        _, status = os.waitpid(pid, 0)
    return _error(problem, DAMAGED) if problem else answer or _exit_reason(call, status)


def _receive(receive: int, limits: ResourceLimits) -> tuple[bytes, str | None]:
    """Return the whole answer; or the problem, if it is late or too long."""
    answer = bytearray()
    deadline = time.monotonic() + limits.seconds
    while True:
        left = deadline - time.monotonic()
        if left <= 0 or not select.select([receive], [], [], left)[0]:
            return b"", _late(limits)
        block = os.read(receive, BLOCK)
        if not block:
            return bytes(answer), None
        answer += block
        if len(answer) > limits.answer:
            return b"", f"describes more than {limits.answer >> 20} MB of structure"


def _late(limits: ResourceLimits) -> str:
    return f"was not read within {limits.seconds:g} s"


def _exit_reason(call: _Call, status: int) -> bytes:
    number = os.WTERMSIG(status) if os.WIFSIGNALED(status) else 0
    if number == signal.SIGXCPU:
        return _error(
            f"takes more than {call.limits.cpu_seconds} s of processor time to be read", DAMAGED
        )
    if number in {signal.SIGABRT, signal.SIGKILL}:  # libraries abort when they get no memory
        return call.too_large()
    reason = signal.strsignal(number) if number else "it ended without an answer"
    return _error(f"cannot be read: its reader crashed ({reason})", DAMAGED)


def _run_child(call: _Call, send: int) -> NoReturn:
    """Send the answer, and exit without running the parent's exit handlers."""
    try:
        _confine(send, call.limits)
        try:
            answer = call()
        except MemoryError:
            answer = call.too_large()
        while answer:
            answer = answer[os.write(send, answer) :]
    finally:
        os._exit(0)


def _confine(send: int, limits: ResourceLimits) -> None:
    """Restrict this process to the descriptor ``send`` and to ``limits``."""
    os.setsid()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_DFL)
    system = ctypes.CDLL(None)
    system.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    system.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
    null = os.open(os.devnull, os.O_RDWR)
    for descriptor in range(3):
        os.dup2(null, descriptor)
    os.closerange(3, send)
    os.closerange(send + 1, resource.getrlimit(resource.RLIMIT_NOFILE)[0])
    statm = Path("/proc/self/statm").read_text(encoding="ascii")
    inherited = int(statm.split()[0]) * resource.getpagesize()
    soft_limits: dict[int, int] = {
        resource.RLIMIT_AS: inherited + limits.memory,
        resource.RLIMIT_CPU: limits.cpu_seconds,
        resource.RLIMIT_CORE: 0,
        resource.RLIMIT_FSIZE: 0,
        resource.RLIMIT_NPROC: 0,
        resource.RLIMIT_NOFILE: OPEN_FILES,
    }
    for kind, wanted in soft_limits.items():
        hard = resource.getrlimit(kind)[1]
        soft = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
        # At the hard limit of processor time the signal is SIGKILL, which has many causes.
        resource.setrlimit(kind, (soft, hard if kind == resource.RLIMIT_CPU else soft))


class _Server:
    """A process with a single thread that forks children for this one, which has several."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._owner = 0

    def execute(self, call: _Call) -> bytes:
        """Execute ``call`` in a child of the server, and return the answer."""
        request = pickle.dumps(call)
        with self._lock:
            for _ in range(2):  # if the server was killed, a new one is started
                try:
                    return self._ask(request, call.limits)
                except (OSError, EOFError):
                    self.close()
                except BaseException:
                    # An answer that was not read would be taken for that of the next call.
                    self.close()
                    raise
        raise InfrastructureError("the process that reads files does not answer")

    def _ask(self, request: bytes, limits: ResourceLimits) -> bytes:
        process = self._start()
        assert process.stdin is not None  # noqa: S101 - mypy does not know what PIPE means
        assert process.stdout is not None  # noqa: S101
        process.stdin.write(LENGTH.pack(len(request)) + request)
        process.stdin.flush()
        # The server enforces the limit, and this process that the server does so.
        if not select.select([process.stdout], [], [], limits.seconds + GRACE_SECONDS)[0]:
            self.close()
            return _error(_late(limits), DAMAGED)
        return _read(process.stdout)

    def _start(self) -> subprocess.Popen[bytes]:
        """Return the server's process, which is started if this process has none."""
        if self._process is None or self._owner != os.getpid():
            self._process = subprocess.Popen(  # noqa: S603 - this very program
                # -P: the current folder may hold models, and a numpy.py with them.
                [sys.executable, "-P", "-c", f"import {__name__} as it; it.serve()"],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                env={**os.environ, **VARIABLES},
                start_new_session=True,
            )
            self._owner = os.getpid()
            atexit.register(self.close)
        return self._process

    def close(self) -> None:
        """End the server."""
        process, self._process = self._process, None
        if process is not None and self._owner == os.getpid():
            process.kill()
            process.communicate()


def _read(stream: Any) -> bytes:  # noqa: ANN401 - any reader of bytes
    head = stream.read(LENGTH.size)
    if len(head) < LENGTH.size:
        raise EOFError
    content: bytes = stream.read(LENGTH.unpack(head)[0])
    return content


_SERVER = _Server()


def serve() -> None:
    """Execute the calls that the parent, which is trusted, sends, until it exits."""
    out = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    while True:
        try:
            call = pickle.loads(_read(sys.stdin.buffer))  # noqa: S301 - see the docstring
        except EOFError:
            return
        answer = _execute(call)
        try:
            out.write(LENGTH.pack(len(answer)) + answer)
            out.flush()
        except BrokenPipeError:
            # The parent was killed during the call. Exit without flushing the buffer.
            os._exit(0)
