"""Real children, without TensorFlow: whatever one does, its parent gets plain data."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from kerasmatrix.harness import child, wire

MEMORY = 512


def run(work, deadline=20, **options):
    return child.run(work, deadline, MEMORY, **options)


def test_a_value_comes_back_with_time_memory_and_output():
    def work():
        print("to standard output")
        print("to standard error", file=sys.stderr)
        os.write(1, b"from below Python\n")
        return {"answer": 42}

    result = run(work)
    assert result["ended"] == "returned"
    assert result["value"] == {"answer": 42}
    for printed in ("to standard output", "to standard error", "from below Python"):
        assert printed in result["log"]
    assert result["seconds"] > 0
    assert result["peak_memory_mb"] > 1


def test_an_exception_comes_back_with_its_chain_and_stage():
    class Work:
        stage = "load"

        def __call__(self):
            try:
                raise KeyError("inner")
            except KeyError as error:
                raise ValueError("outer") from error

    result = run(Work())
    assert result["ended"] == "raised"
    assert result["stage"] == "load"
    assert [link["type"] for link in result["error"]["chain"]] == ["ValueError", "KeyError"]
    assert "in __call__" in result["error"]["traceback"]


@pytest.mark.parametrize(
    ("work", "expected"),
    [
        (os.abort, {"signal": signal.SIGABRT, "exit_code": None}),
        (lambda: os.kill(os.getpid(), signal.SIGSEGV), {"signal": signal.SIGSEGV}),
        (lambda: os._exit(7), {"exit_code": 7, "signal": None}),
        (lambda: sys.exit(3), {"exit_code": 3}),
        (lambda: sys.exit("a message"), {"exit_code": 1}),
    ],
)
def test_a_death_is_told_apart(work, expected):
    result = run(work)
    assert result["ended"] == "crashed"
    assert {key: result[key] for key in expected} == expected
    assert result["value"] is None


def test_a_hang_ends_at_the_deadline_with_what_was_printed():
    def work():
        print("so far", flush=True)
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        while True:
            signal.pause()

    result = run(work, deadline=0.3)
    assert result["ended"] == "timed-out"
    assert "so far" in result["log"]


def test_work_without_end_ends_when_its_processor_time_is_used_up():
    def work():
        while True:
            pass

    result = run(work, deadline=0.3)
    assert result["ended"] == "timed-out"


def test_on_a_busy_machine_slow_is_not_hanging(monkeypatch):
    """A child that works, but gets little of the processor, has more time than the deadline."""
    clock = [1000.0]
    used = [0.0]
    monkeypatch.setattr(child.time, "time", lambda: clock[0])
    monkeypatch.setattr(child.Deadline, "_processor_seconds", lambda _: used[0])
    deadline = child.Deadline(1, 10)
    for _ in range(80):
        clock[0] += 1
        used[0] += 0.1
        assert not deadline.is_over()
    used[0] = 10.0
    assert deadline.is_over()


def test_a_child_that_stops_working_after_its_deadline_is_hanging(monkeypatch):
    clock = [1000.0]
    monkeypatch.setattr(child.time, "time", lambda: clock[0])
    monkeypatch.setattr(child.Deadline, "_processor_seconds", lambda _: 3.0)
    deadline = child.Deadline(1, 10)
    assert not deadline.is_over()
    clock[0] += 9
    assert not deadline.is_over()
    clock[0] += 2
    assert deadline.is_over()


def test_a_grandchild_does_not_outlive_its_cell():
    def work():
        return subprocess.Popen(["/bin/sleep", "600"]).pid

    result = run(work)
    assert result["ended"] == "returned"
    assert is_gone(result["value"])


def is_gone(pid):
    """Whether the process has ended, asked until the kernel has had time to end it."""
    limit = time.monotonic() + 20
    while time.monotonic() < limit:
        try:
            state = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
        except (FileNotFoundError, ProcessLookupError):
            return True
        if state == "Z":
            return True
    return False


def test_memory_beyond_the_limit_is_an_error_of_that_cell_only():
    result = run(lambda: len(bytearray((MEMORY + 64) * 2**20)))
    assert result["ended"] == "raised"
    assert result["error"]["type"] == "MemoryError"
    assert run(lambda: len(bytearray((MEMORY // 2) * 2**20)))["ended"] == "returned"


def test_what_is_not_json_is_a_crash():
    assert run(lambda: float("nan"))["ended"] == "crashed"
    assert run(object)["ended"] == "crashed"


def test_a_megabyte_comes_through():
    assert run(lambda: "x" * 2**20)["value"] == "x" * 2**20


def test_a_long_log_keeps_its_end():
    log = run(lambda: print("a" * 100_000 + "the end"))["log"]
    assert log[-8:].strip() == "the end"
    assert len(log) <= child.LOG_LIMIT


def test_the_state_of_one_child_does_not_reach_the_next():
    state = []

    def work():
        state.append(1)
        return len(state)

    assert [run(work)["value"], run(work)["value"]] == [1, 1]
    assert state == []


def test_when_nobody_waits_any_more_the_child_is_ended():
    receive, send = os.pipe()
    os.close(send)
    watched = wire.Line(receive)
    with pytest.raises(child.Abandoned):
        run(signal.pause, watch=watched)
    os.close(receive)
    with pytest.raises(ChildProcessError):
        os.waitpid(-1, os.WNOHANG)


def test_a_child_has_neither_its_parents_input_nor_its_private_descriptors():
    receive, send = os.pipe()

    def work():
        with pytest.raises(OSError, match="Bad file descriptor"):
            os.write(send, b"a forged answer")
        return os.read(0, 10).decode()

    result = run(work, private=(send,))
    os.close(send)
    assert result["value"] == ""
    assert os.read(receive, 10) == b""
    os.close(receive)


def test_no_descriptor_is_left_open():
    before = len(list(Path("/proc/self/fd").iterdir()))
    for _ in range(5):
        run(lambda: 1)
    assert len(list(Path("/proc/self/fd").iterdir())) == before
