"""Runs pieces of work in forked children that can do nothing to their parent.

A child does the pieces of a batch one after the other and answers each as it is done. It has its
own session, its own captured output and a memory limit, and each piece of work has a deadline.
Whatever becomes of one (a result, an exception, a signal, silence, garbage) is returned as plain
data. What does not return is believed of a child that had done nothing before, and what was raised
also where such a child has raised just that in the same group. Otherwise it is done again in a new
child. Where that raises the same, the old one goes on, which had only to wait; else the rest is for
a new one.
"""

from __future__ import annotations

import ctypes
import os
import re
import resource
import signal
import sys
import tempfile
import time
from typing import Any

from . import exception_data, protocol, sandbox, trees

__all__ = ["Abandoned", "die_with_parent", "run"]

LOG_LIMIT = 8192
PR_SET_PDEATHSIG = 1
# A child that waits for a processor all the time is ended after so many times its deadline.
PATIENCE = 5
# What a task may write at the most; a model and what it is made of are far below.
WRITTEN_BYTES, WRITTEN_FILES = 8 << 30, 50_000
# A child is ended when the disk has less free space than this, even if others have filled it.
LEAST_FREE = 1 << 30
LOOK_SECONDS = 0.5  # between two looks at what was written
LOOK_SHARE = 4  # ... and at least so many times as long as one took
LEAST_PRIORITY = 19
# A child holds at most what its works may allocate; these make that rare. Measured: a load leaves
# 1 to 5 MB behind in its process.
WORKS_PER_CHILD = 100
HELD_MB = 512
# What is another in the same message of two tasks: addresses and other identities of objects, the
# digest of an artifact, the folder of a task.
INCIDENTAL = re.compile(r"0x[0-9a-f]+|\b[0-9a-f]{64}\b|\btask-\d+-[0-9a-f]+\b|\b\d{9,}\b")
# ... and the config in the file, which Keras quotes since 2.9: up to the last brace of its line.
CONFIG = re.compile(r"\bconfig(?:=|: )\{")


class Abandoned(Exception):
    """The runner hung up while a child was at work; the child is dead."""


def run(  # noqa: PLR0913, PLR0917 - what a child is made with
    works: list,
    memory_mb: int,
    watch: Any = None,
    private: tuple = (),
    baseline: Any = None,
    after: Any = None,
    confirmed: set | None = None,
) -> Any:
    """Call each of ``works`` in a child and yield how it ended, in order.

    Args:
        works: functions without arguments that return JSON-ready data. Each has a ``deadline``:
            seconds until its child is killed, without the time in which it waits for a processor:
            on a machine that is busy with other things a slow child is not a hanging one. Works
            that follow one another may share a child where their ``group`` is equal.
        memory_mb: how much a child may allocate beyond what it inherits.
        watch: a ``wire.Line`` whose end means that nobody waits for the answers any more.
        private: file descriptors of the parent that a child must not have.
        baseline: its ``restore()`` undoes what a work has left behind, and returns what it could
            not undo; where there is something, the next work gets a new child. Without a baseline
            every one does.
        after: called when a child has ended, before its last answer is yielded.
        confirmed: what was raised so far in children that had done nothing before; is added to.

    Yields:
        ``ended`` (``returned``, ``raised``, ``crashed``, ``timed-out``), ``value``, ``error``,
        ``exit_code``, ``signal``, ``log``, ``seconds``, ``peak_memory_mb``; ``replaced`` says why
        its child did no more.

    Raises:
        Abandoned: ``watch`` came to its end.
    """
    waiting = list(works)
    confirmed = set() if confirmed is None else confirmed

    def alone(work: Any, beside: _Child) -> dict:
        """Do a work in a child that does nothing else, while the one ``beside`` it waits."""
        child = _Child([work], memory_mb, private, baseline, after, beside)
        try:
            return child.answer(work, watch, last=True)
        finally:
            child.end()
            child.close()

    while waiting:
        together = _together(waiting)
        child = _Child(together, memory_mb, private, baseline, after)
        done = 0
        try:
            for number, work in enumerate(together, start=1):
                ended = child.answer(work, watch, last=number == len(together))
                raised = seen = _gist(ended)
                doubtful = done and ended["ended"] != "returned"
                if doubtful and (work.group, raised) not in confirmed:
                    if raised is None or child.gone:
                        break
                    ended = alone(work, child)
                    seen = _gist(ended)
                if seen is not None:
                    confirmed.add((work.group, seen))
                done += 1
                yield ended
                if child.gone or seen != raised:
                    break
                if raised is not None:
                    child.go_on()
        finally:
            child.end()
            child.close()
        waiting = waiting[done:]


