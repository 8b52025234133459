import json

import pytest

from kerasmatrix.analysis.compare import compare
from kerasmatrix.errors import InfrastructureError
from kerasmatrix.report import write
from kerasmatrix.report.write import check_folder, write_reports
from tests.unit.report.factory import make_results


def test_three_files_are_written_and_nothing_else(tmp_path):
    path = write_reports(make_results(), tmp_path)
    assert path == tmp_path / "index.html"
    assert {file.name for file in tmp_path.iterdir()} == {
        "index.html", "results.csv", "results.json",
    }  # fmt: skip
    assert json.loads((tmp_path / "results.json").read_text())["schema_version"] == 1


def test_a_disk_that_fills_up_leaves_the_old_report_whole(tmp_path, monkeypatch):
    write_reports(make_results(), tmp_path)
    before = {path.name: path.read_text() for path in tmp_path.iterdir()}
    stage = write.Staged

    def fill(place, data):
        if place.name == "index.html":
            raise OSError(28, "No space left on device")
        return stage(place, data)

    monkeypatch.setattr(write, "Staged", fill)
    with pytest.raises(InfrastructureError, match="No space left"):
        write_reports(make_results(complete=False), tmp_path)
    assert {path.name: path.read_text() for path in tmp_path.iterdir()} == before


def test_a_file_that_cannot_be_put_in_place_leaves_nothing_behind(tmp_path):
    (tmp_path / "results.json").mkdir()
    with pytest.raises(InfrastructureError) as caught:
        write_reports(make_results(), tmp_path)
    assert caught.value.exit_code == 3
    assert [path.name for path in tmp_path.iterdir()] == ["results.json"]


def test_the_folder_is_made(tmp_path):
    assert write_reports(make_results(), tmp_path / "a" / "b").is_file()


def test_text_that_utf8_refuses_can_be_written(tmp_path):
    results = make_results()
    cell = results.cells[0].but(summary="half \ud800 a pair")
    write_reports(results.model_copy(update={"cells": (cell,)}), tmp_path)
    for path in tmp_path.iterdir():
        assert "half ? a pair" in path.read_text(encoding="utf-8")


def test_a_folder_is_made_and_left_empty_by_the_check(tmp_path):
    check_folder(tmp_path / "a" / "b")
    assert list((tmp_path / "a" / "b").iterdir()) == []


def test_a_folder_that_cannot_be_made_is_an_error_with_a_way_out(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(InfrastructureError) as caught:
        check_folder(tmp_path / "file" / "reports")
    assert "--output" in caught.value.hint


def known(results, **run):
    """Return what a later run tells that had nothing to measure."""
    later = {"id": "later", "measured": 0, "known": results.run.measured, **run}
    return results.model_copy(update={"run": results.run.model_copy(update=later)})


def test_a_run_that_measured_nothing_new_leaves_page_and_table_as_they_are(tmp_path):
    results = make_results()
    page = write_reports(results, tmp_path)
    files = {path: path.stat().st_ino for path in (page, tmp_path / "results.csv")}
    write_reports(known(results), tmp_path)
    assert {path: path.stat().st_ino for path in files} == files
    assert json.loads((tmp_path / "results.json").read_text())["run"]["id"] == "later"


@pytest.mark.parametrize("spoil", ["cells", "engine", "complete", "page", "table", "comparison"])
def test_page_and_table_are_written_anew_where_they_would_say_something_else(spoil, tmp_path):
    results = make_results()
    page = write_reports(results, tmp_path)
    before = page.stat().st_ino
    later, comparison = known(results), None
    if spoil == "cells":
        later = later.model_copy(update={"cells": later.cells[1:]})
    elif spoil == "engine":
        later = known(results, engine="another")
    elif spoil == "complete":
        later = known(results, complete=not results.run.complete)
    elif spoil == "page":
        page.write_text(page.read_text()[:-100])
    elif spoil == "table":
        (tmp_path / "results.csv").unlink()
    else:
        comparison = compare(results, later)
    write_reports(later, tmp_path, comparison)
    assert page.stat().st_ino != before
    assert (tmp_path / "results.csv").is_file()


def test_a_run_that_measured_writes_everything(tmp_path):
    results = make_results()
    before = write_reports(results, tmp_path).stat().st_ino
    assert results.run.measured
    assert write_reports(results, tmp_path).stat().st_ino != before
