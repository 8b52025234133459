"""Stores that another program has changed: one message, and what can be measured again is."""

import contextlib
import os
import sqlite3

import pytest

from kerasmatrix.errors import InfrastructureError, UsageError
from kerasmatrix.results.observations import LoadObservation, SaveObservation
from kerasmatrix.store.database import digest_row
from kerasmatrix.store.store import Store

NOT_OURS = "is not a database of kerasmatrix, or was changed by another program"
LOAD = LoadObservation(ended="crashed", signal=11)


@pytest.fixture
def folder(tmp_path):
    """A store that knows a load, and a save with its artifact."""
    with Store(tmp_path / "store") as store:
        store.remember("load", LOAD, "run")
        with store.scratch("save") as scratch:
            (scratch / "artifact").mkdir()
            (scratch / "artifact" / "model.h5").write_text("content")
            kept = store.keep_artifact(scratch / "artifact")
        store.remember("save", SaveObservation(ended="returned", artifact=kept), "run")
    return tmp_path / "store"


def execute(folder, *statements):
    with contextlib.closing(sqlite3.connect(folder / "store.sqlite")) as database:
        for statement in statements:
            database.executescript(statement)


CHANGES = {
    "other schema": (
        "DROP TABLE observations; DROP TABLE runs; DROP TABLE retries; CREATE TABLE x (a)",
        "it has a table 'x'",
    ),
    "no table": ("DROP TABLE observations", "it has no table 'observations'"),
    "no runs": ("DROP TABLE runs", "it has no table 'runs'"),
    "columns": (
        "DROP TABLE runs; CREATE TABLE runs (id, other)",
        "its table 'runs' has other columns",
    ),
    "view": ("DROP TABLE retries; CREATE VIEW retries AS SELECT 1", "it has a view 'retries'"),
    "trigger": (
        "CREATE TRIGGER t BEFORE INSERT ON observations BEGIN SELECT RAISE(ABORT, 'no'); END",
        "it has a trigger 't'",
    ),
    "index": ("CREATE INDEX other ON runs (engine)", "it has a index 'other'"),
    "negative": ("PRAGMA user_version = -5", "it has schema -5"),
    "unmade": ("PRAGMA user_version = 0", "it has a table 'observations'"),
    "older": ("PRAGMA user_version = 1", "its table 'observations' has other columns"),
}


@pytest.mark.parametrize(("statement", "reason"), CHANGES.values(), ids=CHANGES.keys())
def test_store_changed_by_another_program_is_refused(folder, statement, reason):
    execute(folder, statement)
    with pytest.raises(UsageError, match=NOT_OURS) as caught:
        Store(folder)
    assert str(folder / "store.sqlite") in caught.value.message
    assert reason in caught.value.message
    assert "--store" in caught.value.hint


def no_file(path):
    path.unlink()
    path.mkdir()


def pipe(path):
    path.unlink()
    os.mkfifo(path)


def device(path):
    path.unlink()
    path.symlink_to("/dev/zero")


@pytest.mark.parametrize("change", [no_file, pipe, device])
def test_store_whose_database_is_no_file_is_refused(folder, change):
    change(folder / "store.sqlite")
    with pytest.raises(UsageError, match="it is not a file"):
        Store(folder)


def test_store_changed_while_it_is_open_is_infrastructure(folder):
    with Store(folder) as store:
        execute(folder, "DROP TABLE observations")
        with pytest.raises(InfrastructureError, match="no such table"):
            store.known_load("load")
        with pytest.raises(InfrastructureError, match="no such table"):
            store.remember("load", LOAD, "run")


def test_row_with_a_date_that_is_none_is_not_known(folder):
    with contextlib.closing(sqlite3.connect(folder / "store.sqlite")) as database, database:
        key, told, _, run, _ = database.execute(
            "SELECT * FROM observations WHERE key = 'load'"
        ).fetchone()
        row = (key, told, "2022-99-99", run)
        database.execute(
            "REPLACE INTO observations VALUES (?, ?, ?, ?, ?)", (*row, digest_row(*row))
        )
    with Store(folder) as store:
        assert store.known_load("load") is None


def linked(artifact, tmp_path):
    artifact.rename(tmp_path / "moved")
    (tmp_path / "moved" / "model.h5").write_text("other")
    artifact.symlink_to(tmp_path / "moved")


def dangling(artifact, tmp_path):
    artifact.rename(tmp_path / "moved")
    artifact.symlink_to(tmp_path / "absent")


def plain_file(artifact, tmp_path):
    artifact.rename(tmp_path / "moved")
    artifact.write_text("x")


def piped(artifact, tmp_path):
    artifact.rename(tmp_path / "moved")
    os.mkfifo(artifact)


def pipe_inside(artifact, _):
    (artifact / "model.h5").unlink()
    os.mkfifo(artifact / "model.h5")


@pytest.mark.parametrize("change", [linked, dangling, plain_file, piped, pipe_inside])
def test_artifact_replaced_is_saved_again(folder, tmp_path, change):
    (artifact,) = (folder / "artifacts").iterdir()
    change(artifact, tmp_path)
    with Store(folder) as store:
        assert store.known_save("save") is None
        with store.scratch("save") as scratch:
            (scratch / "artifact").mkdir()
            (scratch / "artifact" / "model.h5").write_text("content")
            assert store.keep_artifact(scratch / "artifact") == artifact.name
        assert store.is_intact(artifact.name)
    assert not artifact.is_symlink()
    if (tmp_path / "moved").exists():
        assert (tmp_path / "moved" / "model.h5").exists()


def test_scratch_that_is_a_link_is_taken_away(folder, tmp_path):
    (tmp_path / "away").mkdir()
    (tmp_path / "away" / "kept").touch()
    (folder / "scratch").symlink_to(tmp_path / "away")
    with Store(folder) as store, store.scratch("x") as scratch:
        assert (tmp_path / "away").resolve() not in scratch.resolve().parents
    assert (tmp_path / "away" / "kept").exists()
