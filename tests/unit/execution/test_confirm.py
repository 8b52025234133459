import pytest

from kerasmatrix.execution.confirm import (
    MOST_TRIES,
    confirm_result,
    flaky_statuses,
    is_external_kill,
)
from kerasmatrix.results.cells import Status
from kerasmatrix.results.observations import LOST, LoadObservation, RetriedAttempt


def seen(ended="returned", **more):
    return LoadObservation.parse({"ended": ended, **more})


PASSED, RAISED = seen(), seen("raised")
SEGFAULT, ABORT = seen("crashed", signal=11), seen("crashed", signal=6)
HUNG = seen("timed-out")
KILLED, LOST_WORKER = seen("crashed", signal=9), seen("crashed", stage=LOST, log="it died: 9\n…")
NO_MEMORY = seen("raised", error={"type": "MemoryError", "message": ""})


@pytest.mark.parametrize("one", [PASSED, RAISED])
def test_confirm_result_of_an_exception_needs_one_attempt(one):
    assert confirm_result([one]) is one


@pytest.mark.parametrize("one", [SEGFAULT, HUNG, NO_MEMORY, seen("crashed", exit_code=1)])
def test_confirm_result_of_a_crash_needs_two_attempts(one):
    assert confirm_result([one]) is None
    believed = confirm_result([one, one])
    assert believed.ended == one.ended
    assert len(believed.retried) == 1


@pytest.mark.parametrize("one", [KILLED, LOST_WORKER])
def test_confirm_result_of_a_kill_needs_three_attempts(one):
    assert confirm_result([one]) is None
    assert confirm_result([one, one]) is None
    assert [retry.status for retry in confirm_result([one] * 3).retried] == ["infra", "infra"]


def test_is_external_kill_unless_memory_was_the_reason():
    starved = LOST_WORKER.but(error=NO_MEMORY.error)
    assert [is_external_kill(one) for one in (KILLED, LOST_WORKER)] == [True, True]
    assert not any(map(is_external_kill, (starved, SEGFAULT, HUNG, NO_MEMORY, PASSED)))


def test_confirm_result_after_a_crash_keeps_the_crash():
    believed = confirm_result([SEGFAULT, PASSED])
    assert believed.ended == "returned"
    assert believed.retried == (RetriedAttempt(status=Status.CRASH, summary="killed by signal 11"),)
    assert flaky_statuses(believed.retried, Status.PASS) == (Status.CRASH, Status.PASS)


def test_confirm_result_after_a_kill_keeps_no_status():
    believed = confirm_result([KILLED, LOST_WORKER, PASSED])
    assert [retry.summary for retry in believed.retried] == ["killed by signal 9", "it died: 9"]
    assert flaky_statuses(believed.retried, Status.PASS) == ()


def test_flaky_statuses_of_equal_crashes_are_none():
    assert flaky_statuses(confirm_result([ABORT, ABORT]).retried, Status.CRASH) == ()


def test_confirm_result_without_agreement_is_the_last():
    tries = [SEGFAULT, HUNG, ABORT, HUNG]
    assert confirm_result(tries) is None
    tries.append(SEGFAULT)
    assert len(tries) == MOST_TRIES
    believed = confirm_result(tries)
    assert believed.signal == 11
    seen = flaky_statuses(believed.retried, Status.CRASH)
    assert seen == ("crash", "timeout", "crash", "timeout", "crash")
