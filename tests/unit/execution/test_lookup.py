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
from kerasmatrix.execution.plan import Plan
from kerasmatrix.execution.run_state import Retry, RunState
from kerasmatrix.execution.runner import Run
from kerasmatrix.results.cells import Cell, Save
from kerasmatrix.results.observations import (
    LoadObservation,
    Measured,
    ProbeObservation,
    SaveObservation,
)
from kerasmatrix.store.store import Store
from tests.unit.behaviours import (
    CRASHED,
    FAILS,
    SAVE_FACTS,
    TWIN,
    Behaviour,
    only_from,
    raised,
)
from tests.unit.plans import make_plan

BEHAVIOURS = {
    "cannot-convert": Behaviour(cannot=frozenset({"convert"})),
    "fails-no-compile": FAILS.but(fixed_by="no-compile"),
    "good-twin1": TWIN,
    "good-twin2": TWIN,
    "crashes-with-fixes": Behaviour(
        ends=lambda worker, task: CRASHED if task.remedies else raised()
    ),
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
    "no conversion": (
        ("good", "cannot-convert", "picky-cannot-convert"), {}, {"attempts", "conversions"},
    ),
    "equal files": (("good-twin1", "good-twin2", "fails-no-compile"), {}, {"inferred"}),
    # Equal files need not crash equally: each has attempts of its own.
    "equal files, not fixed": (
        ("good-twin1", "good-twin2", "crashes-with-fixes"), {}, {"inferred", "attempts"},
    ),
    "cannot save": (("good", "cannot-save"), {}, set()),
    "crashes": (("good", "crashes"), {}, {"attempts"}),
}  # fmt: skip


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


ROW = Save("first", "h5", "good")
CELL = Cell(*ROW, "good2")
HOP = Hop("good2", "h5")
KNOWN = {
    "save": (SaveObservation, lambda plan: plan.save_key(ROW),
             lambda plan, store, observed: known_save(plan, store, ROW)),
    "load": (LoadObservation, lambda plan: plan.load_key(CELL, "ab"),
             lambda plan, store, observed: known_load(plan, store, observed, CELL)),
    "probe": (ProbeObservation, lambda plan: plan.probe_key(CELL, "ab"),
              lambda plan, store, observed: known_probe(plan, store, CELL, "ab")),
    "attempt": (LoadObservation, lambda plan: plan.attempt_key(CELL, "ab", ("no-compile",)),
                lambda plan, store, observed: known_attempt(
                    plan, store, CELL, "ab", ("no-compile",))),
    "conversion": (SaveObservation, lambda plan: plan.conversion_key("first", "h5", HOP, "ab"),
                   lambda plan, store, observed: known_conversion(
                       plan, store, observed, ROW, (HOP,))),
}  # fmt: skip


@pytest.mark.parametrize("kind", KNOWN)
def test_known_timeout_is_out_of_date_with_more_time(tmp_path, store, kind):
    plan = make_plan(tmp_path, "good", "good2")
    saved = SaveObservation.parse({"ended": "returned", "value": SAVE_FACTS, "artifact": "ab"})
    observed = RunState(saves={ROW: Measured(saved, None)})
    observation, key_of, known = KNOWN[kind]
    late = observation.parse({"ended": "timed-out", "deadline": plan.limits.task_seconds})
    assert known(plan, store, observed) is None
    measured = store.observations.remember(key_of(plan), late, "r1")
    assert known(plan, store, observed) == measured
    more = with_seconds(plan, plan.limits.task_seconds + 1)
    store.observations.remember(key_of(more), late, "r1")
    assert known(more, store, observed) is None


@pytest.mark.parametrize("length", [2, 3])
def test_known_conversion_is_of_the_file_of_the_hop_before(tmp_path, store, length):
    plan = make_plan(tmp_path, "good", "good2")
    chain = tuple(Hop("good2", form) for form in ("keras", "weights", "h5")[-length:])
    converted = SaveObservation.parse({"ended": "returned", "artifact": "cd"})
    observed = RunState(conversions={(ROW, chain[:-1]): Measured(converted, None)})
    failed = SaveObservation.parse({"ended": "raised"})
    key = plan.conversion_key("first", "weights", chain[-1], "cd")
    measured = store.observations.remember(key, failed, "r1")
    assert known_conversion(plan, store, observed, ROW, chain) == measured


