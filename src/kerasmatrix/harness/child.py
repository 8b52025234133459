"""A forked child that runs tasks, seen from its parent.

The child has its own session, its own captured output and a memory limit, and each task has a
deadline. However a task ends (a value, an exception, a signal, silence, garbage), the parent gets
plain data.
"""

from __future__ import annotations

import os
import signal
import tempfile
import time
from typing import Any

from . import answer, protocol, sandbox
from .child_process import Descriptors, Settings, run_tasks
from .deadline import Deadline
from .limits import DiskLimit

__all__ = ["LOG_LIMIT", "Child", "RunnerGone"]

LOG_LIMIT = 8192
EXIT_SECONDS = 5  # in which a child that has answered may exit by itself
POLL_SECONDS = 0.1


class RunnerGone(Exception):
    """The runner hung up while a child was at work."""


class Child:
    """A forked child; as a context it is killed at the end, with all that it has started.

    Args:
        tasks: what the child runs, one after the other.
        settings: what all children of a batch have in common.
        waiting: another child, which waits and must survive this one's end.
    """

    def __init__(self, tasks: list, settings: Settings, waiting: Child | None = None) -> None:
        self.has_ended = False
        self._after_child = settings.after_child
        self._waiting = waiting
        self._task_started = time.monotonic()
        self._log = tempfile.TemporaryFile()  # noqa: SIM115 - closed in `__exit__`
        self._log_position = 0
        receive, send = os.pipe()
        wait, self._permission = os.pipe()
        self.pid = os.fork()
        if self.pid == 0:
            parents = (receive, self._permission)
            run_tasks(tasks, settings, Descriptors(send, wait, self._log.fileno(), parents))
        os.close(send)
        os.close(wait)
        self._line = protocol.Line(receive)

    def __enter__(self) -> Child:  # noqa: PYI034 - Python 3.7 has no `Self`
        return self

    def __exit__(self, *_: object) -> None:
        self.end()
        self._log.close()

    def result(self, task: Any, watch: Any, *, is_last: bool) -> dict:
        """Wait until the current task has ended; return its result.

        The child is ended after the last task, and if it answers nothing that can be understood.
        The child itself must not decide which answer is the last: if it stayed, the processes and
        files that it leaves would stay, too.

        Raises:
            RunnerGone: ``watch`` has ended.
        """
        deadline = Deadline(self.pid, task.deadline)
        disk = DiskLimit(self.pid, task.folder)
        exceeded = self._wait_for_answer((deadline, disk), watch)
        timed_out = exceeded is deadline
        line = None if exceeded else self._line.take()
        message = None if line is None else answer.parse(line)
        status = usage = None
        if message is None or is_last or message.get("replaced") is not None:
            status, usage = self.end(wait_first=0 if timed_out else EXIT_SECONDS)
        result = answer.to_result(message, status, is_garbled=bool(line), timed_out=timed_out)
        peak = message and message.get("peak_memory_mb")
        result.update(
            seconds=time.monotonic() - self._task_started,
            peak_memory_mb=peak or (usage.ru_maxrss / 1024.0 if usage else None),
            log=self._new_output(message),
            replaced=message and message.get("replaced"),
        )
        self._explain_kill(result, disk)
        self._task_started = time.monotonic()
        return result

    def permit_next(self) -> None:
        """Let the child run its next task: after an error it waits for permission."""
        try:
            os.write(self._permission, b".")
        except BrokenPipeError:
            pass  # it is dead; its next result will say so

    def end(self, wait_first: float = 0.0) -> tuple:
        """Kill the child and all that it has started; return its exit status and resource usage.

        Args:
            wait_first: seconds in which the child may exit by itself.
        """
        if self.has_ended:
            return None, None
        _kill_session(self.pid, wait_first)
        _, status, usage = os.wait4(self.pid, 0)
        self._note_end()
        waiting = self._waiting
        if not sandbox.kill_children(waiting.pid if waiting else None) and waiting:
            waiting._note_end()  # noqa: SLF001 - of the same class
        if self._after_child:
            self._after_child()
        return status, usage

    def _note_end(self) -> None:
        """Forget the child's process: another one may get its number."""
        self.has_ended = True
        os.close(self._line.descriptor)
        os.close(self._permission)

    def _wait_for_answer(self, limits: tuple, watch: Any) -> Any:
        """Wait for a line of the child, or its end; return the limit that it exceeds meanwhile."""
        while not self._line.ready:
            for limit in limits:
                if limit.is_exceeded():
                    return limit
            if self._line.wait(POLL_SECONDS):
                self._line.fill()
            elif watch is not None and not watch.closed and watch.wait(0):
                watch.fill()
                if watch.closed:
                    raise RunnerGone
        return None

    def _explain_kill(self, result: dict, disk: DiskLimit) -> None:
        """Say in ``result`` why the child was killed, if it took too much."""
        reason = disk.reason or ("it answered too much" if self._line.overflowed else "")
        if reason:
            # The signal is the parent's own.
            result.update(exit_code=None, signal=None)
            result["log"] += f"\n[ended: {reason}]"
        if disk.is_disk_full:
            link = dict(type="OSError", message=disk.reason)
            result["error"] = dict(link, chain=[link], traceback="")

    def _new_output(self, message: dict | None) -> str:
        """Return the end of the output since the last answer.

        The message says how far the output of its task goes, and may be forged.
        """
        size = os.fstat(self._log.fileno()).st_size
        begin, end = self._log_position, size
        if message:
            end = max(begin, min(size, message["printed"]))
        self._log_position = end
        begin = max(begin, end - LOG_LIMIT)
        data = os.pread(self._log.fileno(), max(0, end - begin), begin)
        return data.decode("utf-8", "replace")


def _kill_session(pid: int, wait_first: float = 0.0) -> None:
    """Kill a child's whole session, after ``wait_first`` seconds in which the child may exit."""
    limit = time.monotonic() + wait_first
    while time.monotonic() < limit and not _has_exited(pid):
        time.sleep(0.001)
    try:
        os.killpg(pid, signal.SIGKILL)
    except (ProcessLookupError, PermissionError):
        # It has not called setsid yet. It was not waited for, so its number is still its own.
        os.kill(pid, signal.SIGKILL)


def _has_exited(pid: int) -> bool:
    return os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None
