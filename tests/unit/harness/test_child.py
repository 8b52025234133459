"""Real children, without TensorFlow: whatever one does, its parent gets plain data."""

import fcntl
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from kerasmatrix.engines.local import HARNESS
from kerasmatrix.harness import child, protocol
from tests.unit.harness.closed_off import CLOSED_OFF, GOES_ON

MEMORY = 512


class Work:
    """A function with what `child.run` wants to know of it."""

    stage = None

    def __init__(self, function, deadline=20, group="all"):
        self.function = function
        self.deadline = deadline
        self.group = group

    def __call__(self):
        return self.function()


class Clean:
    """A baseline to which everything is as it was, or as a work says."""

    left = None

    def restore(self):
        return Clean.left


def run(function, deadline=20, **options):
    (ended,) = child.run([Work(function, deadline)], MEMORY, **options)
    return ended


def run_together(*works, baseline=None):
    """Run works in one batch; a function is one."""
    works = [work if isinstance(work, Work) else Work(work) for work in works]
    return list(child.run(works, MEMORY, baseline=baseline or Clean()))


def ends(results):
    return [result["ended"] for result in results]


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
    class Loading(Work):
        stage = "load"

    def work():
        try:
            raise KeyError("inner")
        except KeyError as error:
            raise ValueError("outer") from error

    (result,) = run_together(Loading(work))
    assert result["ended"] == "raised"
    assert result["stage"] == "load"
    assert [link["type"] for link in result["error"]["chain"]] == ["ValueError", "KeyError"]
    assert "in work" in result["error"]["traceback"]


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


@pytest.fixture
def timed(monkeypatch):
    """A deadline of 10 s for a child whose clock, use and lack of processors are set by hand."""

    class Timed:
        now, used, delays = 1000.0, 0.0, {"1": 0.0, "2": 5.0}

        runnable = False

        def after(self, seconds, used, delayed):
            self.now += seconds
            self.used += used
            self.delays = {"1": self.delays["1"] + delayed, "2": 5.0}
            return self.deadline.is_over()

    timed = Timed()
    monkeypatch.setattr(child.time, "monotonic", lambda: timed.now)
    monkeypatch.setattr(child.Deadline, "_processor_seconds", lambda _: timed.used)
    monkeypatch.setattr(child.Deadline, "_threads", lambda _: (timed.delays, timed.runnable))
    timed.deadline = child.Deadline(1, 10)
    return timed


def test_deadline_waiting_for_processor_does_not_count(timed):
    for _ in range(40):
        assert not timed.after(1, used=0.1, delayed=0.9)


def test_deadline_processor_time_used_up_is_over(timed):
    assert not timed.after(20, used=9, delayed=15)
    assert timed.after(1, used=1, delayed=1)


def test_deadline_working_now_and_then_is_over_in_time(timed):
    for _ in range(10):
        assert not timed.after(0.99, used=0.04, delayed=0)
    assert timed.after(0.2, used=0, delayed=0)


def test_deadline_never_given_a_processor_is_over_at_last(timed):
    assert not timed.after(5 * 9.9, used=0, delayed=49.5)
    assert timed.after(1, used=0, delayed=1)


def test_deadline_runnable_child_waits_for_a_processor(timed):
    timed.runnable = True
    assert not timed.after(11, used=0, delayed=0)
    timed.runnable = False
    assert timed.after(0.1, used=0, delayed=0)


def test_deadline_own_process_is_runnable_and_has_statistics():
    delays, runnable = child.Deadline(os.getpid(), 1000)._threads()
    assert runnable
    assert delays.keys() >= {str(os.getpid())}


def pipes():
    """Return the pipes that this process can write to, with a descriptor of each."""
    found = {}
    for link in Path("/proc/self/fd").iterdir():
        try:
            target, number = str(link.readlink()), int(link.name)
            writes = fcntl.fcntl(number, fcntl.F_GETFL) & os.O_ACCMODE == os.O_WRONLY
        except OSError:
            continue
        if target.startswith("pipe:") and writes:
            found[target] = number
    return found


@pytest.fixture
def forge():
    """Return a function with which a child writes a message where its answers go."""
    before = pipes()

    def write(message):
        (answers,) = (number for target, number in pipes().items() if target not in before)
        os.write(answers, json.dumps(message).encode() + b"\n")

    return write


def test_run_child_that_says_more_follows_is_ended(forge):
    note = os.memfd_create("pid")

    def stay():
        os.write(note, b"%d" % os.getpid())
        forge({"value": 1, "printed": 0, "last": False})
        signal.pause()

    assert run(stay)["value"] == 1
    assert is_gone(int(os.pread(note, 20, 0)))
    os.close(note)


@pytest.mark.parametrize("printed", [-5, 10**30, True])
def test_run_forged_length_of_output_does_no_harm(printed, forge):
    def lie():
        forge({"value": 1, "printed": printed})
        os._exit(0)

    results = run_together(Work(lie, group="a"), Work(lambda: 2, group="b"))
    assert [result["value"] for result in results] == [1, 2]


