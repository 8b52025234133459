"""Everything stored under a key was measured with what the key names."""

import dataclasses
import hashlib
import json
from pathlib import Path

import pytest

from kerasmatrix.environments.locks import Lock
from kerasmatrix.environments.variables import FIXED, lasting_variables, worker_variables
from kerasmatrix.errors import UsageError
from kerasmatrix.execution.bridges import Hop
from kerasmatrix.execution.plan import environment_digest
from kerasmatrix.execution.runner import Run
from kerasmatrix.results.cells import Cell, Save
from kerasmatrix.results.tolerance import Tolerance
from kerasmatrix.store.store import Store
from tests.unit.plans import make_plan

SAVE = "scenarios/first/save.py"


@pytest.fixture
def plan(tmp_path, engine):
    """A plan of two environments for the fake engine."""
    return make_plan(tmp_path, "good", "good2")


def test_run_of_scenario_edited_after_the_plan_refuses(plan, engine, tmp_path):
    (tmp_path / SAVE).write_text("def build(): 'edited while the run waited for the store'\n")
    with (
        Store(tmp_path / "store") as store,
        pytest.raises(UsageError, match="first: was changed after the run had read it"),
    ):
        Run(plan, engine, store, id="r1").execute()
    assert engine.tasks == []
    with Store(tmp_path / "store") as store:
        assert Run(plan, engine, store, id="r2").known == 0


def test_run_that_waited_measures_scenario_as_it_is(command, engine, monkeypatch):
    """The store is held by another run while the scenario is edited."""
    command.project("good")
    edited = "def build(): 'edited'\n"
    seen = []
    engine.before_task = lambda task: seen.append(
        (engine.here.place.scenarios / SAVE[10:]).read_text()
    )

    def hold(path, wait):
        if wait and not seen:
            Path(SAVE).write_text(edited)
            wait("another run holds the store")
        return real(path, wait)

    module = __import__("kerasmatrix.store.run_lock", fromlist=["_lock"])
    real = module._lock
    monkeypatch.setattr(module, "_lock", hold)
    code, _, said = command()
    assert (code, "Waiting" in said) == (0, True)
    assert set(seen) == {edited}
    measured = len(engine.tasks)
    assert command()[1]["run"]["known"] == measured


def test_workers_do_not_get_what_no_digest_covers(plan, engine, tmp_path):
    (tmp_path / "scenarios/first/README.md").write_text("prose")
    found = set()

    def look(task):
        found.update(path.name for path in (engine.here.place.scenarios / "first").iterdir())

    engine.before_task = look
    with Store(tmp_path / "store") as store:
        Run(plan, engine, store, id="r1").execute()
    assert found == {"save.py", "load.py"}


@pytest.mark.parametrize(
    "change",
    [
        lambda env: {"python": "3.9"},
        lambda env: {"variables": {"TF_USE_LEGACY_KERAS": "1"}},
    ],
    ids=["python", "variables"],
)
def test_key_changes_with_the_environment(plan, change):
    ours, other = plan.selection.environments
    changed = ours.model_copy(update=change(ours))
    selection = plan.selection.model_copy(update={"environments": (changed, other)})
    after = dataclasses.replace(plan, selection=selection)
    row = Save("first", "h5", ours.name)
    assert after.save_key(row) != plan.save_key(row)
    assert after.save_key(row._replace(saved_with=other.name)) == plan.save_key(
        row._replace(saved_with=other.name)
    )


@pytest.mark.parametrize("name", sorted(FIXED))
def test_key_changes_with_every_variable_of_all_workers(plan, monkeypatch, name):
    row = Save("first", "h5", "good")
    before = plan.save_key(row)
    monkeypatch.setitem(FIXED, name, "another value")
    assert dataclasses.replace(plan).save_key(row) != before


def test_key_holds_every_variable_of_a_worker_but_its_home(plan):
    ours = plan.selection.environments[0]
    variables = worker_variables(ours, "/home")
    assert variables.pop("HOME") == "/home"
    assert variables == lasting_variables(ours)


def test_key_changes_with_lock_and_recipe(plan):
    row = Save("first", "h5", "good")
    lock = Lock(plan.locks["good"].path, plan.locks["good"].content + "numpy==1.0\n")
    other_lock = dataclasses.replace(plan, locks={**plan.locks, "good": lock})
    other_recipe = dataclasses.replace(plan, recipe="another Dockerfile")
    keys = {each.save_key(row) for each in (plan, other_lock, other_recipe)}
    assert len(keys) == 3


ROW = Save("first", "h5", "good")
CELL = Cell(*ROW, "good2")
HOP = Hop("good2", "h5")


def keys_of(plan):
    """Return the key of each kind of measurement."""
    taking = dataclasses.replace(plan, reference_fixes={ROW: ("no-compile",)})
    return {
        "save": plan.save_key(ROW),
        "save with a fix": taking.save_key(ROW),
        "load": plan.load_key(CELL, "ab"),
        "attempt": plan.attempt_key(CELL, "ab", ("no-compile",)),
        "probe": plan.probe_key(CELL, "ab"),
        "conversion": plan.conversion_key("first", "h5", HOP, "ab"),
        "conversion with a fix": plan.conversion_key(
            "first", "h5", HOP._replace(remedies=("no-compile",)), "ab"
        ),
    }


