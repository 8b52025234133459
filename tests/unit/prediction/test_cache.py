import sqlite3

import pytest

from kerasmatrix.prediction.cache import DATABASE, Notes, Read
from kerasmatrix.prediction.similar_cells import Precedent

READ = Read("alike", {"2.9 2.9.0 3.10": "2.9"}, {"2.9 2.9.0 3.10": {"status": "pass"}})
CELL = Precedent("first", "h5", "old", "new", "fail", "op-layer", None)


@pytest.fixture
def notes(tmp_path):
    return Notes(tmp_path)


def test_what_was_read_of_a_file_is_there_for_the_same_code_only(notes):
    notes.keep_files("code", {("artifact", "program"): READ})
    assert notes.read_files("code") == {("artifact", "program"): READ}
    assert notes.read_files("other") == {}
    notes.keep_files("other", {("artifact", "program"): READ})
    assert notes.read_files("code") == {}


def test_cells_are_found_by_likeness_and_the_last_word_counts(notes):
    notes.keep_cells([("alike", "2.9", CELL), ("other", "2.9", CELL._replace(scenario="b"))])
    notes.keep_cells([("alike", "2.9", CELL._replace(status="pass", cause=None))])
    assert list(notes.cells("alike")) == [
        ("alike", "2.9", CELL._replace(status="pass", cause=None))
    ]
    assert len(list(notes.cells())) == 2


def test_where_there_is_nothing_nothing_is_made(notes, tmp_path):
    notes.keep_cells([])
    assert notes.read_files("code") == {}
    assert list(notes.cells()) == []
    assert not list(tmp_path.iterdir())


def test_a_folder_that_is_not_there_says_nothing_and_is_no_error(tmp_path):
    notes = Notes(tmp_path / "absent")
    notes.keep_cells([("alike", "2.9", CELL)])
    assert list(notes.cells()) == []


def test_notes_that_are_damaged_are_made_anew(notes, tmp_path):
    (tmp_path / DATABASE).write_bytes(b"nothing of the kind" * 100)
    assert list(notes.cells()) == []
    notes.keep_cells([("alike", "2.9", CELL)])
    assert list(notes.cells()) == [("alike", "2.9", CELL)]


def test_notes_of_another_version_are_made_anew(notes, tmp_path):
    with sqlite3.connect(tmp_path / DATABASE) as database:
        database.execute("CREATE TABLE cells (other TEXT)")
        database.execute("PRAGMA user_version = 99")
    assert list(notes.cells()) == []
    notes.keep_cells([("alike", "2.9", CELL)])
    assert list(notes.cells()) == [("alike", "2.9", CELL)]


def test_cells_of_one_likeness_are_found_by_the_index(notes, tmp_path):
    notes.keep_cells([("alike", "2.9", CELL)])
    asked = []
    ask = notes._ask
    notes._ask = lambda *question: asked.append(question) or ask(*question)
    assert len(list(notes.cells("alike"))) == 1
    ((question, likeness),) = asked
    with sqlite3.connect(tmp_path / DATABASE) as database:
        (step,) = database.execute(f"EXPLAIN QUERY PLAN {question}", [likeness]).fetchall()
    assert step[-1].startswith("SEARCH cells USING INDEX alike")
