"""Batches in real children: when tasks share a child, and which results count."""

import json
import mmap
import os
import signal
import subprocess
import sys
import time

import pytest

from kerasmatrix.engines.local import HARNESS
from kerasmatrix.harness import batch, child_process
from kerasmatrix.harness.child_process import Settings
from tests.unit.harness.batches import (
    MEMORY,
    SETTINGS,
    FakeState,
    Task,
    endings,
    is_gone,
    run_batch,
)  # fmt: skip
from tests.unit.harness.spared_child import EXPECTED, SCRIPT


def test_batch_shared_child_separates_output():
    def say(text):
        return lambda: (print(text), os.getpid())[1]

    first, second, third = run_batch(say("one"), say("two"), say("three"))
    assert first["value"] == second["value"] == third["value"]
    assert [result["log"] for result in (first, second, third)] == ["one\n", "two\n", "three\n"]


def test_batch_other_group_gets_new_child():
    pids = [
        result["value"]
        for result in run_batch(
            *(Task(os.getpid, group=group) for group in ("a", "a", "b", "b", "a"))
        )
    ]
    assert pids[0] == pids[1] != pids[2] == pids[3] != pids[4] != pids[0]


def test_batch_without_state_uses_child_per_task():
    first, second = run_batch(os.getpid, os.getpid, settings=Settings(MEMORY))
    assert first["value"] != second["value"]


def test_batch_state_not_restored_gets_new_child(monkeypatch):
    def spoil():
        FakeState.change = "a flag"
        return os.getpid()

    first, second, third = run_batch(os.getpid, spoil, os.getpid)
    assert first["value"] == second["value"] != third["value"]


@pytest.mark.parametrize(
    ("failure", "ended"),
    [
        (os.abort, "crashed"),
        (lambda: sys.exit(3), "crashed"),
        (lambda: 1 / 0, "raised"),
        (lambda: len(bytearray((MEMORY + 64) * 2**20)), "raised"),
        (object, "crashed"),
        (signal.pause, "timed-out"),
    ],
)
def test_batch_failing_task_leaves_the_rest_unchanged(failure, ended):
    results = run_batch(lambda: 1, Task(failure, deadline=0.3), lambda: 2, lambda: 3)
    assert endings(results) == ["returned", ended, "returned", "returned"]
    assert [result["value"] for result in results] == [1, None, 2, 3]


@pytest.mark.parametrize("failure", [os.abort, lambda: 1 / 0, signal.pause])
def test_batch_failure_after_others_is_repeated_alone(failure):
    state = []

    def spoil():
        state.append(1)
        return "spoilt"

    def task():
        return failure() if state else "alone"

    results = run_batch(spoil, Task(task, deadline=0.3), os.getpid)
    assert [result["value"] for result in results[:2]] == ["spoilt", "alone"]
    assert endings(results) == ["returned"] * 3


def test_batch_first_task_raises_child_goes_on():
    def fail():
        raise ValueError(os.getpid())

    first, second = run_batch(fail, os.getpid)
    assert first["error"]["message"] == str(second["value"])


def failing(message, count):
    """Return a task that fails, and writes a byte to ``count`` each time that it runs."""

    def fail():
        os.write(count, b".")
        raise ValueError(message)

    return fail


@pytest.mark.parametrize(
    ("messages", "runs"),
    [
        # The first task of a child confirms its error; the second raises the same.
        (("no layer X in 0x7f01", "no layer X in 0x7f02"), 2),
        # Another message must be confirmed by a new child.
        (("no layer X", "no layer Y"), 3),
        # The config in a message differs from file to file; the rest must be equal.
        (("no X. Full object config: {'a': {'b': 1}}", "no X. Full object config: {'c': 2}"), 2),
        (("no X in config={'a': 1}. Why: ['b']", "no X in config={'a': 1}. Why: ['c']"), 3),
        (("unknown arguments: {'a': 1}", "unknown arguments: {'b': 1}"), 3),
    ],
)
def test_batch_confirmed_error_is_not_repeated(messages, runs):
    receive, send = os.pipe()
    results = run_batch(*(failing(text, send) for text in messages))
    os.close(send)
    assert [result["error"]["message"] for result in results] == list(messages)
    assert len(os.read(receive, 10)) == runs
    os.close(receive)


