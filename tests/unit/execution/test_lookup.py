"""A second run finds all that the first one measured, and nothing that is out of date."""

import dataclasses
import datetime

import pytest

from kerasmatrix.execution.bridges import Hop
from kerasmatrix.execution.fix_attempts import Attempt
from kerasmatrix.execution.lookup import (
    failed_crossing,
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
    ERROR,
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


def parts(state):
    return {name: getattr(state, name) for name in PARTS}


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
    plan, state = measure(*names, **changes)
    assert {part for part in filled if not getattr(state, part)} == set()
    assert parts(look_up(plan, store)) == parts(state)


def test_look_up_in_an_empty_store_finds_nothing(tmp_path, store):
    plan = make_plan(tmp_path, "good", "good2")
    assert look_up(plan, store).count == 0


def test_look_up_takes_given_saves_as_they_are(measure, store):
    """The reference's save of a checked file is not in the store under a plan's key."""
    plan, state = measure("good", "good2")
    row = Save("first", "h5", "good")
    harness = dataclasses.replace(plan, harness="another")
    found = look_up(harness, store, saves={row: state.saves[row]})
    assert found.saves == {row: state.saves[row]}
    assert found.loads == {}
    other = look_up(plan, store, saves={row: state.saves[row]})
    assert parts(other) == parts(state)


def test_look_up_leaves_out_rows_of_other_shards(measure, store):
    plan, _ = measure("good")
    other = dataclasses.replace(plan, shard=frozenset({"second"}))
    assert look_up(other, store).saves == {}


def test_look_up_leaves_out_unsupported_rows(measure, store):
    plan, _ = measure("good")
    scenario = plan.scenarios["first"].model_copy(update={"save_requires": ("tf-keras",)})
    other = dataclasses.replace(plan, scenarios={"first": scenario})
    assert look_up(other, store).saves == {}


def with_seconds(plan, seconds):
    limits = plan.limits.model_copy(update={"task_seconds": seconds})
    return dataclasses.replace(plan, limits=limits)


def test_known_load_timeout_ends_when_there_is_more_time(measure, store):
    plan, state = measure("good", "hangs")
    cell = Cell("first", "h5", "good", "hangs")
    found = known_load(state, store, cell)
    assert found.observation.ended == "timed-out"
    less = with_seconds(plan, plan.limits.task_seconds - 1)
    assert known_load(dataclasses.replace(state, plan=less), store, cell) == found
    more = with_seconds(plan, plan.limits.task_seconds + 1)
    assert known_load(dataclasses.replace(state, plan=more), store, cell) is None
    # A scenario's own limit counts, too.
    scenario = plan.scenarios["first"].model_copy(update={"timeout_seconds": 10_000})
    own = dataclasses.replace(plan, scenarios={"first": scenario})
    assert known_load(dataclasses.replace(state, plan=own), store, cell) is None


def test_known_load_without_a_save_is_none(measure, store):
    plan, state = measure("good", "cannot-save")
    cell = Cell("first", "h5", "good", "good")
    assert known_load(state, store, cell)
    assert known_load(RunState(plan), store, cell) is None
    unsaved = Cell("first", "h5", "cannot-save", "good")
    assert state.saves[unsaved.save].observation.artifact is None
    assert known_load(state, store, unsaved) is None


def test_known_load_unsupported_is_none(measure, store):
    plan, state = measure("good")
    scenario = plan.scenarios["first"].model_copy(update={"load_requires": ("tf-keras",)})
    other = dataclasses.replace(plan, scenarios={"first": scenario})
    assert (
        known_load(
            dataclasses.replace(state, plan=other), store, Cell("first", "h5", "good", "good")
        )
        is None
    )


def test_known_parts_belong_to_their_key(measure, store):
    plan, state = measure("good", "fails-rewrite-config")
    row = Save("first", "h5", "good")
    cell = Cell(*row, "fails-rewrite-config")
    artifact = state.saves[row].observation.artifact
    assert known_save(plan, store, row) == state.saves[row]
    assert known_probe(plan, store, cell, artifact) == state.probes[cell]
    assert known_probe(plan, store, cell, "another") is None
    first = state.attempts[cell][0]
    assert known_attempt(plan, store, cell, artifact, first.remedies) == first.measured
    assert known_attempt(plan, store, cell, "another", first.remedies) is None
    assert known_attempt(plan, store, cell, artifact, ("no-such-fix",)) is None


def test_known_conversion_follows_the_chain(measure, store):
    plan, state = measure("good", "good2", "picky-good2")
    row, (hop,) = next(key for key in state.conversions if key[0].saved_with == "good")
    made = state.conversions[row, (hop,)]
    assert known_conversion(state, store, row, ()) == state.saves[row]
    assert known_conversion(state, store, row, (hop,)) == made
    longer = (hop, Hop("good", "h5"))
    assert known_conversion(state, store, row, longer) is None
    assert known_conversion(RunState(plan), store, row, (hop,)) is None
    assert known_conversion(RunState(plan), store, row, longer) is None


def test_form_of_is_that_of_the_last_hop():
    cell = Cell("first", "h5", "a", "b")
    assert form_of(cell, ()) == "h5"
    assert form_of(cell, (Hop("c", "keras"), Hop("d", "savedmodel"))) == "savedmodel"


def test_retry_key_is_the_key_of_what_is_repeated(measure):
    plan, state = measure("good")
    cell = Cell("first", "h5", "good", "good")
    artifact = state.saves[cell.save].observation.artifact
    assert retry_key(state, cell, ()) == plan.load_key(cell, artifact)
    fixed = retry_key(state, cell, ("no-compile",))
    assert fixed == plan.attempt_key(cell, artifact, ("no-compile",))


ROW = Save("first", "h5", "good")
CELL = Cell(*ROW, "good2")
HOP = Hop("good2", "h5")
KNOWN = {
    "save": (SaveObservation, lambda plan: plan.save_key(ROW),
             lambda state, store: known_save(state.plan, store, ROW)),
    "load": (LoadObservation, lambda plan: plan.load_key(CELL, "ab"),
             lambda state, store: known_load(state, store, CELL)),
    "probe": (ProbeObservation, lambda plan: plan.probe_key(CELL, "ab"),
              lambda state, store: known_probe(state.plan, store, CELL, "ab")),
    "attempt": (LoadObservation, lambda plan: plan.attempt_key(CELL, "ab", ("no-compile",)),
                lambda state, store: known_attempt(
                    state.plan, store, CELL, "ab", ("no-compile",))),
    "conversion": (SaveObservation, lambda plan: plan.conversion_key("first", "h5", HOP, "ab"),
                   lambda state, store: known_conversion(
                       state, store, ROW, (HOP,))),
}  # fmt: skip


@pytest.mark.parametrize("kind", KNOWN)
def test_known_timeout_is_out_of_date_with_more_time(tmp_path, store, kind):
    plan = make_plan(tmp_path, "good", "good2")
    saved = SaveObservation.parse({"ended": "returned", "value": SAVE_FACTS, "artifact": "ab"})
    state = RunState(plan, saves={ROW: Measured(saved, None)})
    observation, key_of, known = KNOWN[kind]
    late = observation.parse({"ended": "timed-out", "deadline": plan.limits.task_seconds})
    assert known(state, store) is None
    measured = store.observations.remember(key_of(plan), late, "r1")
    assert known(state, store) == measured
    more = with_seconds(plan, plan.limits.task_seconds + 1)
    store.observations.remember(key_of(more), late, "r1")
    assert known(dataclasses.replace(state, plan=more), store) is None


@pytest.mark.parametrize("length", [2, 3])
def test_known_conversion_is_of_the_file_of_the_hop_before(tmp_path, store, length):
    plan = make_plan(tmp_path, "good", "good2")
    chain = tuple(Hop("good2", form) for form in ("keras", "weights", "h5")[-length:])
    converted = SaveObservation.parse({"ended": "returned", "artifact": "cd"})
    state = RunState(plan, conversions={(ROW, chain[:-1]): Measured(converted, None)})
    failed = SaveObservation.parse({"ended": "raised"})
    key = plan.conversion_key("first", "weights", chain[-1], "cd")
    measured = store.observations.remember(key, failed, "r1")
    assert known_conversion(state, store, ROW, chain) == measured


def test_known_conversion_of_an_unsaved_row_is_none(measure, store):
    _, state = measure("good", "cannot-save")
    row = Save("first", "h5", "cannot-save")
    assert known_conversion(state, store, row, (HOP,)) is None


def test_failed_crossing_ends_as_its_hop():
    how = {"ended": "raised", "error": ERROR, "stage": "save", "seconds": 2.5, "log": "printed"}
    then = datetime.datetime(2026, 1, 2, tzinfo=datetime.UTC)
    ended = failed_crossing(Measured(SaveObservation.parse(how), then), (HOP,))
    measured = Measured(LoadObservation.parse(how), then)
    assert ended == Attempt(("bridge",), measured, (HOP,))


def test_look_up_finds_retries_that_are_not_out_of_date(measure, store):
    plan, state = measure("good", "fails-no-compile")
    cell = Cell(*ROW, "fails-no-compile")
    artifact = state.saves[ROW].observation.artifact
    fixed = state.attempts[cell][-1]
    late = LoadObservation.parse({"ended": "timed-out", "deadline": 1.0})
    retried = {
        ROW: ((), plan.save_key(ROW), state.saves[ROW].observation),
        cell: ((), plan.load_key(cell, artifact), state.loads[cell].observation),
        "fixed": (fixed.remedies, plan.attempt_key(cell, artifact, fixed.remedies),
                  fixed.measured.observation),
    }  # fmt: skip
    retries = {}
    for name, (remedies, key, observation) in retried.items():
        store.observations.remember_retry(key, late, "r2")
        measured = store.observations.remember_retry(key, observation, "r2")
        retries[name] = Retry(remedies, measured)
    found = look_up(plan, store).retries
    assert found == {ROW: (retries[ROW],), cell: (retries[cell], retries["fixed"])}


def test_look_up_takes_no_retry_of_a_bridge(measure, store):
    """A bridge is retried hop by hop, if at all."""
    plan, state = measure("good", "good2", "picky-good2")
    cell = Cell(*ROW, "picky-good2")
    bridge = state.attempts[cell][-1]
    assert (bridge.remedies, len(bridge.chain)) == (("bridge",), 1)
    artifact = state.saves[ROW].observation.artifact
    key = plan.attempt_key(cell, artifact, bridge.remedies)
    store.observations.remember_retry(key, bridge.measured.observation, "r2")
    assert look_up(plan, store).retries == {}


@pytest.mark.parametrize("walks", [False, True])
def test_look_up_bridge_comes_after_fixes_unless_it_is_planned(measure, store, walks):
    cell = Cell(*ROW, "picky-good2")
    changes = {"chains": {cell: ((HOP,),)}} if walks else {}
    plan, state = measure("good", "good2", "picky-good2", **changes)
    assert state.attempts[cell][-1].chain == (HOP,)
    artifact = state.saves[ROW].observation.artifact
    first = state.attempts[cell][0].remedies
    store.observations.forget([plan.attempt_key(cell, artifact, first)])
    found = look_up(plan, store).attempts.get(cell, ())
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
    assert set(look_up(plan, store).boundary.faults) == faulty


def test_look_up_fault_of_a_verdict_belongs_to_its_cell(measure, store, monkeypatch):
    plan, state = measure("good", "fails")
    judge = Plan.judge

    def fail(plan, cell, *rest):
        if cell.loaded_with == "fails":
            raise ZeroDivisionError
        return judge(plan, cell, *rest)

    monkeypatch.setattr(Plan, "judge", fail)
    faulty = {cell for cell in state.loads if cell.loaded_with == "fails"}
    assert set(look_up(plan, store).boundary.faults) == faulty
