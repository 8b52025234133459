"""A plan says which cells there are, which are measured, and which cannot be."""

import dataclasses
import hashlib
import json
from pathlib import Path

import pytest

from kerasmatrix.config.matrix import Environment, Limits, Selection
from kerasmatrix.config.scenario import Scenario
from kerasmatrix.config.script import Script
from kerasmatrix.environments.locks import Lock
from kerasmatrix.execution.bridges import Hop
from kerasmatrix.execution.plan import Plan, environment_digest
from kerasmatrix.results.cells import Cell, Save, Status
from kerasmatrix.results.observations import LoadObservation, SaveFacts
from kerasmatrix.results.tolerance import Tolerance
from kerasmatrix.store.origins import Origin
from tests.unit.behaviours import LOAD_FACTS, REFUSAL, SAVE_FACTS, WEIGHT

LEGACY = {"TF_USE_LEGACY_KERAS": "1"}


def environment(name, tensorflow, variables=()):
    return Environment(
        name=name, tensorflow=tensorflow, python="3.11", as_of="2024-01-01",
        variables=dict(variables),
    )  # fmt: skip


ENVIRONMENTS = (
    environment("tf2.11", "2.11.0"), environment("tf2.12", "2.12.0"),
    environment("tf2.16", "2.16.1"), environment("tf2.16-legacy", "2.16.2", LEGACY),
)  # fmt: skip
SCENARIOS = {
    "dense": Scenario(name="dense", title="t", shows="s", digest="d" * 20),
    "tables": Scenario(
        name="tables", title="t", shows="s", digest="e" * 20, formats=("h5", "weights"),
        save_requires=("tensorflow-text", "pandas", "keras"), load_requires=("pandas",),
        tolerance=Tolerance(absolute=1.0), timeout_seconds=90,
    ),
    "file": Scenario(name="file", title="t", shows="s", digest="f" * 20, given=True, trained=True),
}  # fmt: skip
ROW = Save("dense", "h5", "tf2.12")
CELL = Cell(*ROW, "tf2.16")
HOP = Hop("tf2.16", "keras")


def make(formats=("h5",), scenarios=("dense",), environments=ENVIRONMENTS, **changes):
    locks = {env.name: Lock(Path(), f"tensorflow-cpu=={env.tensorflow}\n") for env in environments}
    locks["tf2.16"] = Lock(Path(), "keras==3.4.0\n")
    selection = Selection(environments=environments, scenarios=scenarios, formats=formats)
    plan = Plan(
        selection, SCENARIOS, locks, "docker", "h" * 20, Limits(), Tolerance(), repair="r" * 20
    )
    return dataclasses.replace(plan, **changes)


def test_cells_are_those_of_the_table_in_its_order():
    plan = make(("h5", "keras-archive"), ("dense", "file"), ENVIRONMENTS[:2])
    first, second = "tf2.11", "tf2.12"
    # No other release writes the archive under its own name.
    rows = [
        Save(scenario, *rest)
        for scenario in ("dense", "file")
        for rest in (("h5", first), ("h5", second), ("keras-archive", second))
    ]
    assert list(plan.saves()) == rows
    assert list(plan.cells()) == [Cell(*row, reader) for row in rows for reader in (first, second)]


def test_cells_without_columns_are_none():
    assert list(make(columns=frozenset()).cells()) == []
    assert len(list(make(columns=frozenset({"tf2.16"})).cells())) == len(ENVIRONMENTS) ** 2


def test_saves_given_rows_are_the_only_ones():
    assert list(make(("h5", "keras"), rows=(ROW,)).saves()) == [ROW]
    assert list(make(rows=()).saves()) == []


