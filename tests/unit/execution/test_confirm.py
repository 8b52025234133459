import pytest

from kerasmatrix.execution.confirm import (
    MOST_TRIES,
    confirm_result,
    flaky_statuses,
    is_external_kill,
)
from kerasmatrix.results.cells import Status
from kerasmatrix.results.observations import LOST, LoadObservation, Try


def seen(ended="returned", **more):
    return LoadObservation(ended=ended, **more)


PASSED, RAISED = seen(), seen("raised")
SEGFAULT, ABORT = seen("crashed", signal=11), seen("crashed", signal=6)
HUNG = seen("timed-out")
KILLED, LOST_WORKER = seen("crashed", signal=9), seen("crashed", stage=LOST, log="it died: 9\n…")
NO_MEMORY = seen("raised", error={"type": "MemoryError", "message": ""})


@pytest.mark.parametrize("one", [PASSED, RAISED])
def test_what_a_model_says_is_believed_at_once(one):
    assert confirm_result([one]) is one


@pytest.mark.parametrize("one", [SEGFAULT, HUNG, NO_MEMORY, seen("crashed", exit_code=1)])
def test_a_crash_or_a_hang_is_believed_when_it_is_seen_again(one):
    assert confirm_result([one]) is None
    believed = confirm_result([one, one])
    assert believed.ended == one.ended
    assert len(believed.retried) == 1


@pytest.mark.parametrize("one", [KILLED, LOST_WORKER])
def test_what_somebody_may_have_killed_must_be_seen_three_times(one):
    assert confirm_result([one]) is None
    assert confirm_result([one, one]) is None
    assert [retry.status for retry in confirm_result([one] * 3).retried] == [None, None]


def test_what_is_killed_every_time_is_the_machines_unless_memory_is_known_to_be_why():
    starved = LOST_WORKER.model_copy(update={"error": NO_MEMORY.error})
    assert [is_external_kill(one) for one in (KILLED, LOST_WORKER)] == [True, True]
    assert not any(map(is_external_kill, (starved, SEGFAULT, HUNG, NO_MEMORY, PASSED)))


def test_what_follows_a_crash_is_believed_and_the_crash_is_not_forgotten():
    believed = confirm_result([SEGFAULT, PASSED])
    assert believed.ended == "returned"
    assert believed.retried == (Try(status=Status.CRASH, reason="killed by signal 11"),)
    assert flaky_statuses(believed.retried, Status.PASS) == (Status.CRASH, Status.PASS)


def test_a_killed_child_says_nothing_about_the_model():
    believed = confirm_result([KILLED, LOST_WORKER, PASSED])
    assert [retry.reason for retry in believed.retried] == ["killed by signal 9", "it died: 9"]
    assert flaky_statuses(believed.retried, Status.PASS) == ()


def test_the_same_crash_twice_is_not_unsteady():
    assert flaky_statuses(confirm_result([ABORT, ABORT]).retried, Status.CRASH) == ()


def test_endings_that_never_agree_come_to_an_end():
    tries = [SEGFAULT, HUNG, ABORT, HUNG]
    assert confirm_result(tries) is None
    tries.append(SEGFAULT)
    assert len(tries) == MOST_TRIES
    believed = confirm_result(tries)
    assert believed.signal == 11
    seen = flaky_statuses(believed.retried, Status.CRASH)
    assert seen == ("crash", "timeout", "crash", "timeout", "crash")
