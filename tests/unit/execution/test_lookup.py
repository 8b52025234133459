"""A second run finds all that the first one measured, and nothing that is out of date."""

import dataclasses

import pytest

from kerasmatrix.execution.bridges import Hop
from kerasmatrix.execution.fix_attempts import Causes
from kerasmatrix.execution.lookup import (
    form_of,
    known_attempt,
    known_conversion,
    known_load,
    known_probe,
    known_save,
    look_up,
    retry_key,
)
from kerasmatrix.execution.run_state import RunState
from kerasmatrix.execution.runner import Run
from kerasmatrix.results.cells import Cell, Save
from kerasmatrix.store.store import Store
from tests.unit.behaviours import FAILS, TWIN, Behaviour, only_from
from tests.unit.plans import make_plan

BEHAVIOURS = {
    "cannot-convert": Behaviour(cannot=frozenset({"convert"})),
    "fails-no-compile": FAILS.but(fixed_by="no-compile"),
    "good-twin1": TWIN,
    "good-twin2": TWIN,
    "picky-good2": only_from("good2"),
    "picky-cannot-convert": only_from("cannot-convert"),
}

PARTS = ("saves", "loads", "probes", "attempts", "conversions", "retries", "inferred")


@pytest.fixture
def store(tmp_path):
    with Store(tmp_path / "store") as store:
        yield store


@pytest.fixture
def measure(tmp_path, engine, store):
    """Run a plan of some environments; return the plan and all that was observed."""

    def run(*names, **changes):
        plan = dataclasses.replace(make_plan(tmp_path, *names), **changes)
        return plan, Run(plan, engine, store, id="r1").execute()

    return run


def parts(observed):
    return {name: getattr(observed, name) for name in PARTS}


# For each, the parts of the state that must not be empty.
RUNS = {
    "fixed": (("good", "fails-rewrite-config"), {}, {"probes", "attempts"}),
    "every fix tried": (("good", "fails"), {"remedies": "all"}, {"probes", "attempts"}),
    "no fix tried": (("good", "fails"), {"remedies": "none"}, set()),
    "bridge": (("good", "good2", "picky-good2"), {}, {"attempts", "conversions"}),
    "no conversion": (("good", "picky-cannot-convert", "picky-good"), {}, {"attempts"}),
    "equal files": (("good-twin1", "good-twin2", "fails-no-compile"), {}, {"inferred"}),
    "cannot save": (("good", "cannot-save"), {}, set()),
    "crashes": (("good", "crashes"), {}, {"attempts"}),
}


@pytest.mark.parametrize("name", RUNS)
def test_look_up_finds_all_that_was_measured(measure, store, name):
    names, changes, filled = RUNS[name]
    plan, observed = measure(*names, **changes)
    assert {part for part in filled if not getattr(observed, part)} == set()
    assert parts(look_up(plan, store, Causes(plan))) == parts(observed)


def test_look_up_in_an_empty_store_finds_nothing(tmp_path, store):
    plan = make_plan(tmp_path, "good", "good2")
    assert look_up(plan, store, Causes(plan)).count == 0


def test_look_up_takes_given_saves_as_they_are(measure, store):
    """The reference's save of a checked file is not in the store under a plan's key."""
    plan, observed = measure("good", "good2")
    row = Save("first", "h5", "good")
    harness = dataclasses.replace(plan, harness="another")
    found = look_up(harness, store, Causes(harness), saves={row: observed.saves[row]})
    assert found.saves == {row: observed.saves[row]}
    assert found.loads == {}
    other = look_up(plan, store, Causes(plan), saves={row: observed.saves[row]})
    assert parts(other) == parts(observed)


def test_look_up_leaves_out_rows_of_other_shards(measure, store):
    plan, _ = measure("good")
    other = dataclasses.replace(plan, shard=frozenset({"second"}))
    assert look_up(other, store, Causes(other)).saves == {}


def test_look_up_leaves_out_unsupported_rows(measure, store):
    plan, _ = measure("good")
    scenario = plan.scenarios["first"].model_copy(update={"save_requires": ("tf-keras",)})
    other = dataclasses.replace(plan, scenarios={"first": scenario})
    assert look_up(other, store, Causes(other)).saves == {}


