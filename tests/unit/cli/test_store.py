"""`kerasmatrix store`: what is checked, what is removed, and what stays."""

import json
import re
import shutil
import sqlite3
from pathlib import Path

import pytest

from kerasmatrix.environments.venvs import RECIPE
from kerasmatrix.results.observations import SaveObservation
from kerasmatrix.store.origins import Origin
from kerasmatrix.store.store import Store
from tests.unit.behaviours import only_from

BEHAVIOURS = {
    "picky-good2": only_from("good2"),
}

STORE = Path(".kerasmatrix")
# Among them: what remedies repair, and a chain by way of another version.
NAMES = ("good", "good2", "picky-good2", "fails-rewrite-config")


@pytest.fixture
def measured(command, engine):
    """A project whose matrix was measured once; returns its matrix.yaml."""
    engine.name, engine.recipe = "local", RECIPE
    matrix = command.project(*NAMES, scenarios=("first", "second"))
    code, _, _ = command()
    assert code == 0
    return matrix


def rows(question):
    with sqlite3.connect(STORE / "store.sqlite") as database:
        found = database.execute(question).fetchall()
    database.close()
    return found


def artifacts():
    return {path.name for path in (STORE / "artifacts").iterdir()}


def test_prune_of_a_store_in_use_removes_nothing(command, engine, measured):
    before = rows("SELECT * FROM observations"), artifacts()
    code, _, said = command("prune", verb="store")
    assert (code, said) == (0, "0.0 MB freed.\n")
    assert (rows("SELECT * FROM observations"), artifacts()) == before
    engine.tasks.clear()
    command()
    assert engine.tasks == []


def edit_lock(matrix):
    lock = matrix.parent / "images" / "locks" / "good2.txt"
    lock.write_text(lock.read_text().replace("sha256:00", "sha256:01"))


def edit_python(matrix):
    text = matrix.read_text()
    line = next(line for line in text.splitlines() if line.startswith("  good2:"))
    matrix.write_text(text.replace(line, line.replace('"3.8"', '"3.9"')))


def edit_scenario(matrix):
    (matrix.parent / "scenarios" / "second" / "save.py").write_text("def build(): 'edited'\n")


def remove_scenario(matrix):
    matrix.write_text(matrix.read_text().replace("[first, second]", "[first]"))


@pytest.mark.parametrize(
    ("edit", "reason"),
    [
        (edit_lock, "no lock describes any more"),
        (edit_python, "no lock describes any more"),
        (edit_scenario, "scenarios that were changed or removed"),
        (remove_scenario, "scenarios that were changed or removed"),
    ],
)
def test_prune_removes_unreferenced_measurements(command, engine, measured, edit, reason):
    shutil.copytree(STORE, "unpruned")
    edit(measured)
    before = rows("SELECT * FROM observations"), artifacts()
    code, _, would = command("prune", "--dry-run", verb="store")
    assert (rows("SELECT * FROM observations"), artifacts()) == before
    code, _, said = command("prune", verb="store")
    assert (code, reason in said, reason in would) == (0, True, True)
    removed = int(re.search(rf"(\d+) measurements .*{reason}", said)[1])
    left = rows("SELECT * FROM observations")
    assert len(left) == len(before[0]) - sum(map(int, re.findall(r"(\d+) measurements ", said)))
    assert 0 < removed < len(before[0])
    assert artifacts() < before[1]
    # The next run has no more to do than it had without.
    tasks = {}
    for name in (".kerasmatrix", "unpruned"):
        engine.tasks.clear()
        command("--store", name)
        tasks[name] = len(engine.tasks)
    assert tasks[".kerasmatrix"] == tasks["unpruned"]


def test_prune_after_a_change_of_the_code_removes_all(command, measured, monkeypatch):
    module = __import__("kerasmatrix.cli.store", fromlist=["harness_digest"])
    monkeypatch.setattr(module, "harness_digest", lambda: "of another version")
    _, _, said = command("prune", verb="store")
    assert "made by another version of kerasmatrix" in said
    assert (rows("SELECT * FROM observations"), artifacts()) == ([], set())
    # Runs hold their results themselves.
    assert command(verb="history")[0] == 0


