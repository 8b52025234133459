import json

import pytest

from kerasmatrix.analysis.compare import compare
from kerasmatrix.errors import InfrastructureError
from kerasmatrix.report import write
from kerasmatrix.report.write import check_folder, write_reports
from kerasmatrix.results.cells import Status
from kerasmatrix.results.history import summarize
from tests.unit.report.factory import make_results


def test_write_reports_writes_three_files(tmp_path):
    path = write_reports(make_results(), tmp_path)
    assert path == tmp_path / "index.html"
    assert {file.name for file in tmp_path.iterdir()} == {
        "index.html", "results.csv", "results.json",
    }  # fmt: skip
    assert json.loads((tmp_path / "results.json").read_text())["schema_version"] == 1


def test_write_reports_full_disk_keeps_the_old_report(tmp_path, monkeypatch):
    write_reports(make_results(), tmp_path)
    before = {path.name: path.read_text() for path in tmp_path.iterdir()}
    stage = write.AtomicFile

    def fill(place, data):
        if place.name == "index.html":
            raise OSError(28, "No space left on device")
        return stage(place, data)

    monkeypatch.setattr(write, "AtomicFile", fill)
    with pytest.raises(InfrastructureError, match="No space left"):
        write_reports(make_results(complete=False), tmp_path)
    assert {path.name: path.read_text() for path in tmp_path.iterdir()} == before


def test_write_reports_failed_replace_leaves_no_files(tmp_path):
    (tmp_path / "results.json").mkdir()
    with pytest.raises(InfrastructureError) as caught:
        write_reports(make_results(), tmp_path)
    assert caught.value.exit_code == 3
    assert [path.name for path in tmp_path.iterdir()] == ["results.json"]


def test_write_reports_creates_the_folder(tmp_path):
    assert write_reports(make_results(), tmp_path / "a" / "b").is_file()


def test_write_reports_surrogates_are_replaced(tmp_path):
    results = make_results()
    cell = results.cells[0].but(summary="half \ud800 a pair")
    write_reports(results.model_copy(update={"cells": (cell,)}), tmp_path)
    for path in tmp_path.iterdir():
        assert "half ? a pair" in path.read_text(encoding="utf-8")


def test_check_folder_leaves_nothing_behind(tmp_path):
    (tmp_path / "kept").mkdir()
    check_folder(tmp_path / "a" / "b")
    check_folder(tmp_path / "kept")
    assert [path.name for path in tmp_path.rglob("*")] == ["kept"]


def test_check_folder_error_has_a_hint(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(InfrastructureError) as caught:
        check_folder(tmp_path / "file" / "reports")
    assert "--output" in caught.value.hint


def known(results, **run):
    """Return the results of a later run that measured nothing."""
    later = {"id": "later", "measured": 0, "known": results.run.measured, **run}
    return results.model_copy(update={"run": results.run.model_copy(update=later)})


def test_publish_nothing_measured_keeps_page_and_table(tmp_path):
    results = make_results()
    page = write_reports(results, tmp_path)
    files = {path: path.stat().st_ino for path in (page, tmp_path / "results.csv")}
    write_reports(known(results), tmp_path)
    assert {path: path.stat().st_ino for path in files} == files
    assert json.loads((tmp_path / "results.json").read_text())["run"]["id"] == "later"


@pytest.mark.parametrize("spoil", ["cells", "engine", "complete", "page", "table", "comparison"])
def test_publish_changed_results_rewrite_page_and_table(spoil, tmp_path):
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


def test_publish_measured_run_writes_everything(tmp_path):
    results = make_results()
    before = write_reports(results, tmp_path).stat().st_ino
    assert results.run.measured
    assert write_reports(results, tmp_path).stat().st_ino != before


def test_write_reports_lists_earlier_runs(tmp_path):
    results = make_results(environments=2)
    failed = next(cell for cell in results.cells if cell.status is Status.FAIL)
    cells = tuple(
        cell.but(status=Status.PASS) if cell is failed else cell for cell in results.cells
    )
    run = results.run.model_copy(update={"id": "earlier"})
    past = [summarize(results.model_copy(update={"cells": cells, "run": run}))]
    page = write_reports(results, tmp_path, past=lambda: past)
    assert '<a href="runs.html">Earlier runs</a>' in page.read_text(encoding="utf-8")
    text = (tmp_path / "runs.html").read_text(encoding="utf-8")
    assert "<strong>1 newly broken</strong>, of 8 cells" in text
    assert text.index("The newest") < text.index("kerasmatrix report earlier --format html")
    assert "first · h5 · tf2.1 → tf2.1" not in text
    assert f"first · {failed.format} · {failed.saved_with} → {failed.loaded_with}" in text