@pytest.mark.parametrize(
    ("changes", "asked"),
    [
        ({}, True),
        ({"columns": frozenset({"tf2.16"})}, True),
        ({"columns": frozenset({"tf2.12"})}, False),
        ({"present_for": {"tf2.16": frozenset({"dense"})}}, True),
        ({"present_for": {"tf2.16": frozenset({"file"})}}, False),
        ({"present_for": {"tf2.16": frozenset()}}, False),
        ({"present_for": {"tf2.12": frozenset({"file"})}}, True),
        ({"shard": frozenset({"dense"})}, True),
        ({"shard": frozenset({"file"})}, False),
        ({"shard": frozenset()}, False),
        ({"shard": frozenset({"dense"}), "columns": frozenset({"tf2.12"})}, False),
    ],
)
def test_asked_for_heeds_columns_shard_and_presence(changes, asked):
    assert make(**changes).asked_for(CELL) is asked


def test_environment_is_that_of_its_name():
    plan = make()
    assert [plan.environment(env.name) for env in ENVIRONMENTS] == list(ENVIRONMENTS)
    majors = [plan.keras_major(env.name) for env in ENVIRONMENTS]
    assert majors == [2, 2, 3, 2]


def test_legacy_twin_has_the_same_minor():
    plan = make()
    twins = [plan.legacy_twin(env.name) for env in ENVIRONMENTS]
    assert twins == [None, None, "tf2.16-legacy", None]
    two = (environment("a", "2.16.0", LEGACY), environment("b", "2.16.0", LEGACY))
    assert make(environments=two).legacy_twin("a") is None


@pytest.mark.parametrize(
    ("save", "reason"),
    [
        (ROW, None),
        (Save("tables", "keras", "tf2.12"), "the scenario does not use the format keras"),
        (Save("dense", "keras-archive", "tf2.11"),
         "TensorFlow 2.11.0 has no format keras-archive (it came with 2.12)"),
        (Save("tables", "h5", "tf2.16"), "tf2.16 has no package tensorflow-text, pandas"),
    ],
)  # fmt: skip
def test_cannot_save_says_why(save, reason):
    assert make().cannot_save(save) == reason


@pytest.mark.parametrize(
    ("cell", "reason"),
    [
        (CELL, None),
        # The reader is not excused.
        (Cell("dense", "keras-archive", "tf2.12", "tf2.11"), None),
        (Cell("dense", "keras-archive", "tf2.11", "tf2.12"),
         "TensorFlow 2.11.0 has no format keras-archive (it came with 2.12)"),
        (Cell("tables", "h5", "tf2.16", "tf2.12"),
         "tf2.16 has no package tensorflow-text, pandas"),
        (Cell("tables", "savedmodel", "tf2.16", "tf2.12"),
         "the scenario does not use the format savedmodel"),
    ],
)  # fmt: skip
def test_cannot_load_says_why(cell, reason):
    assert make().cannot_load(cell) == reason


def test_cannot_load_asks_for_the_packages_of_a_load():
    plan = make()
    content = "pandas==2.0\nkeras==3.4.0\ntensorflow-text==2.16.1\n"
    locks = {**plan.locks, "tf2.16": Lock(Path(), content)}
    complete = dataclasses.replace(plan, locks=locks)
    written = Cell("tables", "h5", "tf2.16", "tf2.12")
    assert complete.cannot_load(written) == "tf2.12 has no package pandas"
    assert complete.cannot_load(written._replace(loaded_with="tf2.16")) is None


def test_origin_names_the_parts_of_a_key():
    plan = make(recipe="a Dockerfile")
    env = plan.environment("tf2.12")
    digest = environment_digest(env, plan.locks["tf2.12"], "a Dockerfile")
    expected = Origin("docker", digest[:16], f"dense:{'d' * 16}", "h" * 16)
    assert plan.origin("tf2.12", "dense", with_repair=False) == expected
    assert plan.origin("tf2.12", "dense", with_repair=True) == expected._replace(repair="r" * 16)
    assert plan.origin("tf2.12", "file", with_repair=False).scenario == "file"


