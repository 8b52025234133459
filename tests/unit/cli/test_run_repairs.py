"""Diagnosis and remedies through the whole command line, on fake environments."""

import pytest

from tests.unit.behaviours import DRIFTED, FAILS, Behaviour, only_from

BEHAVIOURS = {
    "cannot-convert": Behaviour(cannot=frozenset({"convert"})),
    "fails-drifting-rewrite-config": FAILS.but(fixed_by="rewrite-config", fixed_differs=DRIFTED),
    "fails-rebuild-and-load-weights": FAILS.but(fixed_by="rebuild-and-load-weights"),
    "picky-between": only_from("between"),
    "picky-cannot-convert": only_from("cannot-convert"),
    "picky-picky-good": only_from("picky-good"),
}


def cell(table, saved, loaded):
    return next(c for c in table["cells"] if (c["saved_with"], c["loaded_with"]) == (saved, loaded))


def tasks_of(engine, name):
    return [task for environment, task in engine.tasks if environment == name]


def test_failing_cell_has_its_verified_fix(command):
    command.project("good", "fails-rewrite-config")
    _, table, printed = command()
    broken = cell(table, "good", "fails-rewrite-config")
    assert broken["status"] == "fail"  # it is still what happens to who does nothing
    (remedy,) = broken["remedies"]
    assert (remedy["id"], remedy["status"]) == ("rewrite-config", "verified")
    assert remedy["did"] == ["turned it round"]
    assert "Verified fix for 2 of 2 cells" in printed
    (info,) = table["remedies"]
    assert info["id"] == "rewrite-config"
    assert "load_model" in info["code"]


def test_fix_with_other_outputs_is_rejected(command):
    command.project("good", "fails-drifting-rewrite-config")
    _, table, _ = command()
    remedies = cell(table, "good", "fails-drifting-rewrite-config")["remedies"]
    assert [(r["id"], r["status"]) for r in remedies] == [
        ("rewrite-config", "rejected"),
        ("same-function + rewrite-config", "rejected"),
        ("rewrite-config + scale-gates", "failed"),
        ("rebuild-and-load-weights", "failed"),
    ]
    assert "outputs differ" in remedies[0]["summary"]
    assert table["causes"][0]["repaired"] == 0


def test_failing_layers_are_named(command):
    command.project("good", "fails")
    _, table, _ = command()
    (culprit,) = cell(table, "good", "fails")["culprits"]
    assert (culprit["layer"], culprit["keys"]) == ("dense", ["groups"])
    assert cell(table, "good", "good")["culprits"] is None


def test_causes_count_fixed_cells_by_fix(command):
    command.project("good", "fails", "fails-rewrite-config")
    _, table, _ = command()
    (cause,) = table["causes"]
    assert (cause["slug"], cause["cells"], cause["failing"]) == ("unknown-functional", 6, 6)
    assert (cause["repaired"], cause["repaired_by"]) == (3, {"rewrite-config": 3})


def test_second_run_tries_no_fix_again(command, engine):
    command.project("good", "fails", "fails-rewrite-config", "hangs")
    _, first, _ = command()
    done = len(engine.tasks)
    workers = len(engine.workers)
    _, second, _ = command()
    assert (len(engine.tasks), len(engine.workers)) == (done, workers)
    assert second["cells"] == first["cells"]


def test_interrupted_fix_search_resumes(command, engine):
    command.project("good", "fails-rebuild-and-load-weights")

    def interrupt(task):
        if task.remedies == ("rebuild-and-load-weights",):
            raise KeyboardInterrupt

    engine.before_task = interrupt
    code, _, _ = command()
    assert code == 130
    engine.before_task = None
    before = [task.remedies for _, task in engine.tasks].count(("rewrite-config",))
    _, table, _ = command()
    after = [task.remedies for _, task in engine.tasks].count(("rewrite-config",))
    repaired = cell(table, "good", "fails-rebuild-and-load-weights")["remedies"]
    assert [r["status"] for r in repaired] == ["failed", "verified"]
    assert after - before < 2  # one of the two cells had got that far


@pytest.mark.parametrize(
    ("wanted", "tried"),
    [
        ("none", []),
        ("first", ["rewrite-config"]),
        ("all", ["rewrite-config", "rebuild-and-load-weights"]),
        (None, ["rewrite-config", "rebuild-and-load-weights"]),  # for short
    ],
)
def test_remedies_option_limits_fix_attempts(command, engine, wanted, tried):
    command.project("good", "fails-rewrite-config")
    _, table, _ = command(*(("--remedies", wanted) if wanted else ("--all-remedies",)))
    found = cell(table, "good", "fails-rewrite-config")["remedies"]
    assert [remedy["id"] for remedy in found] == tried
    probes = [task for task in tasks_of(engine, "fails-rewrite-config") if task.kind == "probe"]
    assert bool(probes) is (wanted != "none")


def test_dry_run_lists_fix_jobs(command, engine):
    command.project("good", "fails-rewrite-config")
    command("--remedies", "none")
    done = len(engine.tasks)
    _, _, printed = command("--dry-run")
    assert "try a fix for good's first as h5" in printed
    assert "2 fix attempts to do" in printed
    assert len(engine.tasks) == done


def test_fix_killing_its_worker_is_failed(command, engine):
    command.project("good", "fails")
    killed = []

    def kill(task):
        from kerasmatrix.engines.base import WorkerDied

        if task.remedies:
            killed.append(task)
            raise WorkerDied("killed by signal 9")

    engine.before_task = kill
    code, table, _ = command()
    assert code == 0
    assert killed
    remedies = cell(table, "good", "fails")["remedies"]
    assert {remedy["status"] for remedy in remedies} == {"failed"}


def bridged(table, saved, loaded):
    return [r for r in cell(table, saved, loaded)["remedies"] if r["id"] == "bridge"]


def test_bridge_is_found_tried_and_verified(command, engine):
    command.project("good", "between", "picky-between")
    _, table, printed = command()
    (bridge,) = bridged(table, "good", "picky-between")
    assert bridge["status"] == "verified"
    assert bridge["hops"] == ["good", "between", "picky-between"]
    assert bridge["did"] == ["loaded with between and saved as h5"]
    walked = [task for name, task in engine.tasks if task.kind == "convert"]
    assert [(task.format, task.into) for task in walked] == [("h5", "h5")]
    assert "Verified fix for 1 of" in printed


def test_bridge_is_known_to_the_next_run(command, engine):
    command.project("good", "between", "picky-between")
    _, first, _ = command()
    done = len(engine.tasks)
    _, second, _ = command()
    assert len(engine.tasks) == done
    assert second["cells"] == first["cells"]


def test_bridge_of_two_versions_is_found(command):
    command.project("good", "picky-good", "picky-picky-good")
    _, table, _ = command()
    (bridge,) = bridged(table, "good", "picky-picky-good")
    assert (bridge["status"], bridge["hops"]) == (
        "verified",
        ["good", "picky-good", "picky-picky-good"],
    )


def test_bridge_with_a_failing_step_is_failed(command):
    command.project("good", "cannot-convert", "picky-cannot-convert")
    _, table, _ = command()
    (bridge,) = bridged(table, "good", "picky-cannot-convert")
    assert bridge["status"] == "failed"
    assert "Unknown layer: Functional" in bridge["summary"]


def test_fixed_cell_tries_no_bridge(command, engine):
    command.project("good", "between", "fails-rewrite-config")
    _, table, _ = command()
    assert bridged(table, "good", "fails-rewrite-config") == []
    assert not [task for _, task in engine.tasks if task.kind == "convert"]
