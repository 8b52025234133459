import pytest

from kerasmatrix.analysis.claims import check_claims
from kerasmatrix.config.scenario import Claim, Scenario
from kerasmatrix.results.observations import Culprit, Status
from tests.unit.report.factory import make_cell

ORDER = ["old", "new"]


def check(cells, **claim):
    told = Claim.model_validate({"says": "it", "status": ["fail"], **claim})
    scenario = Scenario(name="first", title="t", shows="s", claims=(told,))
    (result,) = check_claims([scenario], cells, ORDER)
    return result


def cells(**statuses):
    """Cells by ``saved_loaded=status``."""
    return [
        make_cell("first", "h5", *pair.split("_"), Status(status), message="Unknown layer: X")
        for pair, status in statuses.items()
    ]


@pytest.mark.parametrize(
    ("statuses", "verdict"),
    [
        ({"old_old": "fail", "old_new": "fail"}, "holds"),
        ({"old_old": "fail", "old_new": "pass"}, "holds in part"),
        ({"old_old": "pass", "old_new": "drift"}, "contradicted"),
        ({"old_old": "infra", "old_new": "not-run", "new_new": "unsupported"}, "not measured"),
        ({}, "not measured"),
    ],
)
def test_the_verdict_follows_the_cells(statuses, verdict):
    assert check(cells(**statuses)).verdict == verdict


@pytest.mark.parametrize(
    ("relation", "spoken_of"),
    [("any", 4), ("same", 2), ("different", 2), ("newer-reader", 1), ("older-reader", 1)],
)
def test_a_claim_speaks_of_cells_in_its_relation(relation, spoken_of):
    every = cells(old_old="fail", old_new="fail", new_old="fail", new_new="fail")
    assert check(every, relation=relation).cells == spoken_of


def test_a_claim_names_the_cells_for_and_against_it():
    result = check(cells(old_old="fail", old_new="pass", new_new="fail"))
    assert result.confirmed_by == ("h5/old/old", "h5/new/new")
    assert result.contradicted_by == ("h5/old/new",)


def test_an_error_is_sought_in_the_whole_chain():
    found = cells(old_old="fail")
    assert check(found, error="Unknown layer: X").confirmed == 1
    assert check(found, error="KeyError: the cause").confirmed == 1
    assert check(found, error="Unknown layer: Y").confirmed == 0


def test_a_failed_save_does_not_speak_of_loading():
    found = cells(old_old="save-failed", new_new="fail")
    assert check(found).cells == 1
    assert check(found, status=["save-failed"]).cells == 2
    saving = ["pass", "degraded", "drift", "fail", "crash", "timeout"]
    assert (check(found, status=saving).confirmed, check(found, status=saving).cells) == (1, 2)


def test_another_scenario_or_format_is_not_spoken_of():
    found = [make_cell("second", "h5", "old", "old", Status.FAIL),
             make_cell("first", "keras", "old", "old", Status.FAIL)]  # fmt: skip
    assert check(found, formats=["h5"]).cells == 0


def test_a_claim_may_speak_of_failing_cells_only():
    found = cells(old_old="fail", old_new="pass", new_new="drift")
    assert check(found, among=["fail"]).cells == 1
    assert check(found, among=["fail", "pass"], status=["pass"]).confirmed == 1


def test_layers_at_fault_count_where_they_were_looked_for():
    failing = cells(old_old="fail", old_new="fail", new_old="fail")
    fault = Culprit(layer="dense", class_name="Dense", error="ValueError: no")
    found = [
        cell.but(culprits=culprits)
        for cell, culprits in zip(failing, [(fault,), (), None], strict=True)
    ]
    result = check(found, names_layers=True)
    assert (result.cells, result.confirmed_by, result.contradicted_by) == (
        2, ("h5/old/old",), ("h5/old/new",),
    )  # fmt: skip
