"""A run in short, and what runs said of a cell."""

import pytest

from kerasmatrix.results.cells import Cell, Status
from kerasmatrix.results.history import (
    CellSummary,
    RunSpan,
    from_json,
    history_of,
    summarize,
    to_json,
)
from kerasmatrix.store.runs import Archive
from tests.unit.report.factory import make_cell, make_results

CELL = Cell("first", "h5", "tf2.1", "tf2.2")


def run_of(id_, status, **changes):
    base = make_results(environments=2)
    cell = make_cell(*CELL, Status(status)).but(**changes)
    told = base.run.model_copy(update={"id": id_})
    return base.model_copy(update={"run": told, "cells": (cell,)})


def test_to_json_summary_is_read_back():
    short = summarize(make_results())
    assert from_json(to_json(short)) == short
    not_run = sum(cell.status is Status.NOT_RUN for cell in make_results().cells)
    assert len(short.cells) == 50 - not_run  # which say nothing
    assert not_run


def test_summarize_keeps_cause_and_fix():
    (did,) = summarize(run_of("a", "fail", flaky=True)).cells.values()
    assert did == CellSummary(
        Status.FAIL, "unknown-functional", "no-compile + rewrite-config", True
    )


def test_history_of_equal_results_are_one_span():
    runs = [summarize(run_of(str(number), status)) for number, status in enumerate(
        ("pass", "pass", "not-run", "pass", "fail", "pass")
    )]  # fmt: skip
    failed = summarize(run_of("x", "fail")).cells[CELL]
    assert history_of(CELL, runs) == [
        RunSpan(0, 3, 3, CellSummary(Status.PASS)), RunSpan(4, 4, 1, failed),
        RunSpan(5, 5, 1, CellSummary(Status.PASS)),
    ]  # fmt: skip
    assert history_of(CELL._replace(loaded_with="tf2.1"), runs) == []


@pytest.mark.parametrize(
    "text",
    ["", "[]", "{}", '{"schema_version": 2}',
     to_json(summarize(run_of("a", "pass"))).replace('"pass"', '"fine"'),
     to_json(summarize(run_of("a", "pass"))).replace(": 0}", ": 9}")],
)  # fmt: skip
def test_from_json_damaged_is_an_error(text):
    with pytest.raises(ValueError, match=r"."):
        from_json(text)


@pytest.fixture
def archive(tmp_path):
    made = Archive(tmp_path)
    for id_, status in (("1", "pass"), ("2", "fail"), ("3", "pass")):
        made.keep(run_of(id_, status))
    return made


def test_run_history_lists_earlier_runs(archive):
    assert [run.id for run in archive.before("3")] == ["1", "2"]
    assert [run.cells[CELL].status for run in archive.before("9")] == ["pass", "fail", "pass"]
    assert archive.before("1") == []


def test_run_history_reads_a_run_once(archive, monkeypatch):
    first = archive.before("9")
    monkeypatch.setattr(Archive, "read", lambda *_: pytest.fail("it is known in short"))
    assert archive.before("9") == first


def test_run_history_saved_again_is_read_again(archive):
    archive.before("9")
    archive.keep(run_of("2", "fail", flaky=True))
    assert [run.cells[CELL].flaky for run in archive.before("9")] == [False, True, False]


def test_run_history_damaged_summary_is_rebuilt_or_omitted(archive):
    before = archive.before("9")
    for place in archive.folder.glob("*.short.gz"):
        place.write_bytes(b"damaged")
    assert archive.before("9") == before
    for place in archive.folder.glob("2.*"):
        place.write_bytes(b"damaged")
    assert [run.id for run in archive.before("9")] == ["1", "3"]


def test_run_history_summary_is_not_a_run(archive):
    archive.before("9")
    assert archive.runs() == ["1", "2", "3"]