def _together(works: list) -> list:
    """Return the first of ``works``, with those that may follow it in the same child."""
    first = works[0].group
    number = 1
    while number < min(len(works), WORKS_PER_CHILD) and works[number].group == first:
        number += 1
    return works[:number]


def _gist(ended: dict) -> tuple | None:
    """Return what was raised, at which stage, without what tells two tasks apart; None if nothing.

    A child that died or fell silent tells nothing that could be compared.
    """
    if ended["ended"] != "raised":
        return None
    try:
        chain = [
            (link["type"], "\n".join(map(_general, link["message"].split("\n"))))
            for link in ended["error"]["chain"]
        ]
    except (AttributeError, KeyError, TypeError):
        return None  # forged: it is no failure that another child could confirm
    return (str(ended["stage"]), *chain)


def _general(line: str) -> str:
    """Return a line of a message without what differs in the same message of another task.

    In a time that is linear in the line: it may have been made to take long.
    """
    config, end = CONFIG.search(line), line.rfind("}")
    if config is None or end < config.end():
        return INCIDENTAL.sub("", line)
    return INCIDENTAL.sub("", line[: config.start()]) + INCIDENTAL.sub("", line[end + 1 :])


class _Child:
    """A forked child at work, seen from its parent."""

    def __init__(  # noqa: PLR0913, PLR0917 - what a child is made with
        self,
        works: list,
        memory_mb: int,
        private: tuple,
        baseline: Any,
        after: Any,
        beside: _Child | None = None,
    ) -> None:
        self.gone = False
        self._after = after
        self._beside = beside
        self._started = time.monotonic()
        self._log = tempfile.TemporaryFile()  # noqa: SIM115 - see `close`
        self._read = 0
        receive, send = os.pipe()
        wait, self._go = os.pipe()
        self.pid = os.fork()
        if self.pid == 0:
            sandbox.open_up()
            for descriptor in (receive, self._go, *private):
                os.close(descriptor)
            _be_the_child(works, send, wait, self._log.fileno(), memory_mb, baseline)
        os.close(send)
        os.close(wait)
        self._line = protocol.Line(receive)

    def answer(self, work: Any, watch: Any, *, last: bool) -> dict:
        """Wait for the next answer; without one, and after the ``last``, the child is ended.

        Which answer is the last is not for the child to say: what it leaves behind would live on.
        """
        folder = getattr(work, "folder", None)
        limits = Deadline(self.pid, work.deadline), Writing(self.pid, folder)
        over = _await_line(self._line, limits, watch)
        timed_out = over is limits[0]
        answer = None if over else self._line.take()
        message = None if answer is None else _understand(answer)
        status = usage = None
        if message is None or last or message.get("replaced") is not None:
            # Nothing of it stays behind. A child that has answered gets a moment to leave.
            status, usage = self.end(wait_first=0 if timed_out else 5)
        ended = _outcome(message, status, garbled=bool(answer), timed_out=timed_out)
        ended["seconds"] = time.monotonic() - self._started
        peak = message and message.get("peak_memory_mb")
        ended["peak_memory_mb"] = peak or (usage.ru_maxrss / 1024.0 if usage else None)
        ended["log"] = self._tail(message)
        if over is limits[1] or self._line.overflowed:
            ended.update(exit_code=None, signal=None)
            ended["log"] += "\n[ended: %s]" % (limits[1].reason or "it answered too much")
        if limits[1].is_full:
            link = dict(type="OSError", message=limits[1].reason)
            ended["error"] = dict(link, chain=[link], traceback="")
        ended["replaced"] = message and message.get("replaced")
        self._started = time.monotonic()
        return ended

    def go_on(self) -> None:
        """Let the child do its next work: after it has raised something it waits."""
        try:
            os.write(self._go, b".")
        except BrokenPipeError:
            pass  # it is dead, as its next answer will tell

    def end(self, wait_first: float = 0.0) -> tuple:
        """End the child, and all it has started; may be called again."""
        if self.gone:
            return None, None
        _kill(self.pid, wait_first)
        _, status, usage = os.wait4(self.pid, 0)
        self.forget()
        beside = self._beside
        if not sandbox.end_all(beside.pid if beside else None) and beside:
            beside.forget()
        if self._after:
            self._after()
        return status, usage

    def forget(self) -> None:
        """Note that its process was waited for: the number may be another one's now."""
        self.gone = True
        os.close(self._line.descriptor)
        os.close(self._go)

    def close(self) -> None:
        """Let go of what was printed."""
        self._log.close()

    def _tail(self, message: dict | None) -> str:
        """Return the end of what was printed since the last answer."""
        size = os.fstat(self._log.fileno()).st_size
        begin, end = self._read, size
        if message:
            end = max(begin, min(size, message["printed"]))
        self._read = end
        begin = max(begin, end - LOG_LIMIT)
        data = os.pread(self._log.fileno(), max(0, end - begin), begin)
        return data.decode("utf-8", "replace")


