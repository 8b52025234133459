"""Tests of the sets of statuses."""

from kerasmatrix.results.cells import (
    FIXABLE,
    HAS_CAUSE,
    INCONCLUSIVE,
    LOADS,
    LOADS_OR_DRIFTS,
    NOT_MEASURED,
    SAYS_NOTHING,
    SEVERITY,
    Status,
)


def test_severity_or_says_nothing_covers_each_status_once():
    assert SEVERITY.keys() | SAYS_NOTHING == set(Status)
    assert not SEVERITY.keys() & SAYS_NOTHING


def test_severity_follows_the_order_of_statuses():
    order = [SEVERITY[status] for status in Status if status in SEVERITY]
    assert order == sorted(order)


def test_says_nothing_contains_inconclusive_and_not_measured():
    assert NOT_MEASURED < INCONCLUSIVE < SAYS_NOTHING


def test_loads_is_all_that_needs_no_fix():
    assert LOADS | FIXABLE | {Status.SAVE_FAILED} == set(SEVERITY)
    assert not LOADS & FIXABLE


def test_loads_or_drifts_adds_only_other_outputs():
    assert {Status.DRIFT} == LOADS_OR_DRIFTS - LOADS


def test_has_cause_is_all_that_is_worse_than_pass():
    assert {status for status, severity in SEVERITY.items() if severity > 0} == HAS_CAUSE
