"""Calls a function that reads a file in a child process, which a hostile file may have.

The contract of `guarded`: the function is called with a path in a child that has little memory,
little time, no way to write a file and none to begin a process. What it returns comes back as
JSON of its annotated type and no longer than `Bounds.answer`; whatever else becomes of the child
(a crash, silence, too much) is a `UsageError` that names the path. Nothing of the child is left.

The child is forked: from this process where it has one thread, else from a server that has. It is
no sandbox for code: nothing that is read this way is ever run.
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

__all__ = ["BOUNDS", "Bounds", "guarded", "serve"]

P = ParamSpec("P")
T = TypeVar("T")

# The first byte of an answer: a value, or an error.
VALUE, ERROR = b"V", b"E"
BLOCK = 1 << 16
LENGTH = struct.Struct("!Q")
LONGEST_MESSAGE = 2000
PR_SET_PDEATHSIG, PR_SET_NO_NEW_PRIVS = 1, 38
OPEN_FILES = 128  # a walk holds one for each folder that it is inside of
DAMAGED = "it is damaged, or made to do harm: copy it again, or save it anew"
# Its only threads would be those of the BLAS, which nothing here calls.
VARIABLES = {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}


@dataclass(frozen=True)
class Bounds:
    """What a child may use.

    ``memory``: bytes of address space beyond what it inherits. ``cpu_seconds``, ``seconds``: of
    processor time, and of waiting. ``answer``: bytes.
    """

    memory: int = 384 << 20
    cpu_seconds: int = 10
    seconds: float = 120.0
    answer: int = 32 << 20


BOUNDS = Bounds()


def guarded(
    function: Callable[Concatenate[Path, P], T],
    bounds: Bounds,
    path: Path,
    *args: P.args,
    **kwargs: P.kwargs,
) -> T:
    """Return what ``function(path, …)`` returns, called in a child.

    Args:
        function: one that can be imported; its annotated return type is one that pydantic can
            write as JSON and read again. If its module has a function ``prepare``, that is called
            once beforehand, to make what all children need.
        bounds: what the child may use.
        path: what to read.
        args: passed on.
        kwargs: passed on.

    Raises:
        UsageError: the function raised it, or anything else; or the child overran its bounds.
        InfrastructureError: no process can be had, or this is no Linux.
    """
    call = _Call(function, bounds, path, args, kwargs, _folder())
    answer = _carry_out(call) if _threads() == 1 else _SERVER.carry_out(call)
    try:
        if answer[:1] == VALUE:
            value: T = _adapter(function).validate_json(answer[1:])
            return value
        told = _Told.model_validate_json(answer[1:])
    except ValidationError:
        raise UsageError(f"{path}: its reader's answer makes no sense", hint=DAMAGED) from None
    named = _valid(str(path)) in told.message
    raise UsageError(told.message if named else f"{path}: {told.message}", hint=told.hint)


class _Told(BaseModel):
    message: str
    hint: str | None


@dataclass(frozen=True)
class _Call:
    function: Callable[..., Any]
    bounds: Bounds
    path: Path
    args: tuple[Any, ...]
    kwargs: dict[str, Any]
    folder: str | None

    def __call__(self) -> bytes:
        """Call the function; the answer says what came of it."""
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
            line = next(iter(str(error).strip().splitlines()), "")
            return _error(f"cannot be read: {type(error).__name__}: {line}", DAMAGED)

    def too_large(self) -> bytes:
        """Return the answer for a file that needs too much memory."""
        megabytes = self.bounds.memory >> 20
        return _error(f"takes more than {megabytes} MB of memory to be read", DAMAGED)


def _error(message: str, hint: str | None) -> bytes:
    # What a file says may be no Unicode.
    told = _Told(message=_valid(message[:LONGEST_MESSAGE]), hint=hint and _valid(hint))
    return ERROR + told.model_dump_json().encode()


def _valid(text: str) -> str:
    return text.encode("utf-8", "replace").decode("utf-8")


@cache
def _adapter(function: Callable[..., T]) -> TypeAdapter[T]:
    return TypeAdapter(get_type_hints(function)["return"])


@cache
def _prepare(function: Callable[..., Any]) -> None:
    """Make what every child needs, so that they inherit it."""
    _adapter(function)
    prepare = getattr(sys.modules[function.__module__], "prepare", None)
    if prepare:
        prepare()


def _folder() -> str | None:
    """Return where this process stands: the server began elsewhere."""
    try:
        return os.getcwd()  # noqa: PTH109 - as chdir takes it
    except OSError:
        return None  # it was removed


def _threads() -> int:
    try:
        return len(os.listdir("/proc/self/task"))  # noqa: PTH208 - names are enough
    except FileNotFoundError:
        raise InfrastructureError(
            f"files cannot be read safely on this machine ({platform.system()}): it has no /proc",
            hint="kerasmatrix runs on Linux x86-64: use such a machine, or a container on this one",
        ) from None


def _carry_out(call: _Call) -> bytes:
    """Do ``call`` in a child forked from this process, and return the answer."""
    _prepare(call.function)
    receive, send = os.pipe()
    try:
        pid = os.fork()
    except OSError as error:
        os.close(receive)
        os.close(send)
        raise InfrastructureError(f"no process can be had: {error}") from error
    if pid == 0:
        _be_the_child(call, send)
    os.close(send)
    try:
        answer, trouble = _await(receive, call.bounds)
    finally:
        os.close(receive)
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
        _, status = os.waitpid(pid, 0)
    return _error(trouble, DAMAGED) if trouble else answer or _how_it_died(call, status)


def _await(receive: int, bounds: Bounds) -> tuple[bytes, str | None]:
    """Return the whole answer; or, where it does not come or is too long, the trouble."""
    answer = bytearray()
    deadline = time.monotonic() + bounds.seconds
    while True:
        left = deadline - time.monotonic()
        if left <= 0 or not select.select([receive], [], [], left)[0]:
            return b"", f"was not read within {bounds.seconds:g} s"
        block = os.read(receive, BLOCK)
        if not block:
            return bytes(answer), None
        answer += block
        if len(answer) > bounds.answer:
            return b"", f"describes more than {bounds.answer >> 20} MB of structure"


def _how_it_died(call: _Call, status: int) -> bytes:
    number = os.WTERMSIG(status) if os.WIFSIGNALED(status) else 0
    if number == signal.SIGXCPU:
        return _error(
            f"takes more than {call.bounds.cpu_seconds} s of processor time to be read", DAMAGED
        )
    if number in {signal.SIGABRT, signal.SIGKILL}:  # how libraries answer that memory has ended
        return call.too_large()
    how = signal.strsignal(number) if number else "it ended without an answer"
    return _error(f"cannot be read: it ends its reader ({how})", DAMAGED)


def _be_the_child(call: _Call, send: int) -> NoReturn:
    """Answer, and leave without running the parent's exit handlers."""
    try:
        _confine(send, call.bounds)
        try:
            answer = call()
        except MemoryError:
            answer = call.too_large()
        while answer:
            answer = answer[os.write(send, answer) :]
    finally:
        os._exit(0)