def test_run_space_held_without_a_name_ends_the_child(monkeypatch, tmp_path):
    monkeypatch.setattr(child, "WRITTEN_BYTES", 1 << 20)

    class Hiding(Work):
        folder = str(tmp_path / "task")

    def hide():
        with (tmp_path / "hidden").open("wb") as hidden:
            (tmp_path / "hidden").unlink()
            os.posix_fallocate(hidden.fileno(), 0, 2 << 20)
            signal.pause()

    (result,) = child.run([Hiding(hide)], MEMORY)
    assert (result["ended"], result["signal"]) == ("crashed", None)
    assert "it wrote more than" in result["log"]


def test_run_space_held_by_a_mapping_ends_the_child(monkeypatch, tmp_path):
    monkeypatch.setattr(child, "WRITTEN_BYTES", 1 << 20)

    class Hiding(Work):
        folder = str(tmp_path / "task")

    def hide():
        import mmap

        handle = os.open(tmp_path / "hidden", os.O_CREAT | os.O_RDWR)
        os.posix_fallocate(handle, 0, 2 << 20)
        held = mmap.mmap(handle, 2 << 20)
        (tmp_path / "hidden").unlink()
        os.close(handle)
        signal.pause()
        held.close()

    (result,) = child.run([Hiding(hide)], MEMORY)
    assert "it wrote more than" in result["log"]


def test_run_full_disk_is_the_machines_fault(monkeypatch, tmp_path):
    monkeypatch.setattr(child, "LEAST_FREE", 1 << 60)

    class Waiting(Work):
        folder = str(tmp_path / "task")

    (result,) = child.run([Waiting(signal.pause)], MEMORY)
    assert "No space left on device" in result["error"]["chain"][0]["message"]


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
    watched = protocol.Line(receive)
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


def test_a_batch_shares_a_child_and_each_has_its_own_output():
    def say(text):
        return lambda: (print(text), os.getpid())[1]

    first, second, third = run_together(say("one"), say("two"), say("three"))
    assert first["value"] == second["value"] == third["value"]
    assert [ended["log"] for ended in (first, second, third)] == ["one\n", "two\n", "three\n"]


def test_another_group_gets_another_child():
    pids = [
        result["value"]
        for result in run_together(
            *(Work(os.getpid, group=group) for group in ("a", "a", "b", "b", "a"))
        )
    ]
    assert pids[0] == pids[1] != pids[2] == pids[3] != pids[4] != pids[0]


def test_without_a_baseline_every_work_has_its_own_child():
    pids = [result["value"] for result in child.run([Work(os.getpid), Work(os.getpid)], MEMORY)]
    assert pids[0] != pids[1]


def test_what_cannot_be_undone_ends_the_child(monkeypatch):
    def spoil():
        Clean.left = "a flag"
        return os.getpid()

    first, second, third = run_together(os.getpid, spoil, os.getpid)
    assert first["value"] == second["value"] != third["value"]


@pytest.mark.parametrize(
    ("misdeed", "ended"),
    [
        (os.abort, "crashed"),
        (lambda: sys.exit(3), "crashed"),
        (lambda: 1 / 0, "raised"),
        (lambda: len(bytearray((MEMORY + 64) * 2**20)), "raised"),
        (object, "crashed"),
        (signal.pause, "timed-out"),
    ],
)
def test_a_misdeed_is_its_own_outcome_and_the_rest_of_the_batch_goes_on(misdeed, ended):
    results = run_together(lambda: 1, Work(misdeed, deadline=0.3), lambda: 2, lambda: 3)
    assert ends(results) == ["returned", ended, "returned", "returned"]
    assert [result["value"] for result in results] == [1, None, 2, 3]


@pytest.mark.parametrize("misdeed", [os.abort, lambda: 1 / 0, signal.pause])
def test_what_fails_only_beside_others_is_done_again_alone(misdeed):
    state = []

    def spoil():
        state.append(1)
        return "spoilt"

    def work():
        return misdeed() if state else "alone"

    results = run_together(spoil, Work(work, deadline=0.3), os.getpid)
    assert [result["value"] for result in results[:2]] == ["spoilt", "alone"]
    assert ends(results) == ["returned"] * 3


def test_who_fails_alone_may_be_followed_in_the_same_child():
    def fail():
        raise ValueError(os.getpid())

    first, second = run_together(fail, os.getpid)
    assert first["error"]["message"] == str(second["value"])


def failing(message, count):
    """Return a work that fails, and writes to ``count`` each time that it is done."""

    def fail():
        os.write(count, b".")
        raise ValueError(message)

    return fail


