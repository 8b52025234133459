import pytest

from kerasmatrix.prediction.prediction import Prediction
from kerasmatrix.prediction.similar_cells import Precedent, Precedents, folded

RULE = Prediction(
    environment="new", status="pass", rule="nothing-against", confidence=0.8, because="Nothing"
)


def precedent(scenario="first", status="fail", cause="op-layer", remedy=None):
    return Precedent(scenario, "h5", "old", "new", status, cause, remedy)


@pytest.fixture
def weigh():
    def call(*cells, rule=RULE, without=None):
        precedents = Precedents()
        for cell in cells:
            precedents.add("alike", "2.9", cell)
        return precedents.weigh(rule, "alike", "2.9", without=without)

    return call


def test_without_precedents_the_rule_stands(weigh):
    assert weigh() == RULE


def test_what_was_measured_outweighs_a_rule_and_is_named(weigh):
    told = weigh(precedent(remedy="rewrite-config"))
    assert (told.status, told.cause, told.remedy) == ("fail", "op-layer", "rewrite-config")
    assert told.rule == "measured:first/h5/old/new"
    assert told.confidence == pytest.approx(0.667)
    assert "1 of 1 cells" in told.because


def test_what_was_measured_makes_a_rule_surer_that_says_the_same(weigh):
    told = weigh(*(precedent(str(number), "pass", None) for number in range(18)))
    assert (told.rule, told.status) == ("nothing-against", "pass")
    assert told.confidence == 0.95
    assert told.because.startswith("Nothing; measured so in 18 of 18 cells")
    assert weigh(precedent(status="pass", cause=None)).confidence == 0.8


def test_the_most_say_what_is_likely_and_the_rule_has_the_casting_vote(weigh):
    passes, fails = precedent("a", "pass", None), precedent("b")
    assert weigh(passes, fails).rule == "nothing-against"
    assert weigh(passes, fails, precedent("c")).status == "fail"
    assert weigh(passes, fails, precedent("c")).confidence == 0.6


def test_a_scenario_is_no_precedent_of_itself(weigh):
    assert weigh(precedent("first"), without="first") == RULE
    assert weigh(precedent("first"), without="second").status == "fail"


def test_a_crash_and_a_timeout_are_fails():
    assert [folded(each) for each in ("crash", "timeout", "drift")] == ["fail", "fail", "drift"]


def test_a_remedy_that_worked_in_a_file_like_it_is_what_helps(weigh):
    rule = RULE.model_copy(
        update={"status": "fail", "cause": "op-layer", "remedy": "rewrite-config"}
    )
    assert weigh(precedent(), rule=rule).remedy == "rewrite-config"
    assert weigh(precedent(remedy="bridge"), rule=rule).remedy == "bridge"
    other = [precedent("a", remedy="bridge"), precedent("b", remedy="rewrite-config")]
    assert weigh(*other, rule=rule).remedy == "rewrite-config"


def test_other_readers_say_nothing(weigh):
    precedents = Precedents()
    precedents.add("alike", "2.9", precedent())
    assert precedents.weigh(RULE, "alike", "2.10") == RULE
    assert precedents.weigh(RULE, "unlike", "2.9") == RULE
