import json

import pytest

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
    stage = write._stage

    def fill(folder, name, text):
        if name == "index.html":
            raise OSError(28, "No space left on device")
        return stage(folder, name, text)

    monkeypatch.setattr(write, "_stage", fill)
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
    cell = results.cells[0].model_copy(update={"summary": "half \ud800 a pair"})
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
