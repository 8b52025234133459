"""Everything stored under a key was measured with what the key names."""

import dataclasses
from pathlib import Path

import pytest

from kerasmatrix.environments.locks import Lock
from kerasmatrix.environments.variables import FIXED, lasting_variables, worker_variables
from kerasmatrix.errors import UsageError
from kerasmatrix.execution.runner import Run
from kerasmatrix.results.observations import Save
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

    module = __import__("kerasmatrix.store.store", fromlist=["_hold"])
    real = module._hold
    monkeypatch.setattr(module, "_hold", hold)
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


def test_key_does_not_change_with_comments_of_the_lock(plan):
    row = Save("first", "h5", "good")
    lock = Lock(plan.locks["good"].path, "# prose\n" + plan.locks["good"].content)
    assert dataclasses.replace(plan, locks={**plan.locks, "good": lock}).save_key(
        row
    ) == plan.save_key(row)
