"""Runs one piece of work in a forked child that can do nothing to its parent.

The child has its own session, its own captured output, a deadline and a memory limit. Whatever
becomes of it (a result, an exception, a signal, silence, garbage) is returned as plain data.
"""

from __future__ import annotations

import ctypes
import os
import resource
import signal
import sys
import tempfile
import time
from typing import Any

from . import failure, wire

__all__ = ["Abandoned", "run"]

LOG_LIMIT = 8192
PR_SET_PDEATHSIG = 1
PATIENCE = 10
IDLE_SECONDS = 5.0


class Abandoned(Exception):
    """The runner hung up while a child was at work; the child is dead."""


def run(work: Any, deadline: float, memory_mb: int, watch: Any = None, private: tuple = ()) -> dict:
    """Call ``work()`` in a child and return how it ended.

    Args:
        work: a function without arguments that returns JSON-ready data.
        deadline: seconds of processor time until the child is killed, or of waiting if it uses
            none: on a machine that is busy with other things a slow child is not a hanging one.
        memory_mb: how much the child may allocate beyond what it inherits.
        watch: a ``wire.Line`` whose end means that nobody waits for the answer any more.
        private: file descriptors of the parent that the child must not have.

    Returns:
        ``ended`` (``returned``, ``raised``, ``crashed``, ``timed-out``), ``value``, ``error``,
        ``exit_code``, ``signal``, ``log``, ``seconds``, ``peak_memory_mb``.

    Raises:
        Abandoned: ``watch`` came to its end.
    """
    started = time.time()
    log = tempfile.TemporaryFile()  # noqa: SIM115 - closed below, whatever happens
    receive, send = os.pipe()
    pid = os.fork()
    if pid == 0:
        for descriptor in (receive, *private):
            os.close(descriptor)
        _be_the_child(work, send, log.fileno(), memory_mb)
    os.close(send)
    line = wire.Line(receive)
    try:
        timed_out = not _await_line(line, Deadline(pid, deadline), watch)
        # Nothing of it stays behind. A child that has answered gets a moment to leave by itself,
        # or a crash after the answer would be hidden.
        _kill(pid, wait_first=0 if timed_out else 5)
        status, usage = _reap(pid)
        answer = line.take()
        ended = _outcome(answer, status, timed_out=timed_out)
        ended["seconds"] = time.time() - started
        ended["peak_memory_mb"] = usage.ru_maxrss / 1024.0
        ended["log"] = _tail(log)
    except BaseException:
        _kill(pid)
        _reap(pid)
        raise
    else:
        return ended
    finally:
        os.close(receive)
        log.close()


def _be_the_child(work: Any, send: int, log: int, memory_mb: int) -> None:
    """Do the work, answer, and leave without running the parent's exit handlers."""
    code = 70
    try:
        os.setsid()
        _die_with_parent()
        _prefer_me_to_my_parent_when_memory_ends()
        _limit_memory(memory_mb)
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        for number, name in ((1, "stdout"), (2, "stderr")):
            os.dup2(log, number)
            # Line by line, so that a child that is killed has said what it had to say.
            stream = os.fdopen(number, "w", 1, errors="backslashreplace", closefd=False)
            setattr(sys, name, stream)
        for inherited in (signal.SIGINT, signal.SIGTERM):
            signal.signal(inherited, signal.SIG_DFL)
        try:
            message = {"value": work()}
        except SystemExit as left:
            # To leave is not to fail: nobody knows what the script would have done.
            message = {"left": left.code if isinstance(left.code, int) else 1}
        except BaseException as error:
            message = {"error": failure.describe(error), "stage": getattr(work, "stage", None)}
        sys.stdout.flush()
        sys.stderr.flush()
        answer = wire.encode(message)
        while answer:
            answer = answer[os.write(send, answer) :]
        code = 0
    finally:
        os._exit(code)