def test_batch_error_confirmed_child_goes_on():
    def fail():
        raise ValueError("no layer X")

    before, failed, after = run_batch(os.getpid, fail, os.getpid)
    assert failed["ended"] == "raised"
    assert before["value"] == after["value"]


def test_batch_error_not_confirmed_replaces_child():
    state = []

    def fail():
        if state:
            raise ValueError("no layer X")
        return "alone"

    before, alone, after = run_batch(lambda: (state.append(1), os.getpid())[1], fail, os.getpid)
    assert alone["value"] == "alone"
    assert before["value"] != after["value"]


def test_batch_waiting_child_killed_is_replaced():
    notes = os.memfd_create("notes")

    def fail_and_kill_earlier_child():
        first = int(os.pread(notes, 20, 0) or 0)
        if first:
            os.kill(first, signal.SIGKILL)
        else:
            os.pwrite(notes, b"%d" % os.getpid(), 0)
        raise ValueError("no layer X")

    before, failed, after = run_batch(os.getpid, fail_and_kill_earlier_child, os.getpid)
    os.close(notes)
    assert endings([before, failed, after]) == ["returned", "raised", "returned"]
    assert before["value"] != after["value"]


def test_batch_leftover_is_killed_waiting_child_is_spared():
    printed = subprocess.run(
        [sys.executable, SCRIPT, HARNESS.parent], check=True, capture_output=True, text=True
    )
    assert json.loads(printed.stdout) == EXPECTED


def test_batch_error_confirmed_earlier_is_not_repeated():
    receive, send = os.pipe()
    confirmed = set()
    for tasks in ([failing("X", send)], [os.getpid, failing("X", send)]):
        results = list(batch.run([Task(task) for task in tasks], SETTINGS, confirmed=confirmed))
        assert results[-1]["ended"] == "raised"
    os.close(send)
    assert len(os.read(receive, 10)) == 2
    os.close(receive)


def test_batch_error_of_other_group_confirms_nothing():
    receive, send = os.pipe()
    fail = failing("no layer X", send)
    run_batch(Task(fail, group="a"), Task(os.getpid, group="b"), Task(fail, group="b"))
    os.close(send)
    assert len(os.read(receive, 10)) == 3
    os.close(receive)


def test_batch_interrupt_gets_new_child():
    def interrupt():
        print(os.getpid())
        raise KeyboardInterrupt

    first, second = run_batch(interrupt, os.getpid)
    assert first["error"]["type"] == "KeyboardInterrupt"
    assert int(first["log"]) != second["value"]


def test_batch_deadline_counts_per_task():
    def task():
        limit = time.process_time() + 0.3
        while time.process_time() < limit:
            pass

    assert endings(run_batch(*(Task(task, deadline=0.6) for _ in range(3)))) == ["returned"] * 3


def test_batch_closed_early_leaves_no_child():
    results = batch.run([Task(os.getpid), Task(signal.pause)], SETTINGS)
    pid = next(results)["value"]
    results.close()
    assert is_gone(pid)
    with pytest.raises(ChildProcessError):
        os.waitpid(-1, os.WNOHANG)


def test_batch_child_keeps_memory_is_replaced(monkeypatch):
    monkeypatch.setattr(child_process, "MAX_KEPT_MB", 32)
    held = []

    def hoard():
        # Not from the heap, where earlier tests have left memory that is free and would be used.
        private = mmap.mmap(-1, 64 * 2**20, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
        private.write(b"x" * len(private))
        held.append(private)
        return os.getpid()

    first, second = run_batch(hoard, os.getpid)
    assert first["value"] != second["value"]


def test_batch_more_than_maximum_gets_new_child(monkeypatch):
    monkeypatch.setattr(batch, "MAX_TASKS_PER_CHILD", 2)
    pids = [result["value"] for result in run_batch(*[os.getpid] * 3)]
    assert pids[0] == pids[1] != pids[2]
