"""A run in short, and what runs said of a cell."""

import pytest

from kerasmatrix.results.history import Did, Span, from_json, in_short, past_of, to_json
from kerasmatrix.results.observations import Cell, Status
from kerasmatrix.store.runs import Archive
from tests.unit.report.factory import make_cell, make_results

CELL = Cell("first", "h5", "tf2.1", "tf2.2")


def run_of(id_, status, **changes):
    base = make_results(environments=2)
    cell = make_cell(*CELL, Status(status)).but(**changes)
    told = base.run.model_copy(update={"id": id_})
    return base.model_copy(update={"run": told, "cells": (cell,)})


def test_a_run_in_short_is_written_and_read_again():
    short = in_short(make_results())
    assert from_json(to_json(short)) == short
    not_run = sum(cell.status is Status.NOT_RUN for cell in make_results().cells)
    assert len(short.cells) == 50 - not_run  # which say nothing
    assert not_run


def test_what_a_cell_did_has_cause_and_remedy():
    (did,) = in_short(run_of("a", "fail", flaky=True)).cells.values()
    assert did == Did(Status.FAIL, "unknown-functional", "no-compile + rewrite-config", True)


def test_runs_in_which_a_cell_did_the_same_are_one_span():
    runs = [in_short(run_of(str(number), status)) for number, status in enumerate(
        ("pass", "pass", "not-run", "pass", "fail", "pass")
    )]  # fmt: skip
    failed = in_short(run_of("x", "fail")).cells[CELL]
    assert past_of(CELL, runs) == [
        Span(0, 3, 3, Did(Status.PASS)), Span(4, 4, 1, failed), Span(5, 5, 1, Did(Status.PASS)),
    ]  # fmt: skip
    assert past_of(CELL._replace(loaded_with="tf2.1"), runs) == []


@pytest.mark.parametrize(
    "text",
    ["", "[]", "{}", '{"schema_version": 2}',
     to_json(in_short(run_of("a", "pass"))).replace('"pass"', '"fine"'),
     to_json(in_short(run_of("a", "pass"))).replace(": 0}", ": 9}")],
)  # fmt: skip
def test_a_damaged_one_is_told(text):
    with pytest.raises(ValueError, match=r"."):
        from_json(text)


@pytest.fixture
def archive(tmp_path):
    made = Archive(tmp_path)
    for id_, status in (("1", "pass"), ("2", "fail"), ("3", "pass")):
        made.keep(run_of(id_, status))
    return made


def test_an_archive_tells_the_runs_before_another(archive):
    assert [run.id for run in archive.before("3")] == ["1", "2"]
    assert [run.cells[CELL].status for run in archive.before("9")] == ["pass", "fail", "pass"]
    assert archive.before("1") == []


def test_a_run_is_read_whole_once(archive, monkeypatch):
    first = archive.before("9")
    monkeypatch.setattr(Archive, "read", lambda *_: pytest.fail("it is known in short"))
    assert archive.before("9") == first


def test_a_run_that_is_kept_again_is_read_again(archive):
    archive.before("9")
    archive.keep(run_of("2", "fail", flaky=True))
    assert [run.cells[CELL].flaky for run in archive.before("9")] == [False, True, False]


def test_what_is_damaged_is_made_again_or_left_out(archive):
    before = archive.before("9")
    for place in archive.folder.glob("*.short.gz"):
        place.write_bytes(b"damaged")
    assert archive.before("9") == before
    for place in archive.folder.glob("2.*"):
        place.write_bytes(b"damaged")
    assert [run.id for run in archive.before("9")] == ["1", "3"]


def test_what_is_kept_in_short_is_no_run_of_its_own(archive):
    archive.before("9")
    assert archive.runs() == ["1", "2", "3"]
