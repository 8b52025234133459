import datetime

import pytest

from kerasmatrix.analysis.compare import ChangeKind, compare
from kerasmatrix.analysis.gate import FindingKind, findings
from kerasmatrix.results.observations import Status
from kerasmatrix.results.schema import RemedyResult, RetryResult
from tests.unit.report.factory import REJECTED, VERIFIED, make_cell, make_results


def results_of(*cells, run="one", **changes):
    base = make_results(environments=2)
    told = base.run.model_copy(update={"id": run})
    return base.model_copy(update={"cells": cells, "run": told, **changes})


def cell(status, loaded="tf2.1", **changes):
    made = make_cell("first", "h5", "tf2.1", loaded, Status(status), message="words")
    return made.but(**changes)


@pytest.mark.parametrize(
    ("before", "after", "kind"),
    [
        ("pass", "pass", None),
        ("pass", "fail", "newly broken"),
        ("degraded", "crash", "newly broken"),
        ("drift", "timeout", "newly broken"),
        ("pass", "save-failed", "newly broken"),
        ("pass", "degraded", "worse"),
        ("degraded", "drift", "worse"),
        ("fail", "pass", "newly fixed"),
        ("crash", "drift", "newly fixed"),
        ("drift", "pass", "better"),
        ("timeout", "crash", None),
        ("pass", "infra", "not measured any more"),
        ("fail", "not-run", "not measured any more"),
        ("pass", "unsupported", "not measured any more"),
        ("infra", "fail", "newly measured"),
        ("not-run", "pass", "newly measured"),
        ("infra", "not-run", None),
    ],
)
def test_a_change_has_a_kind(before, after, kind):
    same = {"cause": None, "remedies": ()}
    found = compare(results_of(cell(before, **same)), results_of(cell(after, **same)))
    assert [change.kind for change in found.changes] == ([kind] if kind else [])


def test_a_fault_of_the_machine_is_neither_broken_nor_fixed():
    silent = [ChangeKind.UNMEASURED, ChangeKind.MEASURED]
    for status in ("infra", "not-run"):
        for other in ("pass", "fail"):
            for pair in ((status, other), (other, status)):
                found = compare(*(results_of(cell(each)) for each in pair))
                assert [change.kind in silent for change in found.changes] == [True]


def remedies(*told):
    return cell("fail").but(remedies=tuple(RemedyResult.model_validate(each) for each in told))


def test_a_remedy_that_works_no_more_is_a_change():
    found = compare(results_of(remedies(VERIFIED)), results_of(remedies(REJECTED)))
    assert [change.kind for change in found.changes] == [ChangeKind.REMEDY_LOST]
    found = compare(results_of(remedies(REJECTED)), results_of(remedies(VERIFIED)))
    assert [change.kind for change in found.changes] == [ChangeKind.REMEDY_FOUND]


def test_remedy_that_the_machine_kept_from_being_tried_is_not_lost():
    after = remedies(REJECTED).but(untried="OSError: [Errno 28] No space left on device")
    assert compare(results_of(remedies(VERIFIED)), results_of(after)).changes == ()


def test_another_cause_is_a_change():
    other = cell("fail", cause="weights-count")
    (change,) = compare(results_of(cell("fail")), results_of(other)).changes
    assert (change.kind, change.cause) == (ChangeKind.CAUSE, "weights-count")


def test_what_matters_most_comes_first():
    before = (cell("fail"), cell("pass", "tf2.2"))
    after = (cell("pass"), cell("fail", "tf2.2"))
    kinds = [change.kind for change in compare(results_of(*before), results_of(*after)).changes]
    assert kinds == [ChangeKind.BROKEN, ChangeKind.FIXED]


def test_what_only_one_has_is_told_and_not_compared():
    base, head = (
        make_results(environments=3, scenarios=1),
        make_results(environments=2, scenarios=2),
    )
    found = compare(base, head)
    assert found.compared == 8  # two by two, in two formats
    assert found.only_in_base.environments == ("tf2.3",)
    assert found.only_in_head.scenarios == ("scenario2",)


def test_packages_that_are_not_the_same_are_named():
    base = make_results(environments=1)
    told = base.environments[0]
    packages = {**told.packages, "numpy": "1.20.0", "h5py": "3.1.0"}
    environments = (told.model_copy(update={"packages": packages}),)
    found = compare(base, base.model_copy(update={"environments": environments}))
    assert found.packages == {"tf2.1": {"numpy": ("1.19.5", "1.20.0"), "h5py": (None, "3.1.0")}}


def test_a_run_is_like_itself():
    results = make_results()
    assert compare(results, results).changes == ()
    assert compare(results, results).compared == 50


RATE, STATE = "the optimizer's learning rate", "the optimizer state"


@pytest.mark.parametrize("status", ["degraded", "drift"])
@pytest.mark.parametrize(
    ("before", "after", "kind"),
    [
        ((RATE,), (RATE, STATE), ChangeKind.WORSE),
        ((RATE,), (STATE,), ChangeKind.WORSE),
        ((RATE, STATE), (RATE,), ChangeKind.BETTER),
        ((RATE, STATE), (STATE, RATE), None),
    ],
)
def test_what_is_lost_decides_where_statuses_are_equal(status, before, after, kind):
    one, two = (cell(status, cause=None, remedies=(), lost=lost) for lost in (before, after))
    found = compare(results_of(one), results_of(two))
    assert [change.kind for change in found.changes] == ([kind] if kind else [])
    for change in found.changes:
        assert (change.lost_before, change.lost) == (before, after)


def test_gate_finds_cell_that_loses_more_than_the_baseline():
    one = cell("degraded", lost=(RATE,))
    two = one.but(lost=(RATE, STATE))
    found = findings(results_of(two), compare(results_of(one), results_of(two)))
    assert [each.kind for each in found] == [FindingKind.WORSE_THAN_BASELINE]


@pytest.mark.parametrize(
    ("lost", "kind"),
    [((RATE,), FindingKind.FLAKY), ((RATE, STATE), FindingKind.WORSE_THAN_BASELINE)],
)
def test_gate_compares_what_a_retry_lost(lost, kind):
    again = RetryResult(
        status=Status.DEGRADED,
        summary="words",
        lost=lost,
        measured_at=datetime.datetime.now(datetime.UTC),
    )
    one = cell("degraded", lost=(RATE,))
    two = one.but(lost=(RATE, STATE), retries=(again,))
    found = findings(results_of(two), compare(results_of(one), results_of(two)))
    assert [each.kind for each in found] == [kind]
