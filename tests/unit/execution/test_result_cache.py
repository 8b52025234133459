import importlib
import json
import sqlite3
from pathlib import Path

import pytest

from kerasmatrix.engines.base import WorkerLost
from kerasmatrix.execution import result_cache

KEPT = Path(".kerasmatrix/recollection")
# One of each outcome, what was tried against it, and files that are equal.
ENVIRONMENTS = (
    "good", "drifts", "fails", "fails-no-compile", "picky-good",
    "crashes", "hangs",
)  # fmt: skip


@pytest.fixture
def looks(monkeypatch):
    """How often the store was searched for all that is known of a plan."""
    module = importlib.import_module("kerasmatrix.execution.runner")
    made, look_up = [], module.look_up
    monkeypatch.setattr(module, "look_up", lambda *given: made.append(given) or look_up(*given))
    return made


def found(table):
    return {key: value for key, value in table.items() if key != "run"}


def test_a_run_of_which_nothing_changed_finds_what_it_would_by_looking(command, looks):
    command.project(*ENVIRONMENTS, scenarios=("first", "second"))
    _, first, _ = command()
    del looks[:]
    _, recalled, said = command()
    assert looks == []
    KEPT.unlink()
    _, looked, also_said = command()
    assert len(looks) == 1
    assert found(recalled) == found(looked) == found(first)
    assert recalled["run"]["known"] == looked["run"]["known"]
    assert recalled["run"]["measured"] == looked["run"]["measured"] == 0
    assert said == also_said


def test_what_it_reports_is_a_run_of_its_own(command):
    command.project("good")
    _, first, _ = command()
    _, second, _ = command()
    assert second["run"]["id"] > first["run"]["id"]
    assert second["run"]["measured"] == 0


@pytest.mark.parametrize("recalled", [True, False])
def test_isolated_is_said_of_what_was_measured_so(command, recalled):
    command.project("good")
    command()
    if not recalled:
        KEPT.unlink()
    _, looked_up, _ = command("--isolate")
    assert (looked_up["run"]["measured"], looked_up["run"]["isolated"]) == (0, False)
    _, measured, _ = command("--isolate", "--fresh")
    assert measured["run"]["isolated"]
    _, again, _ = command()
    assert again["run"]["isolated"]


def test_changes_since_a_baseline_are_told(command, looks):
    command.project("good", "fails")
    _, first, _ = command()
    first["cells"][0]["status"] = "fail"
    Path("before.json").write_text(json.dumps(first))
    del looks[:]
    _, _, _ = command("--baseline", "before.json")
    assert looks == []
    assert "Changes since" in Path("reports/index.html").read_text()


@pytest.mark.parametrize(
    "arguments", [(), ("--formats", "h5", "--no-infer"), ("--formats", "h5", "--gate")]
)
def test_something_else_is_looked_up(command, looks, arguments):
    command.project("good", "fails", formats=("h5", "weights"))
    command("--formats", "h5")
    del looks[:]
    command(*arguments)
    assert len(looks) == 1


def test_what_is_expected_of_it_may_change(command, looks):
    matrix = command.project("good", "fails")
    command()
    del looks[:]
    with matrix.open("a") as file:
        file.write("expectations: [{loaded_with: [fails], status: [fail], reason: it is old}]\n")
    _, table, _ = command()
    assert looks == []
    assert [told["reason"] for told in table["expectations"]] == ["it is old"]


@pytest.mark.parametrize(
    ("name", "change"),
    [
        ("store.sqlite", "UPDATE observations SET run = 'another'"),
        ("predictions.sqlite", "CREATE TABLE another (name TEXT)"),
    ],
)
def test_after_anything_was_written_into_the_store_or_the_notes_it_is_looked_up(
    command, looks, name, change
):
    command.project("good", "fails")
    command()
    del looks[:]
    with sqlite3.connect(f".kerasmatrix/{name}") as database:
        database.execute(change)
    database.close()
    command()
    assert len(looks) == 1


def test_other_code_looks_it_up(command, looks, monkeypatch, tmp_path):
    command.project("good")
    command()
    del looks[:]
    (tmp_path / "code").mkdir()
    monkeypatch.setattr(
        result_cache, "__file__", str(tmp_path / "code" / "execution" / "result_cache.py")
    )
    command()
    command()
    assert len(looks) == 1
    (tmp_path / "code" / "causes.yaml").write_text("causes: []")
    command()
    assert len(looks) == 2


@pytest.mark.parametrize("damage", [lambda kept: kept[:-9], lambda _: b"", lambda _: b"{}\nno"])
def test_one_that_is_damaged_is_none(command, looks, damage):
    command.project("good")
    _, first, _ = command()
    KEPT.write_bytes(damage(KEPT.read_bytes()))
    del looks[:]
    _, second, _ = command()
    assert len(looks) == 1
    assert found(second) == found(first)


def test_a_run_that_was_cut_off_is_not_recalled(command, engine, looks):
    command.project("good", "good2")

    def interrupt(task):
        if task.kind == "load":
            raise KeyboardInterrupt

    engine.before_task = interrupt
    command()
    assert not KEPT.exists()


def test_an_environment_that_was_absent_is_tried_again(command, engine):
    command.project("good", "absent")
    code, _, _ = command()
    assert code == 3
    assert not KEPT.exists()


def test_what_somebody_may_have_killed_is_tried_again(command, engine):
    command.project("good")

    def die(task):
        if task.kind == "load":
            raise WorkerLost("killed by signal 9")

    engine.before_task = die
    command()
    assert not KEPT.exists()
    engine.before_task = None
    _, table, _ = command()
    assert [each["status"] for each in table["cells"]] == ["pass"]
    assert KEPT.exists()
