"""The inside of a child: it limits itself, runs its tasks, and answers after each."""

from __future__ import annotations

import ctypes
import os
import signal
import sys
from typing import Any, NamedTuple

from . import exception_data, limits, protocol, sandbox

__all__ = ["Descriptors", "Settings", "die_with_parent", "run_tasks"]

PR_SET_PDEATHSIG = 1
LOWEST_PRIORITY = 19
# Memory that a child may keep after a task. Measured: a load leaves 1 to 5 MB behind.
MAX_KEPT_MB = 512
INTERNAL_ERROR = 70  # EX_SOFTWARE of ``sysexits.h``


class Settings(NamedTuple):
    """The settings of all children of a batch.

    Attributes:
        memory_mb: how much a child may allocate beyond what it inherits.
        private: file descriptors of the parent that a child must not have.
        state: a `ProcessState`, whose ``restore()`` undoes the changes of a task and returns one
            that it cannot undo. Without it every task gets a child of its own.
        after_child: called when a child has ended, before its last result is yielded.
    """

    memory_mb: int
    private: tuple = ()
    state: Any = None
    after_child: Any = None


class Descriptors(NamedTuple):
    """A child's ends of the pipes to its parent, the file for its output, and the parent's ends."""

    answers: int
    permission: int
    log: int
    parents: tuple


def run_tasks(tasks: list, settings: Settings, descriptors: Descriptors) -> None:
    """Run ``tasks`` in a process that was just forked, and end it without exit handlers."""
    exit_code = INTERNAL_ERROR
    try:
        sandbox.allow_ptrace()  # or it could not read its own /proc
        for descriptor in (*descriptors.parents, *settings.private):
            os.close(descriptor)
        inherited_memory = _prepare(settings.memory_mb)
        for number, task in enumerate(tasks, start=1):
            _redirect_output(descriptors.log)
            limits.reset_peak_memory()
            message = _run(task)
            sys.stdout.flush()
            sys.stderr.flush()
            message["printed"] = os.lseek(descriptors.log, 0, os.SEEK_CUR)
            message["peak_memory_mb"] = limits.peak_memory_mb()
            is_last = number == len(tasks)
            # After the last task nothing follows that a change could disturb.
            reason = None if is_last else _why_replace(message, inherited_memory, settings.state)
            message["replaced"] = reason
            message.pop("ordinary", None)
            protocol.send(descriptors.answers, message)
            if is_last or reason is not None:
                break
            # The parent repeats a task that raised in a new child, and permits to go on only if
            # that raises the same. It closes the pipe otherwise.
            if "error" in message and not os.read(descriptors.permission, 1):
                break
        exit_code = 0
    finally:
        os._exit(exit_code)


def die_with_parent() -> None:
    """Ask Linux to kill this process when its parent dies, however that happens."""
    try:
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    except (OSError, AttributeError):
        pass


def _prepare(memory_mb: int) -> int:
    """Limit this process and detach it from its parent; return its memory in bytes."""
    os.setsid()
    die_with_parent()
    limits.offer_to_oom_killer()
    if os.getppid() == 1:
        # Both share the container's processors: the harness must be able to stop a fork bomb.
        os.nice(LOWEST_PRIORITY)
    held = limits.own_memory()
    limits.limit_address_space(limits.address_space() + memory_mb * 1024 * 1024)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    for inherited_signal in (signal.SIGINT, signal.SIGTERM):
        signal.signal(inherited_signal, signal.SIG_DFL)
    return held


def _run(task: Any) -> dict:
    """Run a task; return its value or its error as a message."""
    try:
        return {"value": task()}
    except SystemExit as left:
        # An exit is not a failure of Keras: the rest of the script is unknown.
        return {"left": left.code if isinstance(left.code, int) else 1, "ordinary": False}
    except BaseException as error:
        message = {"error": exception_data.describe(error), "stage": task.stage}
        return dict(message, ordinary=isinstance(error, Exception))


def _why_replace(message: dict, inherited_memory: int, state: Any) -> str | None:
    """Return why this child must not run another task; None if it may."""
    if not message.get("ordinary", True):
        return "it raised a BaseException that is not an Exception"
    if limits.own_memory() > inherited_memory + MAX_KEPT_MB * 1024 * 1024:
        return "it holds much memory"
    return "its changes cannot be undone" if state is None else state.restore()


def _redirect_output(log: int) -> None:
    """Make ``log`` the standard output and error."""
    for number, name in ((1, "stdout"), (2, "stderr")):
        os.dup2(log, number)
        # Line by line, so that the output of a child that is killed is in the log.
        stream = os.fdopen(number, "w", 1, errors="backslashreplace", closefd=False)
        setattr(sys, name, stream)