# For each kind of key, how it is asked for, and the parts that differ from kind to kind.
KEYS = {
    "save": (lambda plan: plan.save_key(ROW), ("tf2.12", "h5"), []),
    "load": (lambda plan: plan.load_key(CELL, "ab"), ("tf2.16", "h5"), ["ab"]),
    "attempt": (
        lambda plan: plan.attempt_key(CELL, "ab", ("a", "b")), ("tf2.16", "h5"),
        ["ab", "r" * 20, "a", "b"],
    ),
    "probe": (lambda plan: plan.probe_key(CELL, "ab"), ("tf2.16", "h5"), ["ab", "r" * 20]),
    "convert": (
        lambda plan: plan.conversion_key("dense", "h5", HOP, "ab"), ("tf2.16", "h5"),
        ["ab", "keras"],
    ),
    "convert, with a fix": (
        lambda plan: plan.conversion_key("dense", "h5", HOP._replace(remedies=("a",)), "ab"),
        ("tf2.16", "h5"), ["ab", "keras", "r" * 20, "a"],
    ),
    "convert, not saved": (
        lambda plan: plan.conversion_key("dense", "h5", HOP._replace(saved=False), "ab"),
        ("tf2.16", "h5"), ["ab", "keras, as it is"],
    ),
    "save, with a fix": (
        lambda plan: dataclasses.replace(plan, reference_fixes={ROW: ("a",)}).save_key(ROW),
        ("tf2.12", "h5"), ["r" * 20, "a"],
    ),
}  # fmt: skip


@pytest.mark.parametrize("kind", KEYS)
def test_key_is_that_of_earlier_releases(kind):
    """With another key, users measure everything again: change it on purpose only."""
    plan = make()
    ask, (name, form), more = KEYS[kind]
    env = environment_digest(plan.environment(name), plan.locks[name], "")
    parts = [kind.partition(",")[0], "docker", env, "d" * 20, "dense", form, "h" * 20, 4096, *more]
    assert ask(plan) == hashlib.sha256(json.dumps(parts).encode()).hexdigest()
    assert ask(plan) == ask(plan)


def test_deadline_and_tolerance_of_a_scenario_take_precedence():
    plan = make()
    assert (plan.deadline("dense"), plan.deadline("tables")) == (60, 90)
    assert plan.tolerance_of("dense") == Tolerance()
    assert plan.tolerance_of("tables") == Tolerance(absolute=1.0)


@pytest.mark.parametrize(
    ("ended", "deadline", "known"),
    [
        ("raised", None, True), ("raised", 1.0, True), ("timed-out", None, False),
        ("timed-out", 59.0, False), ("timed-out", 60.0, True), ("timed-out", 61.0, True),
    ],
)  # fmt: skip
def test_still_known_timeout_ends_with_a_higher_deadline(ended, deadline, known):
    observation = LoadObservation.parse({"ended": ended, "deadline": deadline})
    assert make().still_known(observation, "dense") is known


def judge(scenario, loaded=(), saved=(), form="h5", **how):
    facts = SaveFacts.parse({**SAVE_FACTS, **dict(saved)})
    load = LoadObservation.parse({"ended": "returned", "value": {**LOAD_FACTS, **dict(loaded)}})
    return make().judge(Cell(scenario, form, "tf2.12", "tf2.16"), facts, load, **how)


def test_judge_uses_the_tolerance_of_the_scenario():
    off = {"max_abs_diff": 0.5}
    assert judge("dense", off).status is Status.DRIFT
    assert judge("tables", off).status is Status.PASS


def test_judge_only_the_scaling_fix_may_change_weights():
    other = {"weights": [{**WEIGHT, "sha256": "bb"}]}
    assert judge("dense", other, remedies=("no-compile",)).status is Status.DRIFT
    verdict = judge("dense", other, remedies=("no-compile", "scale-gates"))
    assert verdict.status is Status.DEGRADED
    assert (verdict.weights_equal, len(verdict.lost)) == (False, 1)
    assert verdict.lost[0].startswith("the values of some weights")
    same = judge("dense", remedies=("scale-gates",))
    assert (same.status, same.lost) == (Status.PASS, ())
    # Outputs must stay the same.
    drifts = judge("dense", {**other, "max_abs_diff": 0.5}, remedies=("scale-gates",))
    assert drifts.status is Status.DRIFT
    refused = judge("dense", other, {"refused": REFUSAL}, remedies=("scale-gates",))
    assert "the values of some weights" in refused.summary


