"""Real children, without TensorFlow: however a task ends, the parent gets plain data."""

import fcntl
import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from kerasmatrix.harness import child, protocol
from kerasmatrix.harness.child_process import Settings
from tests.unit.harness.batches import MEMORY, Task, is_gone, run, run_batch


def test_child_returns_value_output_time_and_memory():
    def task():
        print("to standard output")
        print("to standard error", file=sys.stderr)
        os.write(1, b"from below Python\n")
        return {"answer": 42}

    result = run(task)
    assert result["ended"] == "returned"
    assert result["value"] == {"answer": 42}
    for printed in ("to standard output", "to standard error", "from below Python"):
        assert printed in result["log"]
    assert result["seconds"] > 0
    assert result["peak_memory_mb"] > 1


def test_child_raises_has_chain_stage_and_traceback():
    class Loading(Task):
        stage = "load"

    def task():
        try:
            raise KeyError("inner")
        except KeyError as error:
            raise ValueError("outer") from error

    (result,) = run_batch(Loading(task))
    assert result["ended"] == "raised"
    assert result["stage"] == "load"
    assert [link["type"] for link in result["error"]["chain"]] == ["ValueError", "KeyError"]
    assert "in task" in result["error"]["traceback"]


@pytest.mark.parametrize(
    ("task", "expected"),
    [
        (os.abort, {"signal": signal.SIGABRT, "exit_code": None}),
        (lambda: os.kill(os.getpid(), signal.SIGSEGV), {"signal": signal.SIGSEGV}),
        (lambda: os._exit(7), {"exit_code": 7, "signal": None}),
        (lambda: sys.exit(3), {"exit_code": 3}),
        (lambda: sys.exit("a message"), {"exit_code": 1}),
    ],
)
def test_child_dies_has_signal_or_exit_code(task, expected):
    result = run(task)
    assert result["ended"] == "crashed"
    assert {key: result[key] for key in expected} == expected
    assert result["value"] is None


def test_child_hangs_times_out_with_its_output():
    def task():
        print("so far", flush=True)
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        while True:
            signal.pause()

    result = run(task, deadline=0.3)
    assert result["ended"] == "timed-out"
    assert "so far" in result["log"]


def test_child_busy_times_out_by_processor_time():
    def task():
        while True:
            pass

    result = run(task, deadline=0.3)
    assert result["ended"] == "timed-out"


def pipes():
    """Return the pipes that this process can write to, with a descriptor of each."""
    numbers = {}
    for link in Path("/proc/self/fd").iterdir():
        try:
            target, number = str(link.readlink()), int(link.name)
            flags = fcntl.fcntl(number, fcntl.F_GETFL) & os.O_ACCMODE
        except OSError:
            continue
        if target.startswith("pipe:") and flags == os.O_WRONLY:
            numbers[target] = number
    return numbers


@pytest.fixture
def forge():
    """Return a function with which a child writes a message into the pipe of its answers."""
    before = pipes()

    def write(message):
        (answers,) = (number for target, number in pipes().items() if target not in before)
        os.write(answers, json.dumps(message).encode() + b"\n")

    return write


def test_child_claims_more_answers_is_killed(forge):
    note = os.memfd_create("pid")

    def stay():
        os.write(note, b"%d" % os.getpid())
        forge({"value": 1, "printed": 0, "last": False})
        signal.pause()

    assert run(stay)["value"] == 1
    assert is_gone(int(os.pread(note, 20, 0)))
    os.close(note)


@pytest.mark.parametrize("printed", [-5, 10**30, True])
def test_child_forges_output_length_does_no_harm(printed, forge):
    def lie():
        forge({"value": 1, "printed": printed})
        os._exit(0)

    results = run_batch(Task(lie, group="a"), Task(lambda: 2, group="b"))
    assert [result["value"] for result in results] == [1, 2]


def test_child_grandchild_is_killed():
    def task():
        return subprocess.Popen(["/bin/sleep", "600"]).pid

    result = run(task)
    assert result["ended"] == "returned"
    assert is_gone(result["value"])


def test_child_exceeds_memory_is_its_own_error():
    result = run(lambda: len(bytearray((MEMORY + 64) * 2**20)))
    assert result["ended"] == "raised"
    assert result["error"]["type"] == "MemoryError"
    assert run(lambda: len(bytearray((MEMORY // 2) * 2**20)))["ended"] == "returned"


def test_child_value_not_json_is_crash():
    assert run(lambda: float("nan"))["ended"] == "crashed"
    assert run(object)["ended"] == "crashed"


def test_child_value_of_a_megabyte_returns():
    assert run(lambda: "x" * 2**20)["value"] == "x" * 2**20


def test_child_long_log_keeps_end():
    log = run(lambda: print("a" * 100_000 + "the end"))["log"]
    assert log[-8:].strip() == "the end"
    assert len(log) <= child.LOG_LIMIT


def test_child_state_does_not_reach_next():
    state = []

    def task():
        state.append(1)
        return len(state)

    assert [run(task)["value"], run(task)["value"]] == [1, 1]
    assert state == []


def test_child_runner_gone_is_killed():
    receive, send = os.pipe()
    os.close(send)
    watched = protocol.Line(receive)
    with pytest.raises(child.RunnerGone):
        run(signal.pause, watch=watched)
    os.close(receive)
    with pytest.raises(ChildProcessError):
        os.waitpid(-1, os.WNOHANG)


def test_child_lacks_input_and_private_descriptors():
    receive, send = os.pipe()

    def task():
        with pytest.raises(OSError, match="Bad file descriptor"):
            os.write(send, b"a forged answer")
        return os.read(0, 10).decode()

    result = run(task, Settings(MEMORY, private=(send,)))
    os.close(send)
    assert result["value"] == ""
    assert os.read(receive, 10) == b""
    os.close(receive)


def test_child_ended_leaves_no_descriptor_open():
    before = len(list(Path("/proc/self/fd").iterdir()))
    for _ in range(5):
        run(lambda: 1)
    assert len(list(Path("/proc/self/fd").iterdir())) == before
