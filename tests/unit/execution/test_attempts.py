"""What an attempt is worth: it counts only if it passes the checks of any cell."""

import datetime
from types import SimpleNamespace

import pytest

from kerasmatrix.diagnosis.catalogue import the_catalogue
from kerasmatrix.execution.attempts import Attempt, Causes, judge_attempt
from kerasmatrix.execution.bridges import Hop
from kerasmatrix.results.observations import Cell, LoadObservation, Measured, SaveFacts, judge_load
from kerasmatrix.results.tolerance import Tolerance
from tests.unit.fakes import ERROR, LOAD_FACTS, SAVE_FACTS, WEIGHT

CELL = Cell("first", "h5", "old", "new")
TOLERANCE = Tolerance(absolute=1e-5, relative=1e-4)
PLAN = SimpleNamespace(
    keras_major=lambda name: 2 if name == "old" else 3,
    judge=lambda cell, saved, load: judge_load(saved, cell.format, load, TOLERANCE),
)
REMEDIES = [remedy.id for remedy in the_catalogue().remedies]


def judge(remedy="no-compile", *, saved=SAVE_FACTS, chain=(), **told):
    observation = LoadObservation.model_validate({"ended": "returned", "seconds": 0.5, **told})
    at = datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC)
    attempt = Attempt((remedy,), Measured(observation, at), chain)
    return judge_attempt(PLAN, Causes(PLAN), CELL, SaveFacts.model_validate(saved), attempt)


@pytest.mark.parametrize("remedy", REMEDIES)
def test_same_weights_and_outputs_verify_it(remedy):
    result = judge(remedy, value={**LOAD_FACTS, "did": ["this"]})
    assert (result.id, result.status, result.did) == (remedy, "verified", ("this",))
    assert result.cause is None


@pytest.mark.parametrize("remedy", REMEDIES)
@pytest.mark.parametrize(
    "change",
    [
        {"max_abs_diff": 0.5},
        {"finite": False},
        {"shapes_equal": False, "max_abs_diff": None},
        {"weights": [{**WEIGHT, "sha256": "bb"}]},
    ],
)
def test_a_load_with_other_numbers_rejects_it(remedy, change):
    result = judge(remedy, value={**LOAD_FACTS, **change})
    assert result.status == "rejected"
    assert result.cause == "silent-drift"


@pytest.mark.parametrize("ended", ["raised", "crashed", "timed-out"])
def test_what_does_not_load_fails(ended):
    result = judge(ended=ended, error=ERROR if ended == "raised" else None, deadline=5.0)
    assert result.status == "failed"
    if ended == "raised":
        assert result.cause == "unknown-functional"


def test_what_stays_lost_is_said():
    compiled = {"loss": "mse", "optimizer": {"name": "Adam"}}
    result = judge(saved={**SAVE_FACTS, "compiled": compiled}, value=LOAD_FACTS)
    assert (result.status, result.lost) == ("verified", ("the compile state",))


def test_that_there_was_nothing_to_do_is_no_fault_of_keras():
    kind = "harness.repair.remedies.NotApplicable"
    link = {"type": kind, "message": "this load_model has no safe_mode"}
    result = judge(ended="raised", error={**link, "chain": [link]})
    assert (result.status, result.summary) == (
        "failed",
        "does not apply: this load_model has no safe_mode",
    )


def test_a_bridge_tells_its_hops():
    result = judge("bridge", value=LOAD_FACTS, chain=(Hop("between", "keras"),))
    assert result.hops == ("old", "between", "new")
    assert result.did == ("loaded with between and saved as keras",)
