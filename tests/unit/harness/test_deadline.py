"""The deadline of a child, with clocks that are set by hand."""

import os

import pytest

from kerasmatrix.harness import deadline


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
            return self.deadline.is_exceeded()

    timed = Timed()
    monkeypatch.setattr(deadline.time, "monotonic", lambda: timed.now)
    monkeypatch.setattr(deadline.Deadline, "_cpu_seconds", lambda _: timed.used)
    monkeypatch.setattr(deadline.Deadline, "_threads", lambda _: (timed.delays, timed.runnable))
    timed.deadline = deadline.Deadline(1, 10)
    return timed


def test_deadline_waiting_for_processor_does_not_count(timed):
    for _ in range(40):
        assert not timed.after(1, used=0.1, delayed=0.9)


def test_deadline_processor_time_used_up_is_exceeded(timed):
    assert not timed.after(20, used=9, delayed=15)
    assert timed.after(1, used=1, delayed=1)


def test_deadline_mostly_idle_is_exceeded_in_time(timed):
    for _ in range(10):
        assert not timed.after(0.99, used=0.04, delayed=0)
    assert timed.after(0.2, used=0, delayed=0)


def test_deadline_starved_is_exceeded_in_the_end(timed):
    assert not timed.after(5 * 9.9, used=0, delayed=49.5)
    assert timed.after(1, used=0, delayed=1)


def test_deadline_runnable_child_is_not_idle(timed):
    timed.runnable = True
    assert not timed.after(11, used=0, delayed=0)
    timed.runnable = False
    assert timed.after(0.1, used=0, delayed=0)


def test_deadline_own_process_has_statistics():
    delays, runnable = deadline.Deadline(os.getpid(), 1000)._threads()
    assert runnable
    assert delays.keys() >= {str(os.getpid())}
