"""Diagnosis and remedies through the whole command line, on fake environments."""

import pytest


def cell(table, saved, loaded):
    return next(c for c in table["cells"] if (c["saved_with"], c["loaded_with"]) == (saved, loaded))


def tasks_of(engine, name):
    return [task for environment, task in engine.tasks if environment == name]


def test_a_failing_cell_is_repaired_and_says_by_what_and_how(command):
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


def test_a_remedy_that_loads_but_computes_something_else_is_rejected(command):
    command.project("good", "fails-drifting-rewrite-config")
    _, table, _ = command()
    remedies = cell(table, "good", "fails-drifting-rewrite-config")["remedies"]
    assert [(r["id"], r["status"]) for r in remedies] == [
        ("rewrite-config", "rejected"),
        ("same-function + rewrite-config", "rejected"),
        ("rebuild-and-load-weights", "failed"),
    ]
    assert "outputs differ" in remedies[0]["summary"]
    assert table["causes"][0]["repaired"] == 0


def test_parts_at_fault_are_named(command):
    command.project("good", "fails")
    _, table, _ = command()
    (culprit,) = cell(table, "good", "fails")["culprits"]
    assert (culprit["layer"], culprit["keys"]) == ("dense", ["groups"])
    assert cell(table, "good", "good")["culprits"] is None


def test_causes_count_what_was_repaired_by_what(command):
    command.project("good", "fails", "fails-rewrite-config")
    _, table, _ = command()
    (cause,) = table["causes"]
    assert (cause["slug"], cause["cells"], cause["failing"]) == ("unknown-functional", 6, 6)
    assert (cause["repaired"], cause["repaired_by"]) == (3, {"rewrite-config": 3})


def test_a_second_run_tries_nothing_again(command, engine):
    command.project("good", "fails", "fails-rewrite-config", "hangs")
    _, first, _ = command()
    done = len(engine.tasks)
    workers = len(engine.workers)
    _, second, _ = command()
    assert (len(engine.tasks), len(engine.workers)) == (done, workers)
    assert second["cells"] == first["cells"]


def test_an_interrupted_repair_goes_on_where_it_stopped(command, engine):
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
def test_how_far_repairs_go_is_a_choice(command, engine, wanted, tried):
    command.project("good", "fails-rewrite-config")
    _, table, _ = command(*(("--remedies", wanted) if wanted else ("--all-remedies",)))
    found = cell(table, "good", "fails-rewrite-config")["remedies"]
    assert [remedy["id"] for remedy in found] == tried
    probes = [task for task in tasks_of(engine, "fails-rewrite-config") if task.kind == "probe"]
    assert bool(probes) is (wanted != "none")


def test_a_dry_run_lists_what_would_be_repaired(command, engine):
    command.project("good", "fails-rewrite-config")
    command("--remedies", "none")
    done = len(engine.tasks)
    _, _, printed = command("--dry-run")
    assert "try a fix for good's first as h5" in printed
    assert "2 fix attempts to do" in printed
    assert len(engine.tasks) == done


def test_a_repair_that_kills_its_worker_is_a_failed_remedy(command, engine):
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


def test_a_version_in_between_is_found_walked_and_verified(command, engine):
    command.project("good", "between", "picky-between")
    _, table, printed = command()
    (bridge,) = bridged(table, "good", "picky-between")
    assert bridge["status"] == "verified"
    assert bridge["hops"] == ["good", "between", "picky-between"]
    assert bridge["did"] == ["loaded with between and saved as h5"]
    walked = [task for name, task in engine.tasks if task.kind == "convert"]
    assert [(task.format, task.into) for task in walked] == [("h5", "h5")]
    assert "Verified fix for 1 of" in printed


def test_a_bridge_is_known_to_the_next_run(command, engine):
    command.project("good", "between", "picky-between")
    _, first, _ = command()
    done = len(engine.tasks)
    _, second, _ = command()
    assert len(engine.tasks) == done
    assert second["cells"] == first["cells"]


def test_a_bridge_of_two_versions_is_found(command):
    command.project("good", "picky-good", "picky-picky-good")
    _, table, _ = command()
    (bridge,) = bridged(table, "good", "picky-picky-good")
    assert (bridge["status"], bridge["hops"]) == (
        "verified",
        ["good", "picky-good", "picky-picky-good"],
    )


def test_a_hop_that_cannot_be_made_is_a_failed_bridge(command):
    command.project("good", "cannot-convert", "picky-cannot-convert")
    _, table, _ = command()
    (bridge,) = bridged(table, "good", "picky-cannot-convert")
    assert bridge["status"] == "failed"
    assert "Unknown layer: Functional" in bridge["summary"]


def test_what_another_remedy_repairs_needs_no_bridge(command, engine):
    command.project("good", "between", "fails-rewrite-config")
    _, table, _ = command()
    assert bridged(table, "good", "fails-rewrite-config") == []
    assert not [task for _, task in engine.tasks if task.kind == "convert"]
