import csv
import io

import pyarrow.parquet as pq
import pytest

from kerasmatrix.report import csv_parquet
from kerasmatrix.report.columns import COLUMNS
from kerasmatrix.report.csv_parquet import csv_parts, to_parquet
from kerasmatrix.report.frame import cell_frame
from kerasmatrix.report.texts import shown
from kerasmatrix.results.cells import Status
from tests.unit.report.factory import HOSTILE, make_cell, make_results


def rows_of(results):
    return list(csv.DictReader(io.StringIO("".join(csv_parts(results)))))


def test_csv_every_cell_is_read_back():
    results = make_results()
    rows = rows_of(results)
    assert len(rows) == len(results.cells)
    failed = next(row for row in rows if row["status"] == "fail")
    assert failed["error_message"] == shown(HOSTILE)
    assert failed["seconds"] == "0.25"


@pytest.mark.parametrize("start", ["=1+1", "+1", "-1", "@SUM(A1)", "\tx", "\n=1+1", "\uff1d1+1"])
def test_csv_text_is_never_a_formula(start):
    base = make_results()
    cell = make_cell("first", "h5", "tf2.1", "tf2.1", Status.FAIL, message=start)
    (row,) = rows_of(base.model_copy(update={"cells": (cell,)}))
    assert row["error_message"] == f"'{start}"


def test_csv_name_is_never_a_formula():
    base = make_results()
    told = base.scenarios[0].model_copy(update={"name": "=1+1"})
    cell = make_cell("=1+1", "h5", "tf2.1", "tf2.1", Status.PASS)
    (row,) = rows_of(base.model_copy(update={"scenarios": (told,), "cells": (cell,)}))
    assert row["scenario"] == "'=1+1"


def test_csv_line_breaks_stay_in_their_row():
    base = make_results()
    text = 'a,"b"\r\nc\rd\x00e'
    cell = make_cell("first", "h5", "tf2.1", "tf2.1", Status.FAIL, message=text)
    (row,) = rows_of(base.model_copy(update={"cells": (cell,)}))
    assert row["error_message"] == 'a,"b"\nc\nd\\u0000e'


def parquet_of(results):
    return pq.read_table(io.BytesIO(to_parquet(cell_frame(results))))


def test_parquet_has_every_cell_with_numbers():
    results = make_results()
    rows = parquet_of(results).to_pylist()
    assert [
        (row["scenario"], row["format"], row["saved_with"], row["loaded_with"], row["status"])
        for row in rows
    ] == [
        (cell.scenario, cell.format, cell.saved_with, cell.loaded_with, cell.status.value)
        for cell in results.cells
    ]
    failed = next(row for row in rows if row["status"] == "fail")
    assert (failed["error_message"], failed["seconds"]) == (HOSTILE, 0.25)
    assert failed["remedy"] == "no-compile + rewrite-config"
    assert next(row for row in rows if row["status"] == "drift")["max_abs_diff"] == 0.5
    assert {row["weights_equal"] for row in rows} == {True, None}


@pytest.mark.parametrize("cells", ["all", "none"])
def test_parquet_types_are_documented(cells, pytestconfig):
    text = (pytestconfig.rootpath / "docs" / "columns.md").read_text(encoding="utf-8")
    rows = [line.strip("| ").split(" | ") for line in text.splitlines() if line.startswith("| ")]
    documented = {name: (kind, what) for name, kind, what in rows[2:]}
    assert {name: what for name, (_, what) in documented.items()} == dict(COLUMNS)
    results = make_results() if cells == "all" else make_results().model_copy(update={"cells": ()})
    for field in parquet_of(results).schema:
        told = str(field.type)
        if told.startswith(("dictionary<values=string", "dictionary<values=large_string")):
            told = "dictionary of strings"
        assert told.replace("large_string", "string") == documented[field.name][0], field.name


def test_parquet_surrogates_are_replaced():
    cell = make_cell("first", "h5", "tf2.1", "tf2.1", Status.FAIL, message="half \ud800 a pair")
    (row,) = parquet_of(make_results().model_copy(update={"cells": (cell,)})).to_pylist()
    assert row["error_message"] == "half ? a pair"


def test_csv_parts_joined_equal_the_whole(monkeypatch):
    whole = rows_of(make_results())
    monkeypatch.setattr(csv_parquet, "PART", 7)
    assert rows_of(make_results()) == whole
