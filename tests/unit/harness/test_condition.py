"""What one file may change for the next, seen from a process that stands for the harness."""

import ctypes
import os
import resource
import subprocess
import sys

import pytest

from kerasmatrix.harness import condition, sandbox

IPC_RMID = 0


def limits(_):
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft - 1, hard))


def niceness(_):
    os.setpriority(os.PRIO_PROCESS, 0, 5)


def scheduler(_):
    os.sched_setscheduler(0, os.SCHED_BATCH, os.sched_param(0))


def a_file(shared):
    (shared / "left").touch()


def a_process(_):
    subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])


def a_semaphore(_):
    libc = ctypes.CDLL(None)
    condition.made = libc.semget(0, 1, 0o600)
    assert condition.made >= 0


def nothing(_):
    pass


@pytest.mark.parametrize(
    ("change", "word"),
    [
        (nothing, None),
        (limits, "limits"),
        (niceness, "scheduling"),
        (scheduler, "scheduling"),
        (a_file, "files"),
        (a_process, "processes"),
        (a_semaphore, "System V"),
    ],
    ids=lambda value: getattr(value, "__name__", None),
)
def test_condition_changed_container_says_what_differs(tmp_path, monkeypatch, change, word):
    monkeypatch.setattr(sandbox, "SHARED", (str(tmp_path),))
    if change is not a_semaphore:
        # Outside a container these are the whole machine's.
        monkeypatch.setattr(condition, "_system_v", lambda _: 0)
    receive, send = os.pipe()
    pid = os.fork()  # what is changed stays in there
    if pid == 0:
        before = condition.Condition()
        first = before.difference()
        change(tmp_path)
        os.write(send, repr((first, before.difference())).encode())
        for child in sandbox.others():
            os.kill(child, 9)
        if change is a_semaphore:
            ctypes.CDLL(None).semctl(condition.made, 0, IPC_RMID)
        os._exit(0)
    os.close(send)
    with os.fdopen(receive, "rb") as answer:
        first, second = eval(answer.read())
    os.waitpid(pid, 0)
    assert first is None
    assert second is word is None or word in second, (first, second)


def test_condition_memory_that_stays_is_a_difference(tmp_path, monkeypatch):
    held = [100 << 20]
    monkeypatch.setattr(sandbox, "SHARED", (str(tmp_path),))
    monkeypatch.setattr(sandbox, "others", list)
    monkeypatch.setattr(condition, "_held_memory", lambda: held[0])
    before = condition.Condition()
    held[0] += condition.MEMORY
    assert before.difference() is None
    held[0] += 1
    assert "memory" in before.difference()


@pytest.mark.parametrize(
    ("value", "policy", "nice", "shown"),
    [
        (0, os.SCHED_OTHER, 0, 0),
        (4, os.SCHED_OTHER, 0, 0),
        (-1, os.SCHED_OTHER, 0, 0),
        (2 << 13 | 4, os.SCHED_OTHER, 0, 0),
        (2 << 13 | 7, os.SCHED_OTHER, 19, 0),
        (3 << 13 | 4, os.SCHED_IDLE, 0, 0),
        (1 << 13 | 4, os.SCHED_FIFO, 0, 0),
        (3 << 13 | 4, os.SCHED_OTHER, 0, 3 << 13 | 4),
        (2 << 13 | 0, os.SCHED_OTHER, 0, 2 << 13),
    ],
)
def test_io_priority_never_set_is_the_same_before_and_after_io(value, policy, nice, shown):
    assert condition._io_priority(value, policy, nice) == shown