def _be_the_child(  # noqa: PLR0913, PLR0917 - what a child is made with
    works: list, send: int, wait: int, log: int, memory_mb: int, baseline: Any
) -> None:
    """Do the works, answer, and leave without running the parent's exit handlers."""
    code = 70
    try:
        os.setsid()
        die_with_parent()
        _prefer_me_to_my_parent_when_memory_ends()
        if os.getppid() == 1:
            # Both share what the container has of the processors: the harness ends a fork bomb.
            os.nice(LEAST_PRIORITY)
        inherited = _memory()
        _limit_memory(inherited[0] + memory_mb * 1024 * 1024)
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        for inherited_signal in (signal.SIGINT, signal.SIGTERM):
            signal.signal(inherited_signal, signal.SIG_DFL)
        for number, work in enumerate(works, start=1):
            _speak_into(log)
            _forget_peak()
            message = _do(work)
            sys.stdout.flush()
            sys.stderr.flush()
            message.update(printed=os.lseek(log, 0, os.SEEK_CUR), peak_memory_mb=_peak())
            # Nobody comes after the last: there is nothing to undo.
            last = number == len(works)
            message["replaced"] = None if last else _why_replace(message, inherited[1], baseline)
            answer = protocol.encode(message)
            while answer:
                answer = answer[os.write(send, answer) :]
            last = last or message["replaced"] is not None
            if last or ("error" in message and not os.read(wait, 1)):
                break
        code = 0
    finally:
        os._exit(code)


def _why_replace(message: dict, inherited: int, baseline: Any) -> str | None:
    """Say why this child is not to do anything else; None if it can."""
    if not message.pop("ordinary", True):
        return "what was raised is no ordinary exception"
    if _memory()[1] > inherited + HELD_MB * 1024 * 1024:
        return "it holds much memory"
    return "nothing is undone here" if baseline is None else baseline.restore()


def _do(work: Any) -> dict:
    try:
        return {"value": work()}
    except SystemExit as left:
        # To leave is not to fail: nobody knows what the script would have done.
        return {"left": left.code if isinstance(left.code, int) else 1, "ordinary": False}
    except BaseException as error:
        told = {"error": exception_data.describe(error), "stage": getattr(work, "stage", None)}
        return dict(told, ordinary=isinstance(error, Exception))