def test_known_conversion_of_an_unsaved_row_is_none(measure, store):
    plan, observed = measure("good", "cannot-save")
    row = Save("first", "h5", "cannot-save")
    assert known_conversion(plan, store, observed, row, (HOP,)) is None


def test_look_up_finds_retries_that_are_not_out_of_date(measure, store):
    plan, observed = measure("good", "fails-no-compile")
    cell = Cell(*ROW, "fails-no-compile")
    artifact = observed.saves[ROW].observation.artifact
    fixed = observed.attempts[cell][-1]
    late = LoadObservation.parse({"ended": "timed-out", "deadline": 1.0})
    retried = {
        ROW: ((), plan.save_key(ROW), observed.saves[ROW].observation),
        cell: ((), plan.load_key(cell, artifact), observed.loads[cell].observation),
        "fixed": (fixed.remedies, plan.attempt_key(cell, artifact, fixed.remedies),
                  fixed.measured.observation),
    }  # fmt: skip
    retries = {}
    for name, (remedies, key, observation) in retried.items():
        store.observations.remember_retry(key, late, "r2")
        measured = store.observations.remember_retry(key, observation, "r2")
        retries[name] = Retry(remedies, measured)
    found = look_up(plan, store, Causes(plan)).retries
    assert found == {ROW: (retries[ROW],), cell: (retries[cell], retries["fixed"])}


def test_look_up_takes_no_retry_of_a_bridge(measure, store):
    """A bridge is retried hop by hop, if at all."""
    plan, observed = measure("good", "good2", "picky-good2")
    cell = Cell(*ROW, "picky-good2")
    bridge = observed.attempts[cell][-1]
    assert (bridge.remedies, len(bridge.chain)) == (("bridge",), 1)
    artifact = observed.saves[ROW].observation.artifact
    key = plan.attempt_key(cell, artifact, bridge.remedies)
    store.observations.remember_retry(key, bridge.measured.observation, "r2")
    assert look_up(plan, store, Causes(plan)).retries == {}


@pytest.mark.parametrize("walks", [False, True])
def test_look_up_bridge_comes_after_fixes_unless_it_is_planned(measure, store, walks):
    cell = Cell(*ROW, "picky-good2")
    changes = {"walks": {cell: ((HOP,),)}} if walks else {}
    plan, observed = measure("good", "good2", "picky-good2", **changes)
    assert observed.attempts[cell][-1].chain == (HOP,)
    artifact = observed.saves[ROW].observation.artifact
    first = observed.attempts[cell][0].remedies
    store.observations.forget([plan.attempt_key(cell, artifact, first)])
    found = look_up(plan, store, Causes(plan)).attempts.get(cell, ())
    assert [attempt.chain for attempt in found] == ([(HOP,)] if walks else [])


@pytest.mark.parametrize(
    ("kind", "faulty"),
    [
        (SaveObservation, {Save("first", "h5", name) for name in ("good", "fails")}),
        (LoadObservation, {Cell("first", "h5", saved, loaded)
                           for saved in ("good", "fails") for loaded in ("good", "fails")}),
        (ProbeObservation, {Cell("first", "h5", saved, "fails") for saved in ("good", "fails")}),
    ],
)  # fmt: skip
def test_look_up_fault_belongs_to_its_row_or_cell(measure, store, monkeypatch, kind, faulty):
    plan, _ = measure("good", "fails")

    def fail(plan, observation, scenario):
        if isinstance(observation, kind):
            raise ZeroDivisionError
        return True

    monkeypatch.setattr(Plan, "still_known", fail)
    assert set(look_up(plan, store, Causes(plan)).boundary.faults) == faulty


def test_look_up_fault_of_a_verdict_belongs_to_its_cell(measure, store, monkeypatch):
    plan, observed = measure("good", "fails")
    judge = Plan.judge

    def fail(plan, cell, *rest):
        if cell.loaded_with == "fails":
            raise ZeroDivisionError
        return judge(plan, cell, *rest)

    monkeypatch.setattr(Plan, "judge", fail)
    faulty = {cell for cell in observed.loads if cell.loaded_with == "fails"}
    assert set(look_up(plan, store, Causes(plan)).boundary.faults) == faulty
