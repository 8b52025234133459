import pytest

from kerasmatrix.prediction.prediction import Prediction
from kerasmatrix.prediction.similar_cells import SimilarCell, SimilarCells, normalized_status

RULE = Prediction(
    environment="new", status="pass", rule="nothing-against", confidence=0.8, because="Nothing"
)


def precedent(scenario="first", status="fail", cause="op-layer", remedy=None):
    return SimilarCell(scenario, "h5", "old", "new", status, cause, remedy)


@pytest.fixture
def weigh():
    def call(*cells, rule=RULE, without=None):
        precedents = SimilarCells()
        for cell in cells:
            precedents.add("alike", "2.9", cell)
        return precedents.weigh(rule, "alike", "2.9", without=without)

    return call


def test_weigh_no_cells_keeps_rule(weigh):
    assert weigh() == RULE


def test_weigh_contradicting_cells_decide(weigh):
    told = weigh(precedent(remedy="rewrite-config"))
    assert (told.status, told.cause, told.remedy) == ("fail", "op-layer", "rewrite-config")
    assert told.rule == "measured:first/h5/old/new"
    assert told.confidence == pytest.approx(0.667)
    assert "1 of 1 cells" in told.because


def test_weigh_agreeing_cells_raise_confidence(weigh):
    told = weigh(*(precedent(str(number), "pass", None) for number in range(18)))
    assert (told.rule, told.status) == ("nothing-against", "pass")
    assert told.confidence == 0.95
    assert told.because.startswith("Nothing; measured in 18 of 18 cells")
    assert weigh(precedent(status="pass", cause=None)).confidence == 0.8


def test_weigh_tie_is_decided_by_rule(weigh):
    passes, fails = precedent("a", "pass", None), precedent("b")
    assert weigh(passes, fails).rule == "nothing-against"
    assert weigh(passes, fails, precedent("c")).status == "fail"
    assert weigh(passes, fails, precedent("c")).confidence == 0.6


def test_weigh_own_scenario_is_ignored(weigh):
    assert weigh(precedent("first"), without="first") == RULE
    assert weigh(precedent("first"), without="second").status == "fail"


def test_normalized_status_crash_and_timeout_are_fail():
    assert [normalized_status(each) for each in ("crash", "timeout", "drift")] == [
        "fail",
        "fail",
        "drift",
    ]


def test_weigh_verified_fix_is_predicted(weigh):
    rule = RULE.but(status="fail", cause="op-layer", remedy="rewrite-config")
    assert weigh(precedent(), rule=rule).remedy == "rewrite-config"
    assert weigh(precedent(remedy="bridge"), rule=rule).remedy == "bridge"
    other = [precedent("a", remedy="bridge"), precedent("b", remedy="rewrite-config")]
    assert weigh(*other, rule=rule).remedy == "rewrite-config"


def test_weigh_other_loaders_are_ignored(weigh):
    precedents = SimilarCells()
    precedents.add("alike", "2.9", precedent())
    assert precedents.weigh(RULE, "alike", "2.10") == RULE
    assert precedents.weigh(RULE, "unlike", "2.9") == RULE