WITH_FIX = {"save with a fix", "attempt", "probe", "conversion with a fix"}


@pytest.mark.parametrize(
    ("change", "unchanged"),
    [
        (lambda plan: {"engine": "other"}, set()),
        (lambda plan: {"harness": "other"}, set()),
        (lambda plan: {"limits": plan.limits.model_copy(update={"memory_mb": 99})}, set()),
        (lambda plan: {"scenarios": {"first": edited(plan.scenarios["first"])}}, set()),
        # The code of fixes has no part in the others.
        (lambda plan: {"repair": "other"}, {"save", "load", "conversion"}),
        # These change no measurement.
        (lambda plan: {"limits": plan.limits.model_copy(update={"task_seconds": 9})}, None),
        (lambda plan: {"tolerance": Tolerance(absolute=1.0, relative=1.0)}, None),
        (lambda plan: {"columns": frozenset({"good"})}, None),
        (lambda plan: {"remedies": "all"}, None),
        (lambda plan: {"infer": False}, None),
    ],
    ids=["engine", "harness", "memory", "scenario", "repair",
         "time", "tolerance", "columns", "remedies", "infer"],
)  # fmt: skip
def test_keys_change_with_all_that_decides(plan, change, unchanged):
    before, after = keys_of(plan), keys_of(dataclasses.replace(plan, **change(plan)))
    assert len(set(before.values())) == len(before)
    same = {kind for kind in before if before[kind] == after[kind]}
    assert same == (set(before) if unchanged is None else unchanged)


def edited(scenario):
    return scenario.model_copy(update={"digest": "other"})


def test_keys_differ_for_other_cells(plan):
    keys = [
        plan.save_key(ROW), plan.save_key(ROW._replace(format="keras")),
        plan.save_key(ROW._replace(saved_with="good2")),
        plan.load_key(CELL, "ab"), plan.load_key(CELL, "ac"), plan.load_key(CELL, "a"),
        plan.load_key(CELL._replace(format="keras"), "ab"),
        plan.load_key(CELL._replace(loaded_with="good"), "ab"),
        plan.attempt_key(CELL, "ab", ("no-compile",)),
        plan.attempt_key(CELL, "ac", ("no-compile",)),
        plan.attempt_key(CELL._replace(format="keras"), "ab", ("no-compile",)),
        plan.attempt_key(CELL._replace(loaded_with="good"), "ab", ("no-compile",)),
        plan.attempt_key(CELL, "ab", ("rewrite-config",)),
        plan.attempt_key(CELL, "ab", ("no-compile", "rewrite-config")),
        plan.attempt_key(CELL, "ab", ("rewrite-config", "no-compile")),
        plan.probe_key(CELL, "ab"), plan.probe_key(CELL, "ac"),
        plan.probe_key(CELL._replace(format="keras"), "ab"),
        plan.probe_key(CELL._replace(loaded_with="good"), "ab"),
        plan.conversion_key("first", "h5", HOP, "ab"),
        plan.conversion_key("first", "h5", HOP, "ac"),
        plan.conversion_key("first", "keras", HOP, "ab"),
        plan.conversion_key("first", "h5", HOP._replace(environment="good"), "ab"),
        plan.conversion_key("first", "h5", HOP._replace(format="keras"), "ab"),
        plan.conversion_key("first", "h5", HOP._replace(saved=False), "ab"),
        plan.conversion_key("first", "h5", HOP._replace(remedies=("no-compile",)), "ab"),
        plan.conversion_key("first", "h5", HOP._replace(remedies=("rewrite-config",)), "ab"),
    ]  # fmt: skip
    assert len(set(keys)) == len(keys)


def test_key_of_load_does_not_depend_on_the_writer(plan):
    """Equal files are loaded once, by whatever version they were written."""
    other = CELL._replace(saved_with="good2")
    assert plan.load_key(other, "ab") == plan.load_key(CELL, "ab")
    assert plan.probe_key(other, "ab") == plan.probe_key(CELL, "ab")
    fixes = ("no-compile",)
    assert plan.attempt_key(other, "ab", fixes) == plan.attempt_key(CELL, "ab", fixes)


def test_key_is_the_same_when_asked_for_again(plan):
    assert keys_of(plan) == keys_of(plan) == keys_of(dataclasses.replace(plan))


def test_key_is_that_of_earlier_releases(plan):
    """With another key, users measure everything again: change it on purpose only."""
    parts = ["load", "fake", environment_digest(
        plan.environment("good2"), plan.locks["good2"], ""
    ), plan.scenarios["first"].digest, "first", "h5", "", plan.limits.memory_mb, "ab"]  # fmt: skip
    expected = hashlib.sha256(json.dumps(parts).encode()).hexdigest()
    assert plan.load_key(CELL, "ab") == expected


def test_key_does_not_change_with_comments_of_the_lock(plan):
    row = Save("first", "h5", "good")
    lock = Lock(plan.locks["good"].path, "# prose\n" + plan.locks["good"].content)
    assert dataclasses.replace(plan, locks={**plan.locks, "good": lock}).save_key(
        row
    ) == plan.save_key(row)
