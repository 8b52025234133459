"""A change costs the tasks that depend on it, and no others."""

import re
from collections import Counter
from pathlib import Path

import pytest

from kerasmatrix.report.progress import TerminalProgress
from tests.unit.behaviours import DRIFTS, FAILS, TWIN

BEHAVIOURS = {
    "drifts1": DRIFTS,
    "fails2": FAILS,
    "fails-no-compile": FAILS.but(fixed_by="no-compile"),
    "twin1": TWIN,
    "twin2": TWIN,
    "twin3": TWIN,
}

FORMATS = ("h5", "weights")
SCENARIOS = ("first", "second", "third")


@pytest.fixture
def project(command):
    """Make a project of six blocks."""

    def make(*names, **more):
        command.project(*names, scenarios=SCENARIOS, formats=FORMATS, **more)

    return make


def kinds(engine):
    return Counter((name, task.kind) for name, task in engine.tasks)


def keep(*names):
    """Leave only these environments in the matrix; return how it was."""
    path = Path("matrix.yaml")
    before = path.read_text()
    lines = before.splitlines(keepends=True)
    path.write_text(
        "".join(
            line for line in lines
            if not (found := re.match(r"  (\S+): \{tensorflow", line)) or found[1] in names
        )
    )  # fmt: skip
    return before


def pairs(engine, table):
    """Return (saved with, loaded with) of every load that was done."""
    writers = {(c["scenario"], c["format"], c["artifact"]): c["saved_with"] for c in table["cells"]}
    return Counter(
        (writers[task.scenario, task.format, task.artifact], name)
        for name, task in engine.tasks
        if task.kind == "load" and not task.remedies
    )


@pytest.mark.parametrize("new", ["good0", "good2", "good4"])
def test_new_version_costs_its_saves_row_and_column(command, engine, project, new):
    names = ("good0", "good1", "good2", "good3", "good4")
    project(*names)
    whole = keep(*(name for name in names if name != new))
    command()
    assert len(engine.tasks) == 4 * 6 + 16 * 6
    Path("matrix.yaml").write_text(whole)
    engine.tasks.clear()
    engine.workers.clear()
    _, table, _ = command()
    blocks = len(SCENARIOS) * len(FORMATS)
    saves = {key: number for key, number in kinds(engine).items() if key[1] == "save"}
    assert saves == {(new, "save"): blocks}
    cells = 2 * len(names) - 1
    touched = {(new, name) for name in names} | {(name, new) for name in names}
    assert pairs(engine, table) == dict.fromkeys(touched, blocks)
    assert len(engine.tasks) == blocks + cells * blocks
    # One import each, of the old ones too, since each loads the new row.
    assert Counter(worker.name for worker in engine.workers) == dict.fromkeys(names, 1)
    assert table["run"]["measured"] == len(engine.tasks)
    assert table["run"]["known"] == 4 * 6 + 16 * 6


def test_new_version_with_equal_files_costs_saves_and_column(command, engine, project):
    names = ("good0", "twin1", "twin2", "twin3")
    project(*names)
    whole = keep("good0", "twin1", "twin2")
    command("--jobs", "1")
    Path("matrix.yaml").write_text(whole)
    engine.tasks.clear()
    _, table, _ = command("--jobs", "1")
    blocks = len(SCENARIOS) * len(FORMATS)
    # Two unlike files to load: good0's, and its own.
    assert kinds(engine) == {("twin3", "save"): blocks, ("twin3", "load"): 2 * blocks}
    assert pairs(engine, table) == {("good0", "twin3"): blocks, ("twin3", "twin3"): blocks}


@pytest.mark.parametrize("file", ["save.py", "load.py"])
def test_changed_scenario_is_measured_again_alone(command, engine, project, file):
    project("good0", "good1", "fails2")
    command()
    first = list(engine.tasks)
    path = Path("scenarios/second") / file
    path.write_text(path.read_text() + "# changed\n")
    engine.tasks.clear()
    command()
    own = Counter(
        (name, task.kind, task.format) for name, task in first if task.scenario == "second"
    )
    again = Counter((name, task.kind, task.format) for name, task in engine.tasks)
    assert {task.scenario for _, task in engine.tasks} == {"second"}
    assert again == own


def test_new_scenario_or_format_costs_its_own_tasks(command, engine, project):
    project("good0", "good1")
    path = Path("matrix.yaml")
    whole = path.read_text()
    path.write_text(whole.replace(", third]", "]").replace("[h5, weights]", "[h5]"))
    command()
    assert len(engine.tasks) == 2 * (2 + 4)
    engine.tasks.clear()
    path.write_text(whole)
    command()
    assert len(engine.tasks) == 4 * (2 + 4)
    assert not {(t.scenario, t.format) for _, t in engine.tasks} & {
        ("first", "h5"),
        ("second", "h5"),
    }


def test_changed_lock_costs_its_row_and_column(command, engine, project):
    project("good0", "good1", "good2")
    command()
    lock = Path("images/locks/good1.txt")
    lock.write_text(lock.read_text() + "h5py==3.1.0 \\\n    --hash=sha256:01\n")
    engine.tasks.clear()
    _, table, _ = command()
    # It saves what it saved before, so the others know its row already.
    assert kinds(engine) == {("good1", "save"): 6, ("good1", "load"): 3 * 6}
    assert {c["status"] for c in table["cells"]} == {"pass"}


def test_removed_version_costs_nothing(command, engine, project):
    project("good0", "good1", "good2")
    command()
    engine.tasks.clear()
    keep("good0", "good2")
    _, table, _ = command()
    assert engine.tasks == []
    assert len(table["cells"]) == 4 * 6


def test_other_tolerance_changes_verdicts_without_a_task(command, engine, project):
    project("good0", "drifts1")
    _, before, _ = command("--remedies", "none")
    engine.tasks.clear()
    path = Path("matrix.yaml")
    path.write_text(path.read_text() + "\ntolerance: {absolute: 1.0, relative: 0.0}\n")
    _, after, _ = command("--remedies", "none")
    assert engine.tasks == []
    assert Counter(c["status"] for c in before["cells"]) == {"pass": 12, "drift": 12}
    assert Counter(c["status"] for c in after["cells"]) == {"pass": 24}


def test_unchanged_run_reports_the_same_cells(command):
    names = ("good", "drifts", "fails", "fails-no-compile", "picky-good", "crashes", "hangs")
    command.project(*names, scenarios=("first", "second"))
    _, first, _ = command()
    _, second, _ = command()
    assert second["run"]["id"] > first["run"]["id"]
    assert (second["run"]["measured"], second["cells"]) == (0, first["cells"])


def test_isolated_when_all_is_known_is_false(command):
    command.project("good")
    command()
    _, known, _ = command("--isolate")
    assert (known["run"]["measured"], known["run"]["isolated"]) == (0, False)
    _, measured, _ = command("--isolate", "--fresh")
    assert measured["run"]["isolated"]


def test_jobs_under_way_count_as_left(command, engine, monkeypatch):
    runs, left = [], []
    monkeypatch.setattr(TerminalProgress, "begins", lambda _, run: runs.append(run))
    engine.before_task = lambda *_: left.append(runs[0].pending)
    command.project("good", "good2")
    command("--jobs", "1", "--remedies", "none")
    assert min(left) > 0  # also while the last is under way
    assert runs[0].pending == 0
