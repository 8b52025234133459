"""Stored runs rendered and listed from the command line."""

import json
import os
import sys
from xml.etree import ElementTree as Xml

import pyarrow.parquet as pq
import pytest

from kerasmatrix import cli
from kerasmatrix.results.cells import Status
from kerasmatrix.store.runs import Archive
from tests.unit.report.factory import make_results


@pytest.fixture
def call(tmp_path, monkeypatch, capsysbinary):
    monkeypatch.chdir(tmp_path)
    # Its folder has the store; without one, it would be the user's.
    (tmp_path / "matrix.yaml").touch()

    def run(*arguments):
        with pytest.raises(SystemExit) as leaving:
            cli.main(list(arguments))
        printed = capsysbinary.readouterr()
        return leaving.value.code, printed.out.decode(), printed.err.decode()

    return run


def keep(folder, run, **changes):
    results = make_results(environments=2)
    info = results.run.model_copy(update={"id": run})
    kept = results.model_copy(update={"run": info, **changes})
    Archive(folder / ".kerasmatrix").keep(kept)
    return kept


@pytest.mark.parametrize(
    ("form", "check"),
    [
        ("html", lambda text: text.startswith("<!doctype html>")),
        ("json", lambda text: len(json.loads(text)["cells"]) == 8),
        ("csv", lambda text: text.startswith("scenario,format,saved_with")),
        ("junit", lambda text: Xml.fromstring(text).get("tests") == "8"),
        ("markdown", lambda text: "8 cells: " in text),
        ("badge", lambda text: json.loads(text)["schemaVersion"] == 1),
    ],
)
def test_report_renders_each_format(call, tmp_path, form, check):
    keep(tmp_path, "one")
    code, out, _ = call("report", "--format", form)
    assert code == 0
    assert check(out)
    assert call("report", "one", "--format", form, "--output", "deep/file")[0] == 0
    assert check((tmp_path / "deep/file").read_text())


def test_report_renders_parquet(call, tmp_path):
    keep(tmp_path, "one")
    assert call("report", "--format", "parquet", "--output", "cells.parquet")[0] == 0
    assert pq.read_table(tmp_path / "cells.parquet").num_rows == 8


def test_report_parquet_without_pyarrow_names_the_extra(call, tmp_path, monkeypatch):
    keep(tmp_path, "one")
    for name in ("pyarrow", "fastparquet"):
        monkeypatch.setitem(sys.modules, name, None)
    code, out, err = call("report", "--format", "parquet")
    assert (code, out) == (2, "")
    assert "Parquet needs pyarrow or fastparquet" in err
    assert "pip install 'kerasmatrix[parquet]'" in err


def test_report_of_an_empty_store_is_usage_error(call):
    code, _, err = call("report", "--format", "json")
    assert (code, "kerasmatrix run" in err) == (2, True)


def test_report_to_an_unwritable_file_is_exit_code_3(call, tmp_path):
    keep(tmp_path, "one")
    (tmp_path / "way").touch()
    code, _, err = call("report", "--format", "badge", "--output", "way/badge.json")
    assert code == 3
    assert "way/badge.json: cannot be written" in err


def test_history_lists_runs_with_their_changes(call, tmp_path):
    first = keep(tmp_path, "one")
    cells = tuple(
        cell.but(status=Status.FAIL) if cell.status is Status.PASS else cell for cell in first.cells
    )
    keep(tmp_path, "two", cells=cells)
    code, out, _ = call("history")
    assert code == 0
    assert out.index("one  fake, 10 tasks measured") < out.index("two  fake")
    assert "against the run before: 1 newly broken" in out
    listed = json.loads(call("history", "--json", "--limit", "1")[1])["runs"]
    assert [(run["id"], run["changes"]) for run in listed] == [("two", {"newly broken": 1})]


def test_history_of_an_empty_store_names_the_command(call):
    code, out, _ = call("history")
    assert (code, "kerasmatrix run" in out) == (0, True)


def test_show_opens_the_newest_report(call, tmp_path, monkeypatch):
    opened = []
    monkeypatch.setattr("webbrowser.open", opened.append)
    monkeypatch.setenv("DISPLAY", ":0")
    for name, time in {"reports": 9, "reports/check": 5}.items():
        page = tmp_path / name / "index.html"
        page.parent.mkdir(exist_ok=True)
        page.touch()
        os.utime(page, (time, time))
    link = (tmp_path / "reports" / "index.html").as_uri()
    assert call("show") == (0, f"Report: {link}\n", "")
    assert opened == [link]


def test_show_without_a_display_prints_the_link(call, tmp_path, monkeypatch):
    monkeypatch.setattr("webbrowser.open", lambda _: pytest.fail("there is no display"))
    monkeypatch.setattr("sys.platform", "linux")
    for name in ("DISPLAY", "WAYLAND_DISPLAY"):
        monkeypatch.delenv(name, raising=False)
    page = tmp_path / "other" / "check" / "index.html"
    page.parent.mkdir(parents=True)
    page.touch()
    assert call("show", "--output", "other") == (0, f"Report: {page.as_uri()}\n", "")


def test_show_without_a_report_names_the_way_out(call):
    code, _, err = call("show")
    assert code == 2
    assert "reports: has no report yet" in err
    assert "kerasmatrix check FILES" in err
