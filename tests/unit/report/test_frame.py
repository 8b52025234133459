from kerasmatrix.report.columns import COLUMNS
from kerasmatrix.report.frame import cell_frame, overview
from kerasmatrix.results.cells import Status
from tests.unit.report.factory import make_results


def test_cell_frame_has_a_row_for_each_cell_in_order():
    results = make_results()
    frame = cell_frame(results)
    assert list(frame.columns) == list(COLUMNS)
    rows = list(zip(frame["format"], frame["saved_with"], frame["loaded_with"], strict=True))
    assert rows == [(cell.format, cell.saved_with, cell.loaded_with) for cell in results.cells]


def test_cell_frame_environments_sort_by_age():
    frame = cell_frame(make_results(environments=11))
    by_age = frame.sort_values("saved_with")["saved_with"].unique().tolist()
    assert by_age == [f"tf2.{number}" for number in range(1, 12)]


def test_overview_sums_all_blocks_of_a_pair():
    frame = cell_frame(make_results())
    pairs = overview(frame)
    assert len(pairs) == 25
    assert all(sum(counts.values()) == 2 for counts in pairs.values())
    # Cells 0 and 25 of the factory, whose statuses go round.
    second = list(Status)[25 % len(Status)]
    assert pairs["tf2.1", "tf2.1"] == {Status.PASS: 1, second: 1}


def test_cell_frame_columns_have_their_types():
    frame = cell_frame(make_results())
    assert frame["status"].cat.ordered
    assert frame["max_abs_diff"].dtype == "float64"
    assert frame["weights_equal"].dtype == "boolean"
    assert frame["weights_equal"].isna().any()


def test_cell_frame_without_cells_has_the_columns():
    frame = cell_frame(make_results().model_copy(update={"cells": ()}))
    assert len(frame) == 0
    assert overview(frame) == {}