def _speak_into(log: int) -> None:
    """Make ``log`` the standard output and error."""
    for number, name in ((1, "stdout"), (2, "stderr")):
        os.dup2(log, number)
        # Line by line, so that a child that is killed has said what it had to say.
        stream = os.fdopen(number, "w", 1, errors="backslashreplace", closefd=False)
        setattr(sys, name, stream)


class Deadline:
    """Tells when a child has had its time: a number of seconds in which it could have worked.

    The time in which it waits for a processor does not count, unless it takes `PATIENCE` times as
    long. In a container the processor time of all processes counts: none but the child's run.
    """

    def __init__(self, pid: int, seconds: float) -> None:
        self._pid = pid
        self._seconds = seconds
        self._started = time.monotonic()
        self._starved = 0.0
        self._used = self._processor_seconds()
        self._delays, _ = self._threads()

    def is_over(self) -> bool:
        """Whether the child is to be ended; to be asked several times a second."""
        now = time.monotonic()
        delays, runnable = self._threads()
        self._starved += max([delays[name] - self._delays.get(name, 0) for name in delays] or [0])
        self._delays = delays
        waited = now - self._started
        # The statistics lack a wait that still goes on: a runnable thread waits, or works.
        idle = not runnable and waited - self._starved >= self._seconds
        worked = self._processor_seconds() - self._used >= self._seconds
        return idle or worked or waited >= PATIENCE * self._seconds

    def _processor_seconds(self) -> float:
        """Return what all threads of the child have used (``man 5 proc``, fields 14 and 15)."""
        try:
            with open(f"/proc/{self._pid}/stat") as handle:
                fields = handle.read().rpartition(")")[2].split()
            own = (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
        except (OSError, IndexError, ValueError):
            own = 0.0
        return max(own, sandbox.processor_seconds())

    def _threads(self) -> tuple:
        """Return how long each thread has waited for a processor, and whether one is runnable.

        The waits are the second number of ``schedstat``, in nanoseconds (Linux,
        ``scheduler/sched-stats.rst``); the state is in ``stat`` (``man 5 proc``).
        """
        delays: dict = {}
        runnable = False
        folder = f"/proc/{self._pid}/task"
        try:
            for thread in os.listdir(folder):
                with open(f"{folder}/{thread}/schedstat") as handle:
                    delays[thread] = int(handle.read().split()[1]) / 1e9
                with open(f"{folder}/{thread}/stat") as handle:
                    runnable = runnable or handle.read().rpartition(")")[2].split()[0] == "R"
        except (OSError, IndexError, ValueError):
            pass  # the thread has ended, or the kernel keeps no such statistics
        return delays, runnable


class Writing:
    """Tells when a child takes more of the disk than it may: a container's disk is the machine's.

    ``reason`` says why, once it is over; ``is_full`` whether the disk is, which others may have
    filled.
    """

    def __init__(self, pid: int, folder: str | None) -> None:
        self.reason = ""
        self.is_full = False
        self._pid = pid
        self._hidden: set = set()
        self._folder = folder and os.path.dirname(folder)
        self._next = time.monotonic() + LOOK_SECONDS

    def is_over(self) -> bool:
        """Whether the child is to be ended; looks at the disk now and then."""
        began = time.monotonic()
        if self._folder is None or began < self._next:
            return False
        self.reason = self._look(self._folder)
        ended = time.monotonic()
        # Many files or processes take long to look at, and deadlines wait meanwhile.
        self._next = ended + max(LOOK_SECONDS, LOOK_SHARE * (ended - began))
        return bool(self.reason)

    def _look(self, folder: str) -> str:
        size, files = trees.measure(folder, WRITTEN_FILES)
        if files > WRITTEN_FILES:
            return f"it wrote more than {WRITTEN_FILES} files"
        unnamed, hidden = sandbox.held(self._pid, folder)
        size += unnamed
        stay_hidden, self._hidden = hidden & self._hidden, hidden
        if stay_hidden:
            return "it hid which files it has open"
        if size > WRITTEN_BYTES:
            return f"it wrote more than {WRITTEN_BYTES >> 30} GB"
        try:
            disk = os.statvfs(folder)
        except OSError:
            return ""
        self.is_full = disk.f_bavail * disk.f_frsize < LEAST_FREE
        if self.is_full:
            return f"No space left on device: less than {LEAST_FREE >> 20} MB are free"
        return ""


def _await_line(line: protocol.Line, limits: tuple, watch: Any) -> Any:
    """Fill ``line`` until it holds a whole line or is closed; return what is over before that."""
    while not line.ready:
        for limit in limits:
            if limit.is_over():
                return limit
        if line.wait(0.1):
            line.fill()
        elif watch is not None and not watch.closed and watch.wait(0):
            watch.fill()
            if watch.closed:
                raise Abandoned
    return None


def _kill(pid: int, wait_first: float = 0.0) -> None:
    """End the child's whole session, after giving it ``wait_first`` seconds to leave."""
    limit = time.monotonic() + wait_first
    while time.monotonic() < limit and not _has_left(pid):
        time.sleep(0.001)
    try:
        os.killpg(pid, signal.SIGKILL)
    except (ProcessLookupError, PermissionError):
        os.kill(pid, signal.SIGKILL)  # it has not come to setsid yet; not reaped, so still there


def _has_left(pid: int) -> bool:
    return os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None


def _understand(answer: bytes) -> dict | None:
    """Return the child's message; None if it is none that can be passed on."""
    try:
        message = protocol.decode(answer)
        protocol.encode(message)
    except (ValueError, RecursionError):
        return None
    return (
        message
        if isinstance(message.get("printed"), int) and message.keys() & {"value", "error", "left"}
        else None
    )


def _outcome(message: dict | None, status: int | None, *, garbled: bool, timed_out: bool) -> dict:
    ended: dict = dict(ended="crashed", value=None, error=None, stage=None)
    ended.update(exit_code=None, signal=None)
    if timed_out:
        ended["ended"] = "timed-out"
    elif message is None:
        if not garbled and status is not None:
            ended["signal"] = os.WTERMSIG(status) if os.WIFSIGNALED(status) else None
            ended["exit_code"] = os.WEXITSTATUS(status) if os.WIFEXITED(status) else None
    elif "left" in message:
        ended["exit_code"] = message["left"]
    elif "error" in message:
        ended.update(ended="raised", error=message["error"], stage=message.get("stage"))
    else:
        ended.update(ended="returned", value=message["value"])
    return ended


def die_with_parent() -> None:
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


def _memory() -> tuple:
    """Return this process's address space and what of it is resident, in bytes."""
    try:
        with open("/proc/self/statm") as handle:
            size, resident = handle.read().split()[:2]
    except (OSError, ValueError):
        return 0, 0
    page = os.sysconf("SC_PAGE_SIZE")
    return int(size) * page, int(resident) * page


def _limit_memory(limit: int) -> None:
    """Allow ``limit`` bytes of address space; what TensorFlow's import has mapped counts too."""
    try:
        resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
    except (OSError, ValueError):
        pass


def _forget_peak() -> None:
    """Make the kernel forget the peak of what was resident (``man 5 proc``, clear_refs)."""
    try:
        with open("/proc/self/clear_refs", "w") as handle:
            handle.write("5")
    except OSError:
        pass


def _peak() -> float | None:
    """Return the most megabytes that were resident since the peak was forgotten."""
    try:
        with open("/proc/self/status") as handle:
            for line in handle:
                if line.startswith("VmHWM:"):
                    return int(line.split()[1]) / 1024.0
    except (OSError, ValueError):
        pass
    return None