def test_prune_keeps_checked_files_without_files_option(command, measured):
    observation = SaveObservation.parse({"ended": "raised"})
    (first, *_) = rows("SELECT engine, environment, harness FROM origins")
    with Store(STORE) as store:
        engine, environment, harness = first
        store.observations.remember(
            "a file", observation, "r", Origin(engine, environment, "file", harness)
        )
    command("prune", verb="store")
    assert rows("SELECT key FROM observations WHERE key = 'a file'")
    _, _, said = command("prune", "--files", verb="store")
    assert "1 measurements about files that were checked" in said
    assert not rows("SELECT key FROM observations WHERE key = 'a file'")


def test_prune_keeps_as_many_runs_as_requested(command, measured):
    command("--fresh")
    command("--fresh")
    runs = sorted(path.name for path in (STORE / "runs").glob("*.json.gz"))
    assert len(runs) == 3
    command("prune", verb="store")
    assert len(list((STORE / "runs").glob("*.json.gz"))) == 3
    _, _, said = command("prune", "--keep-runs", "1", verb="store")
    assert "2 results of earlier runs" in said
    assert [path.name for path in (STORE / "runs").glob("*.json.gz")] == runs[-1:]


def test_prune_without_a_lock_removes_nothing(command, measured):
    before = rows("SELECT * FROM observations")
    (measured.parent / "images" / "locks" / "good2.txt").unlink()
    code, _, said = command("prune", verb="store")
    assert (code, "good2.txt" in said) == (2, True)
    assert rows("SELECT * FROM observations") == before


@pytest.mark.parametrize("verb", ["check", "prune"])
def test_store_that_does_not_exist_is_not_created(command, verb):
    command.project("good")
    code, _, said = command(verb, verb="store")
    assert (code, "is not a store" in said) == (2, True)
    assert not STORE.exists()


@pytest.mark.parametrize("verb", ["check", "prune"])
def test_store_held_by_another_run_is_an_error(command, measured, verb):
    with Store(STORE):
        code, _, said = command(verb, verb="store")
    assert (code, "another run" in said) == (3, True)


def test_check_of_an_intact_store_passes(command, measured):
    code, _, said = command("check", verb="store")
    assert code == 0
    assert "all are as they were written" in said


def damage_artifact():
    name = min(artifacts())
    (STORE / "artifacts" / name / "model.h5").write_text("{}")
    return f"artifact {name} is not as it was kept"


def remove_artifact():
    name = min(artifacts())
    (STORE / "artifacts" / name / "model.h5").unlink()
    (STORE / "artifacts" / name).rmdir()
    return f"artifact {name} is missing"


def damage_row():
    (key,) = rows("SELECT MIN(key) FROM observations")[0]
    text = json.dumps({"ended": "crashed"})
    rows(f"UPDATE observations SET observation = '{text}' WHERE key = '{key}'")
    return f"measurement {key[:16]}"


def damage_run():
    (path,) = (STORE / "runs").glob("*.json.gz")
    path.write_bytes(b"nothing of the kind")
    return f"run {path.name.removesuffix('.json.gz')} cannot be read"


@pytest.mark.parametrize("damage", [damage_artifact, remove_artifact, damage_row, damage_run])
def test_check_names_damaged_entries(command, measured, damage):
    words = damage()
    code, _, said = command("check", verb="store")
    assert (code, words in said) == (1, True)


def test_check_of_a_damaged_database_names_its_copy(command, measured):
    database = STORE / "store.sqlite"
    content = bytearray(database.read_bytes())
    content[4096:8192] = b"\xff" * 4096
    database.write_bytes(content)
    code, _, said = command("check", verb="store")
    assert (code, "store.damaged-1" in said) == (1, True)
    _, _, said = command("prune", verb="store")
    assert "files of databases that were damaged" in said
    assert not list(STORE.glob("store.damaged-*"))