def with_seconds(plan, seconds):
    limits = plan.limits.model_copy(update={"task_seconds": seconds})
    return dataclasses.replace(plan, limits=limits)


def test_known_load_timeout_ends_when_there_is_more_time(measure, store):
    plan, observed = measure("good", "hangs")
    cell = Cell("first", "h5", "good", "hangs")
    found = known_load(plan, store, observed, cell)
    assert found.observation.ended == "timed-out"
    less = with_seconds(plan, plan.limits.task_seconds - 1)
    assert known_load(less, store, observed, cell) == found
    more = with_seconds(plan, plan.limits.task_seconds + 1)
    assert known_load(more, store, observed, cell) is None
    # A scenario's own limit counts, too.
    scenario = plan.scenarios["first"].model_copy(update={"timeout_seconds": 10_000})
    own = dataclasses.replace(plan, scenarios={"first": scenario})
    assert known_load(own, store, observed, cell) is None


def test_known_load_without_a_save_is_none(measure, store):
    plan, observed = measure("good", "cannot-save")
    cell = Cell("first", "h5", "good", "good")
    assert known_load(plan, store, observed, cell)
    assert known_load(plan, store, RunState(), cell) is None
    unsaved = Cell("first", "h5", "cannot-save", "good")
    assert observed.saves[Save(*unsaved[:3])].observation.artifact is None
    assert known_load(plan, store, observed, unsaved) is None


def test_known_load_unsupported_is_none(measure, store):
    plan, observed = measure("good")
    scenario = plan.scenarios["first"].model_copy(update={"load_requires": ("tf-keras",)})
    other = dataclasses.replace(plan, scenarios={"first": scenario})
    assert known_load(other, store, observed, Cell("first", "h5", "good", "good")) is None


def test_known_parts_belong_to_their_key(measure, store):
    plan, observed = measure("good", "fails-rewrite-config")
    row = Save("first", "h5", "good")
    cell = Cell(*row, "fails-rewrite-config")
    artifact = observed.saves[row].observation.artifact
    assert known_save(plan, store, row) == observed.saves[row]
    assert known_probe(plan, store, cell, artifact) == observed.probes[cell]
    assert known_probe(plan, store, cell, "another") is None
    first = observed.attempts[cell][0]
    assert known_attempt(plan, store, cell, artifact, first.remedies) == first.measured
    assert known_attempt(plan, store, cell, "another", first.remedies) is None
    assert known_attempt(plan, store, cell, artifact, ("no-such-fix",)) is None


def test_known_conversion_follows_the_chain(measure, store):
    plan, observed = measure("good", "good2", "picky-good2")
    row, (hop,) = next(key for key in observed.conversions if key[0].saved_with == "good")
    made = observed.conversions[row, (hop,)]
    assert known_conversion(plan, store, observed, row, ()) == observed.saves[row]
    assert known_conversion(plan, store, observed, row, (hop,)) == made
    longer = (hop, Hop("good", "h5"))
    assert known_conversion(plan, store, observed, row, longer) is None
    assert known_conversion(plan, store, RunState(), row, (hop,)) is None
    assert known_conversion(plan, store, RunState(), row, longer) is None


def test_form_of_is_that_of_the_last_hop():
    cell = Cell("first", "h5", "a", "b")
    assert form_of(cell, ()) == "h5"
    assert form_of(cell, (Hop("c", "keras"), Hop("d", "savedmodel"))) == "savedmodel"


def test_retry_key_is_the_key_of_what_is_repeated(measure):
    plan, observed = measure("good")
    cell = Cell("first", "h5", "good", "good")
    artifact = observed.saves[Save(*cell[:3])].observation.artifact
    assert retry_key(plan, observed, cell, ()) == plan.load_key(cell, artifact)
    fixed = retry_key(plan, observed, cell, ("no-compile",))
    assert fixed == plan.attempt_key(cell, artifact, ("no-compile",))
