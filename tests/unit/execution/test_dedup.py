"""Equal files are loaded once, and what that says is what loading each would have said."""

import dataclasses
from collections import Counter

import pytest

from kerasmatrix.harness import configuration
from kerasmatrix.results.cells import Status
from kerasmatrix.results.observations import (
    LoadObservation,
    SaveFacts,
    StoredState,
    TrainingFacts,
    Weights,
)
from kerasmatrix.results.tolerance import Tolerance
from kerasmatrix.results.verdict import compared_facts, judge_load
from tests.unit.behaviours import CANNOT_SAVE, CRASHES, DRIFTS, EATS_MEMORY, FAILS, HANGS, TWIN
from tests.unit.fakes import ERROR, LOAD_FACTS, SAVE_FACTS

BEHAVIOURS = {
    "good-twin1": TWIN,
    "good-twin2": TWIN,
    "good-twin3": TWIN,
    "twin-good": TWIN,
    "cannot-save-twin": CANNOT_SAVE,
    "crashes-twin": CRASHES.but(equal_files=True),
    "drifts-twin": DRIFTS.but(equal_files=True),
    "eats-memory-twin": EATS_MEMORY.but(equal_files=True),
    "fails-twin3": FAILS.but(equal_files=True),
    "fails-twin-rewrite-config": FAILS.but(fixed_by="rewrite-config", equal_files=True),
    "hangs-twin": HANGS.but(equal_files=True),
}

# How a cell looks to whoever judges it; when and how long it was loaded is its source's.
JUDGED = ("status", "summary", "cause", "lost", "error", "weights_equal", "max_abs_diff",
          "remedies")  # fmt: skip


def cell(table, saved, loaded):
    return next(c for c in table["cells"] if (c["saved_with"], c["loaded_with"]) == (saved, loaded))


def sources(table):
    return {
        (c["saved_with"], c["loaded_with"]): c["inferred_from"]
        for c in table["cells"]
        if c["inferred_from"]
    }


def done(engine):
    return Counter((name, task.kind) for name, task in engine.tasks)


def judged(table):
    return {
        (c["scenario"], c["format"], c["saved_with"], c["loaded_with"]): [c[f] for f in JUDGED]
        for c in table["cells"]
    }


def test_equal_files_one_is_loaded_by_each_version(command, engine):
    command.project("good", "good-twin1", "good-twin2", "good-twin3")
    code, table, printed = command("--jobs", "1")
    assert code == 0
    # Three equal rows and one that is not like them, in four columns.
    assert done(engine) == {
        **{(name, "save"): 1 for name in ("good", "good-twin1", "good-twin2", "good-twin3")},
        **{(name, "load"): 2 for name in ("good", "good-twin1", "good-twin2", "good-twin3")},
    }
    assert sources(table) == {
        ("good-twin2", "good"): "good-twin1",
        ("good-twin3", "good"): "good-twin1",
        ("good-twin2", "good-twin1"): "good-twin1",
        ("good-twin3", "good-twin1"): "good-twin1",
        # A version's own file is preferred.
        ("good-twin1", "good-twin2"): "good-twin2",
        ("good-twin3", "good-twin2"): "good-twin2",
        ("good-twin1", "good-twin3"): "good-twin3",
        ("good-twin2", "good-twin3"): "good-twin3",
    }
    assert {c["status"] for c in table["cells"]} == {"pass"}
    assert "8 results reused" in printed
    assert table["run"]["measured"] == 12


def test_no_infer_loads_all_equal_files(command, engine):
    command.project("good", "good-twin1", "good-twin2")
    code, table, printed = command("--no-infer")
    assert code == 0, printed
    assert sources(table) == {}
    assert sum(task.kind == "load" for _, task in engine.tasks) == 9
    assert "inferred" not in printed
    # What was measured is not inferred later either.
    engine.tasks.clear()
    assert sources(command()[1]) == {}
    assert engine.tasks == []


@pytest.mark.parametrize(
    ("remedies", "jobs"), [("none", "1"), ("first", "1"), ("first", "3"), ("all", "3")]
)
def test_inferred_cell_equals_the_measured_cell(command, remedies, jobs):
    command.project("good", "twin-good", "fails-twin-rewrite-config", "drifts-twin", "crashes-twin",
                    "hangs-twin", "eats-memory-twin", "picky-good", "fails",
                    "cannot-save-twin")  # fmt: skip
    options = ("--remedies", remedies, "--jobs", jobs)
    _, inferred, _ = command(*options, "--store", "inferring")
    _, measured, _ = command(*options, "--store", "measuring", "--no-infer")
    assert judged(inferred) == judged(measured)
    # Six versions write one file; seven say something of it that is not about the machine as well.
    assert sum(c["inferred_from"] is not None for c in inferred["cells"]) == 7 * 5
    assert sources(measured) == {}


def test_inferred_cell_is_inferred_again_by_next_run(command, engine):
    command.project("good-twin1", "good-twin2", "fails-twin3")
    _, before, _ = command("--jobs", "1")
    engine.tasks.clear()
    _, after, _ = command("--jobs", "1")
    assert engine.tasks == []
    assert after["cells"] == before["cells"]
    assert after["run"]["known"] == before["run"]["measured"]


