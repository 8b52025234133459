"""A fix attempt counts only if it passes the checks of any cell."""

import datetime
from types import SimpleNamespace

import pytest

from kerasmatrix.diagnosis.catalogue import the_catalogue
from kerasmatrix.execution.bridges import Hop
from kerasmatrix.execution.fix_attempts import Attempt, Causes, judge_attempt
from kerasmatrix.results.cells import Cell, Status
from kerasmatrix.results.observations import LoadObservation, Measured, SaveFacts
from kerasmatrix.results.tolerance import Tolerance
from kerasmatrix.results.verdict import judge_load
from tests.unit.fakes import ERROR, LOAD_FACTS, SAVE_FACTS, WEIGHT

CELL = Cell("first", "h5", "old", "new")
TOLERANCE = Tolerance(absolute=1e-5, relative=1e-4)
PLAN = SimpleNamespace(
    keras_major=lambda name: 2 if name == "old" else 3,
    keras_release=lambda name: {"old": "2.2", "new": "3.4"}[name],
    judge=lambda cell, saved, load, remedies: judge_load(
        saved, cell.format, load, TOLERANCE, rescaled="scale-gates" in remedies
    ),
)
REMEDIES = [remedy.id for remedy in the_catalogue().remedies]


def judge(remedy="no-compile", *, saved=SAVE_FACTS, chain=(), **told):
    observation = LoadObservation.parse({"ended": "returned", "seconds": 0.5, **told})
    at = datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC)
    attempt = Attempt((remedy,), Measured(observation, at), chain)
    return judge_attempt(PLAN, Causes(PLAN), CELL, SaveFacts.parse(saved), attempt)


@pytest.mark.parametrize(
    ("layer", "cause"),
    [("CutMix", "not-there-yet"), ("MyLayer", "custom-class-missing")],
)
def test_causes_know_the_layers_of_the_loading_release(layer, cause):
    error = {"type": "ValueError", "message": f"Unknown layer: {layer}"}
    observation = LoadObservation.parse({"ended": "raised", "error": {**error, "chain": [error]}})
    for loaded_with in ("old", "new"):
        cell = Cell("first", "h5", "new", loaded_with)
        assert Causes(PLAN).of(cell, Status.FAIL, (), observation) == cause


@pytest.mark.parametrize("remedy", REMEDIES)
def test_judge_attempt_with_same_outputs_is_verified(remedy):
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
def test_judge_attempt_with_other_outputs_is_rejected(remedy, change):
    if "weights" in change and remedy == "scale-gates":
        return  # see below
    result = judge(remedy, value={**LOAD_FACTS, **change})
    assert result.status == "rejected"
    assert result.cause == "silent-drift"


def test_judge_attempt_with_scaled_weights_has_a_loss():
    other = {**LOAD_FACTS, "weights": [{**WEIGHT, "sha256": "bb"}]}
    result = judge("scale-gates", value=other)
    assert result.status == "verified"
    assert result.lost[0].startswith("the values of some weights")


@pytest.mark.parametrize("ended", ["raised", "crashed", "timed-out"])
def test_judge_attempt_that_raises_is_failed(ended):
    result = judge(ended=ended, error=ERROR if ended == "raised" else None, deadline=5.0)
    assert result.status == "failed"
    if ended == "raised":
        assert result.cause == "unknown-functional"


def test_judge_attempt_lists_lost_features():
    compiled = {"loss": "mse", "optimizer": {"name": "Adam"}}
    result = judge(saved={**SAVE_FACTS, "compiled": compiled}, value=LOAD_FACTS)
    assert (result.status, result.lost) == ("verified", ("the compile state",))


def test_judge_attempt_not_applicable_says_so():
    kind = "harness.repair.remedies.NotApplicable"
    link = {"type": kind, "message": "this load_model has no safe_mode"}
    result = judge(ended="raised", error={**link, "chain": [link]})
    assert (result.status, result.summary) == (
        "failed",
        "does not apply: this load_model has no safe_mode",
    )


def test_judge_attempt_of_a_bridge_lists_its_hops():
    result = judge("bridge", value=LOAD_FACTS, chain=(Hop("between", "keras"),))
    assert result.hops == ("old", "between", "new")
    assert result.did == ("loaded with between and saved as keras",)
