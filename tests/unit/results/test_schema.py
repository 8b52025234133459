import dataclasses

import pytest
from pydantic import ValidationError

from kerasmatrix.results.observations import Status
from kerasmatrix.results.schema import count_statuses
from tests.unit.report.factory import CELL, make_cell, make_results


def test_counts_reconcile_to_the_number_of_cells():
    results = make_results()
    counts = count_statuses(results.cells)
    assert sum(counts.values()) == len(results.cells) == 50
    assert set(counts.values()) == {4, 5}
    assert list(counts) == list(Status)


def test_a_status_that_no_cell_has_is_left_out():
    cells = [cell for cell in make_results().cells if cell.status is Status.PASS]
    assert count_statuses(cells) == {Status.PASS: 5}
    assert count_statuses(()) == {}


def test_a_cell_with_other_values_leaves_the_one_it_was_as_it_is():
    cell = make_cell("first", "h5", "tf2.1", "tf2.2", Status.PASS)
    other = cell.but(status=Status.FAIL, flaky=True)
    assert (cell.status, cell.flaky) == (Status.PASS, False)
    assert other.but(status=Status.PASS, flaky=False) == cell
    with pytest.raises(dataclasses.FrozenInstanceError):
        cell.status = Status.FAIL


@pytest.mark.parametrize("wrong", [{"status": "fine"}, {"seconds": "long"}, {"more": 1}])
def test_what_is_read_of_a_cell_is_checked(wrong):
    cell = make_cell("first", "h5", "tf2.1", "tf2.2", Status.PASS)
    told = CELL.dump_python(cell)
    assert CELL.validate_python(told) == cell
    with pytest.raises(ValidationError):
        CELL.validate_python({**told, **wrong})