def _confine(send: int, bounds: Bounds) -> None:
    """Leave this process the descriptor ``send`` and what ``bounds`` allow."""
    os.setsid()
    for heard in (signal.SIGINT, signal.SIGTERM):
        signal.signal(heard, signal.SIG_DFL)
    system = ctypes.CDLL(None)
    system.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    system.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
    nothing = os.open(os.devnull, os.O_RDWR)
    for number in range(3):
        os.dup2(nothing, number)
    os.closerange(3, send)
    os.closerange(send + 1, resource.getrlimit(resource.RLIMIT_NOFILE)[0])
    statm = Path("/proc/self/statm").read_text(encoding="ascii")
    inherited = int(statm.split()[0]) * resource.getpagesize()
    limits: dict[int, int] = {
        resource.RLIMIT_AS: inherited + bounds.memory,
        resource.RLIMIT_CPU: bounds.cpu_seconds,
        resource.RLIMIT_CORE: 0,
        resource.RLIMIT_FSIZE: 0,
        resource.RLIMIT_NPROC: 0,
        resource.RLIMIT_NOFILE: OPEN_FILES,
    }
    for kind, wanted in limits.items():
        hard = resource.getrlimit(kind)[1]
        most = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
        # At the hard limit of processor time it would be killed without a word of why.
        resource.setrlimit(kind, (most, hard if kind == resource.RLIMIT_CPU else most))


class _Server:
    """A process with one thread that forks children for one that has more. It is kept."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._owner = 0

    def carry_out(self, call: _Call) -> bytes:
        """Have ``call`` done there and return the answer."""
        asked = pickle.dumps(call)
        with self._lock:
            for _ in range(2):  # whoever ended it, the next one answers
                try:
                    return self._ask(asked)
                except (OSError, EOFError):
                    self.close()
        raise InfrastructureError("the process that reads files does not answer")

    def _ask(self, asked: bytes) -> bytes:
        if self._process is None or self._owner != os.getpid():
            self._process = subprocess.Popen(  # noqa: S603 - this very program
                # Safe: a folder of models may hold a numpy.py, and is often where one stands.
                [sys.executable, "-P", "-c", f"import {__name__} as it; it.serve()"],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                env={**os.environ, **VARIABLES},
                start_new_session=True,
            )
            self._owner = os.getpid()
            atexit.register(self.close)
        process = self._process
        assert process.stdin is not None  # noqa: S101 - tells mypy what PIPE means
        assert process.stdout is not None  # noqa: S101
        process.stdin.write(LENGTH.pack(len(asked)) + asked)
        process.stdin.flush()
        return _read(process.stdout)

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
    """Carry out the calls that the parent, which is trusted, sends; until it is gone."""
    out = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    while True:
        try:
            call = pickle.loads(_read(sys.stdin.buffer))  # noqa: S301 - see above
        except EOFError:
            return
        answer = _carry_out(call)
        try:
            out.write(LENGTH.pack(len(answer)) + answer)
            out.flush()
        except BrokenPipeError:
            # The parent was killed while this was at it: what is buffered is for nobody.
            os._exit(0)