@pytest.mark.parametrize(
    ("messages", "done"),
    [
        # The first is the first of its child; the second says the same, and is believed.
        (("no layer X in 0x7f01", "no layer X in 0x7f02"), 2),
        # Another message is confirmed by a new child.
        (("no layer X", "no layer Y"), 3),
        # What a file's config says in passing is another in every file; the rest has to be equal.
        (("no X. Full object config: {'a': {'b': 1}}", "no X. Full object config: {'c': 2}"), 2),
        (("no X in config={'a': 1}. Why: ['b']", "no X in config={'a': 1}. Why: ['c']"), 3),
        (("unknown arguments: {'a': 1}", "unknown arguments: {'b': 1}"), 3),
    ],
)
def test_a_failure_that_was_seen_in_a_child_of_its_own_is_believed(messages, done):
    receive, send = os.pipe()
    results = run_together(*(failing(text, send) for text in messages))
    os.close(send)
    assert [result["error"]["message"] for result in results] == list(messages)
    assert len(os.read(receive, 10)) == done
    os.close(receive)


def test_a_child_whose_failure_a_new_one_confirms_goes_on():
    def fail():
        raise ValueError("no layer X")

    before, failed, after = run_together(os.getpid, fail, os.getpid)
    assert failed["ended"] == "raised"
    assert before["value"] == after["value"]


def test_a_child_whose_failure_a_new_one_does_not_confirm_is_given_up():
    state = []

    def fail():
        if state:
            raise ValueError("no layer X")
        return "alone"

    before, alone, after = run_together(lambda: (state.append(1), os.getpid())[1], fail, os.getpid)
    assert alone["value"] == "alone"
    assert before["value"] != after["value"]


def test_a_child_that_is_killed_while_it_waits_leaves_the_rest_to_a_new_one():
    notes = os.memfd_create("notes")

    def fail_and_kill_who_failed_before():
        first = int(os.pread(notes, 20, 0) or 0)
        if first:
            os.kill(first, signal.SIGKILL)
        else:
            os.pwrite(notes, b"%d" % os.getpid(), 0)
        raise ValueError("no layer X")

    before, failed, after = run_together(os.getpid, fail_and_kill_who_failed_before, os.getpid)
    os.close(notes)
    assert ends([before, failed, after]) == ["returned", "raised", "returned"]
    assert before["value"] != after["value"]


def test_what_a_child_leaves_behind_is_ended_and_the_one_that_waits_is_not():
    told = subprocess.run(
        [sys.executable, CLOSED_OFF, HARNESS.parent], check=True, capture_output=True, text=True
    )
    assert json.loads(told.stdout) == GOES_ON


def test_what_was_seen_in_one_batch_is_believed_in_the_next():
    receive, send = os.pipe()
    seen = set()
    for works in ([failing("X", send)], [os.getpid, failing("X", send)]):
        together = [Work(work) for work in works]
        results = list(child.run(together, MEMORY, baseline=Clean(), confirmed=seen))
        assert results[-1]["ended"] == "raised"
    os.close(send)
    assert len(os.read(receive, 10)) == 2
    os.close(receive)


def test_a_failure_of_another_group_confirms_nothing():
    receive, send = os.pipe()
    fail = failing("no layer X", send)
    run_together(Work(fail, group="a"), Work(os.getpid, group="b"), Work(fail, group="b"))
    os.close(send)
    assert len(os.read(receive, 10)) == 3
    os.close(receive)


def test_an_interrupt_that_a_work_raises_ends_its_child():
    def interrupt():
        print(os.getpid())
        raise KeyboardInterrupt

    first, second = run_together(interrupt, os.getpid)
    assert first["error"]["type"] == "KeyboardInterrupt"
    assert int(first["log"]) != second["value"]


def test_the_time_of_one_work_is_not_the_next_ones():
    def work():
        limit = time.process_time() + 0.3
        while time.process_time() < limit:
            pass

    assert ends(run_together(*(Work(work, deadline=0.6) for _ in range(3)))) == ["returned"] * 3


def test_a_batch_that_nobody_reads_to_its_end_leaves_no_child():
    results = child.run([Work(os.getpid), Work(signal.pause)], MEMORY, baseline=Clean())
    pid = next(results)["value"]
    results.close()
    assert is_gone(pid)
    with pytest.raises(ChildProcessError):
        os.waitpid(-1, os.WNOHANG)


def test_a_child_that_holds_much_is_replaced(monkeypatch):
    monkeypatch.setattr(child, "HELD_MB", 32)
    held = []

    def hoard():
        held.append(b"x" * 64 * 2**20)
        return os.getpid()

    first, second = run_together(hoard, os.getpid)
    assert first["value"] != second["value"]


def test_a_child_does_so_many_works_and_no_more(monkeypatch):
    monkeypatch.setattr(child, "WORKS_PER_CHILD", 2)
    pids = [result["value"] for result in run_together(*[os.getpid] * 3)]
    assert pids[0] == pids[1] != pids[2]
