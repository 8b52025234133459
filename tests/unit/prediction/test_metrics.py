import pytest

from kerasmatrix.prediction.metrics import score
from kerasmatrix.results.observations import Status
from kerasmatrix.results.schema import PredictionResult, RemedyResult
from tests.unit.report.factory import make_cell


def cell(measured, predicted, *, cause=None, said=None, remedy=None, tried=()):
    told = PredictionResult(
        status=predicted, cause=said, remedy=remedy, rule="rule", confidence=0.5
    )
    remedies = tuple(
        RemedyResult(id=name, status=status, summary="it did") for name, status in tried
    )
    made = make_cell("first", "h5", "old", "new", measured)
    update = {"prediction": told, "cause": cause, "remedies": remedies}
    return made.but(**update)


def shares(found):
    return {each.status: (each.precision, each.recall) for each in found.statuses}


def test_each_status_has_its_precision_and_recall():
    found = score(
        [
            cell(Status.FAIL, "fail"),
            cell(Status.CRASH, "fail"),
            cell(Status.TIMEOUT, "pass"),
            cell(Status.PASS, "pass"),
            cell(Status.PASS, "pass"),
            cell(Status.PASS, "fail"),
            cell(Status.DEGRADED, "pass"),
            cell(Status.DRIFT, "unknown"),
        ]
    )
    assert found.cells == 8
    assert found.unknown == 1
    assert shares(found) == {
        "fail": (pytest.approx(0.667), pytest.approx(0.667)),
        "not fail": (0.75, 0.6),
        "pass": (0.5, pytest.approx(0.667)),
        "degraded": (None, 0.0),
        "drift": (None, 0.0),
    }
    fail = found.statuses[0]
    assert (fail.predicted, fail.measured, fail.right) == (3, 3, 2)


def test_cells_that_were_not_measured_or_not_foretold_do_not_count():
    bare = make_cell("first", "h5", "old", "new", Status.PASS)
    others = [
        cell(status, "pass")
        for status in (Status.INFRA, Status.NOT_RUN, Status.UNSUPPORTED, Status.SAVE_FAILED)
    ]
    others.append(cell(Status.PASS, "pass").but(inferred_from="older"))
    assert score([bare, *others]) is None
    found = score([bare, *others, cell(Status.PASS, "pass")])
    assert found.cells == 1


def test_causes_count_where_it_fails_as_foretold():
    found = score(
        [
            cell(Status.FAIL, "fail", cause="op-layer", said="op-layer"),
            cell(Status.FAIL, "fail", cause="op-layer", said="nested-graph"),
            cell(Status.FAIL, "pass", cause="op-layer"),
            cell(Status.PASS, "fail", said="op-layer"),
        ]
    )
    assert (found.causes.of, found.causes.right, found.causes.share) == (2, 1, 0.5)


def test_a_remedy_is_right_where_it_was_seen_to_work():
    worked, failed = ("rewrite-config", "verified"), ("no-compile", "failed")
    found = score(
        [
            cell(Status.FAIL, "fail", remedy="rewrite-config", tried=[failed, worked]),
            cell(Status.FAIL, "fail", remedy="no-compile", tried=[failed, worked]),
            cell(Status.FAIL, "fail", remedy="no-compile"),
            cell(Status.FAIL, "fail", tried=[worked]),
        ]
    )
    assert (found.remedies.of, found.remedies.right) == (2, 1)


def test_a_run_that_has_nothing_of_a_kind_has_no_share_of_it():
    found = score([cell(Status.PASS, "pass")])
    assert found.causes.share is None
    assert [each.status for each in found.statuses] == ["not fail", "pass"]