class Deadline:
    """Tells when a child has had its time: `seconds` of work, or of doing nothing at all.

    A child that neither ends nor works up its time is given up after `PATIENCE` times as long.
    """

    def __init__(self, pid: int, seconds: float) -> None:
        self._pid = pid
        self._seconds = seconds
        self._started = self._busy = time.time()
        self._used = 0.0

    def is_over(self) -> bool:
        """Whether the child is to be ended; to be asked every second or so."""
        now = time.time()
        used = self._processor_seconds()
        if used - self._used > 0.01 * (now - self._busy):
            self._used, self._busy = used, now
        waited = now - self._started
        idle = waited >= self._seconds and now - self._busy >= min(self._seconds, IDLE_SECONDS)
        return idle or used >= self._seconds or waited >= PATIENCE * self._seconds

    def _processor_seconds(self) -> float:
        """Return what all threads of the child have used (``man 5 proc``, fields 14 and 15)."""
        try:
            with open(f"/proc/{self._pid}/stat") as handle:
                fields = handle.read().rpartition(")")[2].split()
            return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
        except (OSError, IndexError, ValueError):
            return 0.0


def _await_line(line: wire.Line, deadline: Deadline, watch: Any) -> bool:
    """Fill ``line`` until it holds a whole line or is closed; False when time is up."""
    while not line.ready:
        if deadline.is_over():
            return False
        if line.wait(0.1):
            line.fill()
        elif watch is not None and not watch.closed and watch.wait(0):
            watch.fill()
            if watch.closed:
                raise Abandoned
    return True


def _kill(pid: int, wait_first: float = 0.0) -> None:
    """End the child's whole session, after giving it ``wait_first`` seconds to leave."""
    limit = time.time() + wait_first
    while time.time() < limit and not _has_left(pid):
        time.sleep(0.001)
    try:
        os.killpg(pid, signal.SIGKILL)
    except (ProcessLookupError, PermissionError):
        os.kill(pid, signal.SIGKILL)  # it has not come to setsid yet; not reaped, so still there


def _has_left(pid: int) -> bool:
    return os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None


def _reap(pid: int) -> tuple:
    _, status, usage = os.wait4(pid, 0)
    return status, usage


def _outcome(answer: bytes | None, status: int, *, timed_out: bool) -> dict:
    number = os.WTERMSIG(status) if os.WIFSIGNALED(status) else None
    code = os.WEXITSTATUS(status) if os.WIFEXITED(status) else None
    ended = dict(ended="crashed", value=None, error=None, stage=None, exit_code=code, signal=number)
    if timed_out:
        ended.update(ended="timed-out", exit_code=None, signal=None)
        return ended
    if answer is None:
        return ended
    try:
        message = wire.decode(answer)
    except ValueError:
        ended["exit_code"] = None
        return ended
    if "left" in message:
        ended["exit_code"] = message["left"]
    elif "error" in message:
        ended.update(ended="raised", error=message["error"], stage=message.get("stage"))
    elif "value" in message:
        ended.update(ended="returned", value=message["value"], exit_code=None, signal=None)
    return ended


def _tail(log: Any) -> str:
    size = log.seek(0, os.SEEK_END)
    log.seek(max(0, size - LOG_LIMIT))
    return bytes(log.read()).decode("utf-8", "replace")


def _die_with_parent() -> None:
    """Ask Linux to kill this process when its parent dies, however that happens."""
    try:
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    except (OSError, AttributeError):
        pass


def _prefer_me_to_my_parent_when_memory_ends() -> None:
    """Make the kernel's out-of-memory killer choose this child, not the worker."""
    try:
        with open("/proc/self/oom_score_adj", "w") as handle:
            handle.write("1000")
    except OSError:
        pass


def _limit_memory(memory_mb: int) -> None:
    """Allow ``memory_mb`` of address space beyond what TensorFlow's import has mapped already."""
    try:
        with open("/proc/self/statm") as handle:
            inherited = int(handle.read().split()[0]) * os.sysconf("SC_PAGE_SIZE")
        limit = inherited + memory_mb * 1024 * 1024
        resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
    except (OSError, ValueError):
        pass