def test_judge_trained_file_lost_its_optimizer_state():
    adam = {"name": "Adam", "hyperparameters": {}, "iterations": 0, "slots": []}
    compiled = {"compiled": {"loss": "mse", "optimizer": adam}}
    assert judge("dense", compiled, compiled).lost == ()
    assert judge("file", compiled, compiled).lost == ("the optimizer state",)
    assert judge("file", compiled, compiled, form="weights").lost == ()


def test_bridges_have_wheels_for_the_platform(monkeypatch):
    monkeypatch.setattr(
        "kerasmatrix.execution.plan.can_install", lambda release, _: release >= "2.12"
    )
    assert make().bridges == ("tf2.11", "tf2.12", "tf2.16", "tf2.16-legacy")
    assert make(platform="macos-arm64").bridges == ("tf2.12", "tf2.16", "tf2.16-legacy")


# Keras 3 without TensorFlow, with a backend that only predicts.
OTHER = Environment(
    name="keras3.15-numpy", backend="numpy", keras="3.15.1", python="3.13", as_of="2026-08-15"
)
SCRIPTS = {
    "trained": {"save_script": Script(names={"build"}, trains=True)},
    "of_tensorflow": {"save_script": Script(names={"build"}, uses_tensorflow=True)},
    "loads_with_tensorflow": {"load_script": Script(names={"load"}, uses_tensorflow=True)},
    "builds_apart": {
        "save_script": Script(names={"build"}, uses_tensorflow=True),
        "load_script": Script(names={"load", "build"}),
    },
}


def with_backend():
    plan = make(environments=(*ENVIRONMENTS, OTHER))
    lock = Lock(Path(), "keras==3.15.1\njax==0.11.0\n")
    scenarios = {
        name: Scenario.model_construct(
            **{
                **Scenario(name=name, title="t", shows="s", digest="g" * 20).__dict__,
                "load_script": Script(names={"load"}),
                **scripts,
            }
        )
        for name, scripts in SCRIPTS.items()
    }
    return dataclasses.replace(
        plan,
        scenarios={**SCENARIOS, **scenarios},
        locks={**plan.locks, OTHER.name: lock},
    )


@pytest.mark.parametrize(
    ("scenario", "form", "saved", "loaded", "reason"),
    [
        ("dense", "keras", OTHER.name, OTHER.name, None),
        ("dense", "keras-archive", OTHER.name, "tf2.16",
         "Keras 3 writes the same file as the format keras"),
        ("dense", "savedmodel", OTHER.name, "tf2.16",
         "the format savedmodel needs TensorFlow, which is not installed"),
        ("dense", "savedmodel", "tf2.16", OTHER.name,
         "the format savedmodel needs TensorFlow, which is not installed"),
        ("trained", "h5", OTHER.name, "tf2.16",
         "save.py trains the model, and the backend numpy only predicts"),
        ("trained", "h5", "tf2.16", OTHER.name, None),
        ("trained", "weights", "tf2.16", OTHER.name,
         "save.py trains the model, and the backend numpy only predicts"),
        ("of_tensorflow", "h5", OTHER.name, "tf2.16",
         "save.py imports TensorFlow, which keras3.15-numpy does not have"),
        ("of_tensorflow", "h5", "tf2.16", OTHER.name, None),
        ("loads_with_tensorflow", "h5", "tf2.16", OTHER.name,
         "load.py imports TensorFlow, which keras3.15-numpy does not have"),
        ("builds_apart", "weights", "tf2.16", OTHER.name, None),
    ],
)  # fmt: skip
def test_cannot_load_with_another_backend_says_why(scenario, form, saved, loaded, reason):
    assert with_backend().cannot_load(Cell(scenario, form, saved, loaded)) == reason


def test_another_backend_is_neither_bridge_nor_twin():
    plan = with_backend()
    assert OTHER.name not in plan.bridges
    assert plan.legacy_twin(OTHER.name) is None
    assert plan.keras_major(OTHER.name) == 3
