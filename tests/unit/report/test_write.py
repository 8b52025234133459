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


def test_a_failure_leaves_the_old_report_as_it_was(tmp_path, monkeypatch):
    write_reports(make_results(), tmp_path)
    before = (tmp_path / "index.html").read_text()

    def fail(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(write.Path, "replace", fail)
    with pytest.raises(InfrastructureError, match="No space left"):
        write_reports(make_results(complete=False), tmp_path)
    assert (tmp_path / "index.html").read_text() == before
    assert len(list(tmp_path.iterdir())) == 3


def test_a_folder_is_made_and_left_empty_by_the_check(tmp_path):
    check_folder(tmp_path / "a" / "b")
    assert list((tmp_path / "a" / "b").iterdir()) == []


def test_a_folder_that_cannot_be_made_is_an_error_with_a_way_out(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(InfrastructureError) as caught:
        check_folder(tmp_path / "file" / "reports")
    assert "--output" in caught.value.hint
