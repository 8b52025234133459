import csv
import io

import pytest

from kerasmatrix.outcome import Status
from kerasmatrix.report.frame import cell_frame
from kerasmatrix.report.tables import to_csv
from tests.unit.report.factory import HOSTILE, make_cell, make_results


def rows_of(results):
    return list(csv.DictReader(io.StringIO(to_csv(cell_frame(results)))))


def test_a_reader_gets_back_every_cell():
    results = make_results()
    rows = rows_of(results)
    assert len(rows) == len(results.cells)
    failed = next(row for row in rows if row["status"] == "fail")
    assert failed["error_message"] == HOSTILE
    assert failed["seconds"] == "0.25"


@pytest.mark.parametrize("start", ["=1+1", "+1", "-1", "@SUM(A1)", "\tx", "\n=1+1", "\uff1d1+1"])
def test_a_text_is_never_a_formula(start):
    base = make_results()
    cell = make_cell("first", "h5", "tf2.1", "tf2.1", Status.FAIL, message=start)
    (row,) = rows_of(base.model_copy(update={"cells": (cell,)}))
    assert row["error_message"] == f"'{start}"


def test_a_name_is_no_formula_either():
    base = make_results()
    told = base.scenarios[0].model_copy(update={"name": "=1+1"})
    cell = make_cell("=1+1", "h5", "tf2.1", "tf2.1", Status.PASS)
    (row,) = rows_of(base.model_copy(update={"scenarios": (told,), "cells": (cell,)}))
    assert row["scenario"] == "'=1+1"


def test_a_text_that_would_break_a_row_in_two_stays_in_its_row():
    base = make_results()
    text = 'a,"b"\r\nc\rd\x00e'
    cell = make_cell("first", "h5", "tf2.1", "tf2.1", Status.FAIL, message=text)
    (row,) = rows_of(base.model_copy(update={"cells": (cell,)}))
    assert row["error_message"] == 'a,"b"\nc\nd\ufffde'
