import pytest

from kerasmatrix.execution.confirm import MOST_TRIES, is_the_machines, settle, unsteady
from kerasmatrix.results.observations import LOST, LoadObservation, Status, Try


def seen(ended="returned", **more):
    return LoadObservation(ended=ended, **more)


PASSED, RAISED = seen(), seen("raised")
SEGFAULT, ABORT = seen("crashed", signal=11), seen("crashed", signal=6)
HUNG = seen("timed-out")
KILLED, LOST_WORKER = seen("crashed", signal=9), seen("crashed", stage=LOST, log="it died: 9\n…")
NO_MEMORY = seen("raised", error={"type": "MemoryError", "message": ""})


@pytest.mark.parametrize("one", [PASSED, RAISED])
def test_what_a_model_says_is_believed_at_once(one):
    assert settle([one]) is one


@pytest.mark.parametrize("one", [SEGFAULT, HUNG, NO_MEMORY, seen("crashed", exit_code=1)])
def test_a_crash_or_a_hang_is_believed_when_it_is_seen_again(one):
    assert settle([one]) is None
    believed = settle([one, one])
    assert believed.ended == one.ended
    assert len(believed.retried) == 1


@pytest.mark.parametrize("one", [KILLED, LOST_WORKER])
def test_what_somebody_may_have_killed_must_be_seen_three_times(one):
    assert settle([one]) is None
    assert settle([one, one]) is None
    assert [retry.status for retry in settle([one] * 3).retried] == [None, None]


def test_what_is_killed_every_time_is_the_machines_unless_memory_is_known_to_be_why():
    starved = LOST_WORKER.model_copy(update={"error": NO_MEMORY.error})
    assert [is_the_machines(one) for one in (KILLED, LOST_WORKER)] == [True, True]
    assert not any(map(is_the_machines, (starved, SEGFAULT, HUNG, NO_MEMORY, PASSED)))


def test_what_follows_a_crash_is_believed_and_the_crash_is_not_forgotten():
    believed = settle([SEGFAULT, PASSED])
    assert believed.ended == "returned"
    assert believed.retried == (Try(status=Status.CRASH, reason="killed by signal 11"),)
    assert unsteady(believed.retried, Status.PASS) == (Status.CRASH, Status.PASS)


def test_a_killed_child_says_nothing_about_the_model():
    believed = settle([KILLED, LOST_WORKER, PASSED])
    assert [retry.reason for retry in believed.retried] == ["killed by signal 9", "it died: 9"]
    assert unsteady(believed.retried, Status.PASS) == ()


def test_the_same_crash_twice_is_not_unsteady():
    assert unsteady(settle([ABORT, ABORT]).retried, Status.CRASH) == ()


def test_endings_that_never_agree_come_to_an_end():
    tries = [SEGFAULT, HUNG, ABORT, HUNG]
    assert settle(tries) is None
    tries.append(SEGFAULT)
    assert len(tries) == MOST_TRIES
    believed = settle(tries)
    assert believed.signal == 11
    assert unsteady(believed.retried, Status.CRASH) == ("crash", "timeout", "crash", "timeout",
                                                    "crash")  # fmt: skip
