import sqlite3

import pytest

from kerasmatrix.prediction.cache import DATABASE, FileRecord, PredictionCache
from kerasmatrix.prediction.similar_cells import SimilarCell

READ = FileRecord("alike", {"2.9 2.9.0 3.10": "2.9"}, {"2.9 2.9.0 3.10": {"status": "pass"}})
CELL = SimilarCell("first", "h5", "old", "new", "fail", "op-layer", None)


@pytest.fixture
def notes(tmp_path):
    return PredictionCache(tmp_path)


def test_read_files_other_code_has_none(notes):
    notes.keep_files("code", {("artifact", "program"): READ})
    assert notes.read_files("code") == {("artifact", "program"): READ}
    assert notes.read_files("other") == {}
    notes.keep_files("other", {("artifact", "program"): READ})
    assert notes.read_files("code") == {}


def test_cells_same_cell_is_replaced(notes):
    notes.keep_cells([("alike", "2.9", CELL), ("other", "2.9", CELL._replace(scenario="b"))])
    notes.keep_cells([("alike", "2.9", CELL._replace(status="pass", cause=None))])
    assert list(notes.cells("alike")) == [
        ("alike", "2.9", CELL._replace(status="pass", cause=None))
    ]
    assert len(list(notes.cells())) == 2


def test_keep_nothing_creates_no_file(notes, tmp_path):
    notes.keep_cells([])
    assert notes.read_files("code") == {}
    assert list(notes.cells()) == []
    assert not list(tmp_path.iterdir())


def test_cells_missing_folder_is_empty(tmp_path):
    notes = PredictionCache(tmp_path / "absent")
    notes.keep_cells([("alike", "2.9", CELL)])
    assert list(notes.cells()) == []


def test_keep_damaged_cache_is_rebuilt(notes, tmp_path):
    (tmp_path / DATABASE).write_bytes(b"nothing of the kind" * 100)
    assert list(notes.cells()) == []
    notes.keep_cells([("alike", "2.9", CELL)])
    assert list(notes.cells()) == [("alike", "2.9", CELL)]


def test_keep_other_version_is_rebuilt(notes, tmp_path):
    with sqlite3.connect(tmp_path / DATABASE) as database:
        database.execute("CREATE TABLE cells (other TEXT)")
        database.execute("PRAGMA user_version = 99")
    assert list(notes.cells()) == []
    notes.keep_cells([("alike", "2.9", CELL)])
    assert list(notes.cells()) == [("alike", "2.9", CELL)]


def test_cells_by_similarity_key_use_index(notes, tmp_path):
    notes.keep_cells([("alike", "2.9", CELL)])
    asked = []
    ask = notes._ask
    notes._ask = lambda *question: asked.append(question) or ask(*question)
    assert len(list(notes.cells("alike"))) == 1
    ((question, likeness),) = asked
    with sqlite3.connect(tmp_path / DATABASE) as database:
        (step,) = database.execute(f"EXPLAIN QUERY PLAN {question}", [likeness]).fetchall()
    assert step[-1].startswith("SEARCH cells USING INDEX alike")
