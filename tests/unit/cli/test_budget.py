"""A run with a budget: what comes first, and what becomes of the rest. Time is the fakes' own."""

from collections import Counter
from pathlib import Path

import pytest

from kerasmatrix.store.store import Store


@pytest.fixture
def tick(engine, monkeypatch):
    """Let each task take a second, and nothing else any time."""
    now = iter(range(10_000))
    passed = [0]
    monkeypatch.setattr("kerasmatrix.execution.runner.time.monotonic", lambda: passed[0])

    def task_takes_a_second(task):
        passed[0] = next(now) + 1

    engine.before_task = task_takes_a_second


def candidate(name):
    path = Path("matrix.yaml")
    path.write_text(path.read_text() + f"\ncurrent: good1\ncandidate: {name}\n")


def statuses(table):
    return Counter(cell["status"] for cell in table["cells"])


def columns(engine):
    return [name for name, task in engine.tasks if task.kind == "load"]


@pytest.mark.usefixtures("tick")
def test_what_is_left_when_time_is_up_is_not_run(command, engine):
    command.project("good1", "good2", "good3")
    code, table, printed = command("--budget", "5s", "--jobs", "1")
    assert code == 0
    assert len(engine.tasks) == 5
    assert statuses(table) == {"pass": 2, "not-run": 7}
    assert table["run"]["complete"] is False
    assert "7 cells were not run" in printed


@pytest.mark.usefixtures("tick")
def test_the_next_run_goes_on(command, engine):
    command.project("good1", "good2", "good3")
    command("--budget", "5s", "--jobs", "1")
    _, table, printed = command("--budget", "1h")
    assert len(engine.tasks) == 3 + 9
    assert statuses(table) == {"pass": 9}
    assert table["run"]["complete"] is True
    assert "incomplete" not in printed


@pytest.mark.usefixtures("tick")
def test_time_that_is_just_enough_is_enough(command):
    command.project("good1", "good2")
    assert command("--budget", "6s", "--jobs", "1")[1]["run"]["complete"] is True


@pytest.mark.usefixtures("tick")
def test_remedies_that_were_not_tried_make_a_run_incomplete(command):
    command.project("good1", "fails-rewrite-config")
    # Two saves and four loads; two of them fail, and time is up.
    _, table, printed = command("--budget", "6s", "--jobs", "1")
    assert statuses(table) == {"pass": 2, "fail": 2}
    assert table["run"]["complete"] is False
    assert "not every remedy was tried" in printed


@pytest.mark.usefixtures("tick")
def test_the_candidates_column_is_measured_first(command, engine):
    command.project("good1", "good2", "good3")
    candidate("good2")
    _, table, _ = command("--budget", "6s", "--jobs", "1")
    assert columns(engine) == ["good2"] * 3
    assert statuses(table) == {"pass": 3, "not-run": 6}
    first = next(task for name, task in engine.tasks if task.kind == "load")
    own = next(c for c in table["cells"] if c["saved_with"] == "good1" and c["status"] == "pass")
    assert first.artifact == own["artifact"]


@pytest.mark.usefixtures("tick")
def test_a_frontier_is_measured_before_the_rest(command, engine):
    command.project("good1", "good2", "good3", "fails4", "fails5")
    command("--jobs", "1", "--remedies", "none")
    for path in Path("scenarios/first").glob("*.py"):
        path.write_text(path.read_text() + "\n# another\n")
    engine.tasks.clear()
    command("--jobs", "1", "--remedies", "none", "--budget", "15s")
    assert Counter(columns(engine)) == {"good3": 5, "fails4": 5}


@pytest.mark.usefixtures("tick")
def test_only_the_saves_that_are_wanted_first_are_made_first(command, engine):
    command.project("good1", "good2", scenarios=("first", "second"))
    candidate("good2")
    command("--budget", "8s", "--jobs", "1")
    # All rows have a cell in the candidate's column, so all are saved, and then loaded there.
    assert [task.kind for _, task in engine.tasks] == ["save"] * 4 + ["load"] * 4
    assert set(columns(engine)) == {"good2"}


def test_a_dry_run_shows_the_order_and_why(command, engine):
    command.project("good1", "good2", "fails3", "fails4")
    command("--remedies", "none")
    candidate("fails4")
    for path in Path("scenarios/first").glob("*.py"):
        path.write_text(path.read_text() + "\n# another\n")
    lines = command("--dry-run", "--budget", "5m")[2].splitlines()
    loads = [line for line in lines if " load " in line]
    assert all("(the candidate's column)" in line for line in loads[:4])
    assert all(line.startswith("fails4") for line in loads[:4])
    assert all("(at a frontier)" in line for line in loads[4:12])
    assert {line.split()[0] for line in loads[4:12]} == {"good2", "fails3"}
    assert all("(" not in line for line in loads[12:])
    without = command("--dry-run")[2]
    assert "(at a frontier)" not in without


@pytest.mark.parametrize("wrong", ["", "0s", "5", "5 apples", "m5", "-3m", "1.5h"])
def test_what_is_no_time_is_refused(command, wrong):
    command.project("good1")
    code, _, printed = command("--budget", wrong)
    assert code == 2
    assert "write 30s, 5m or 1h30m" in printed


@pytest.mark.usefixtures("tick")
@pytest.mark.parametrize(("text", "tasks"), [("3s", 3), ("1m", 20), ("1h1m1s", 20)])
def test_times_have_units(command, engine, text, tasks):
    command.project("good1", "good2", "good3", "good4")
    command("--budget", text, "--jobs", "1")
    assert len(engine.tasks) == tasks


@pytest.mark.usefixtures("tick")
def test_a_run_that_was_cut_off_leaves_nothing_half_done(command):
    command.project("good1", "good2")
    command("--budget", "3s", "--jobs", "1")
    with Store(Path(".kerasmatrix")) as store:
        assert len(store.rows("observations")) == 3