def test_fix_holds_for_equal_files(command, engine):
    command.project("good-twin1", "good-twin2", "fails-rewrite-config")
    _, table, _ = command("--jobs", "1")  # which of the two is measured is settled then
    repaired = [cell(table, name, "fails-rewrite-config") for name in ("good-twin1", "good-twin2")]
    assert [c["inferred_from"] for c in repaired] == [None, "good-twin1"]
    assert repaired[0]["remedies"] == repaired[1]["remedies"]
    assert repaired[1]["remedies"][-1]["status"] == "verified"
    tried = [task for _, task in engine.tasks if task.remedies]
    # fails-rewrite-config's own file is unlike theirs, and is repaired by itself.
    assert {task.artifact for task in tried} == {
        cell(table, name, "good-twin1")["artifact"] for name in ("good-twin1", table_own(table))
    }


def table_own(table):
    return table["environments"][-1]["name"]


@pytest.mark.parametrize("how", ["crashes", "hangs", "eats-memory", "kills-workers"])
def test_crash_is_measured_in_every_equal_cell(command, how):
    command.project("good-twin1", "good-twin2", "good-twin3", how)
    _, table, _ = command("--remedies", "none")
    assert [c["inferred_from"] for c in table["cells"] if c["loaded_with"] == how] == [None] * 4
    assert len(sources(table)) == 6


def test_fault_in_one_cell_loads_the_next_equal_one(command, engine):
    command.project("good-twin1", "good-twin2", "disk-full")
    code, table, _ = command()
    assert code == 3
    column = [cell(table, name, "disk-full") for name in ("good-twin1", "good-twin2")]
    assert [c["status"] for c in column] == ["infra", "infra"]
    assert done(engine)["disk-full", "load"] == 3


def test_interrupted_run_infers_from_its_results(command, engine):
    command.project("good-twin1", "good-twin2", "good-twin3")

    def interrupt(task):
        if sum(t.kind == "load" for _, t in engine.tasks) == 2:
            raise KeyboardInterrupt

    engine.before_task = interrupt
    code, table, _ = command("--jobs", "1")
    assert code == 130
    assert Counter(c["status"] for c in table["cells"]) == {"pass": 3, "not-run": 6}
    assert len(sources(table)) == 2


def test_dry_run_lists_one_of_equal_loads(command, engine):
    command.project("good-twin1", "good-twin2")
    command("--columns", "good-twin1")
    printed = command("--dry-run")[2]
    assert "0 saves and 1 load to do" in printed


LAYER = {"path": ["drop"], "class": "Dropout", "trainable": True, "config": {"rate": 0.5}}
SAVED = SaveFacts.parse(
    {
        "model": "Functional",
        "weights": [{"name": "kernel", "shape": [1], "dtype": "float32", "sha256": "aa"}],
        "compiled": {"loss": "mse", "optimizer": {"name": "Adam", "iterations": 3, "slots": ["s"]}},
        "structure": {"a": "*"},
    }
)
LOADED = {
    **LOAD_FACTS,
    "structure": {"a": "*"},
    "layers": configuration.packed([{**LAYER, "config": {"rate": 0.3}}]),
    "training": {"evaluate": [["loss", 1.0]], "steps": [[0.1, 0.1]]},
    "compiled": {"loss": "mse", "optimizer": {"name": "Adam", "iterations": 3, "slots": ["s"]}},
}


@pytest.mark.parametrize("form", ["h5", "weights"])
@pytest.mark.parametrize("field", [each.name for each in dataclasses.fields(SaveFacts)])
def test_equal_facts_have_equal_verdicts(field, form):
    other = {
        "model": "Model",
        "weights": Weights(),
        "compiled": SAVED.compiled.but(loss="mae"),
        "timings": {"save": 3.0},
        "did": ("turned it round",),
        "refused": ERROR,
        "refused_at_home": ERROR,
        "remedies": ("no-compile",),
        "structure": {"b": "*"},
        "layers": configuration.packed([LAYER]),
        "training": TrainingFacts(evaluate=(("loss", 9.0),), steps=((1.0, 1.0),)),
        "stored": StoredState(slots=("t",), iterations=4, config={"loss": "mae"}),
    }[field]
    changed = SaveFacts.parse({**dataclasses.asdict(SAVED), field: other})
    loads = [
        LoadObservation.parse(each)
        for each in (
            {"ended": "returned", "value": LOADED},
            {"ended": "returned", "value": {**LOADED, "compiled": None}},
            {"ended": "raised", "stage": "call", "error": ERROR},
        )
    ]
    one, two = (
        [judge_load(each, form, load, Tolerance()) for load in loads] for each in (SAVED, changed)
    )
    equal = compared_facts(SAVED, form) == compared_facts(changed, form)
    if field in {"layers", "training", "stored"}:
        # Each cell is judged by its own: these decide between two that work.
        assert equal
        works = {Status.PASS, Status.DEGRADED}
        for mine, other_one in zip(one, two, strict=True):
            assert mine.status == other_one.status or {mine.status, other_one.status} <= works
    else:
        assert equal == (one == two)


def test_fakes_send_the_fields_of_the_harness():
    SaveFacts.parse(SAVE_FACTS)
    LoadObservation.parse({"ended": "raised", "error": ERROR})
