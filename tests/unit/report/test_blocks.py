import pytest

from kerasmatrix.report.blocks import blocks_of
from kerasmatrix.results.cells import Status
from tests.unit.report.factory import make_cell, make_results


def one_block(status_of, environments=3):
    """Return results of one block; ``status_of`` is given the names of both sides."""
    base = make_results(environments=environments)
    names = [environment.name for environment in base.environments]
    cells = [
        make_cell("first", "h5", saved, loaded, status_of(saved, loaded), message="plain words")
        for saved in names
        for loaded in names
    ]
    return base.model_copy(update={"cells": tuple(cells)})


def test_blocks_of_cells_are_ordered_by_age():
    results = make_results(environments=11)
    shuffled = results.model_copy(update={"cells": tuple(reversed(results.cells))})
    block = blocks_of(shuffled)[1]
    assert (block.scenario, block.format) == ("first", "keras")
    assert list(block.places) == list(range(121))
    assert [cell.saved_with for cell in block.cells[:12]] == ["tf2.1"] * 11 + ["tf2.2"]
    assert block.cells[9].loaded_with == "tf2.10"


def test_blocks_of_missing_cell_leaves_a_gap():
    results = make_results()
    column = tuple(cell for cell in results.cells if cell.loaded_with == "tf2.3")
    block = blocks_of(results.model_copy(update={"cells": column}))[0]
    assert list(block.places) == [2, 7, 12, 17, 22]


def test_blocks_of_two_equal_cells_are_refused():
    results = make_results()
    twice = results.model_copy(update={"cells": (*results.cells, results.cells[0])})
    with pytest.raises(ValueError, match="first as h5: two cells are the same"):
        blocks_of(twice)


def test_block_counts_go_from_best_to_worst():
    block = blocks_of(one_block(lambda saved, _: Status.FAIL if saved == "tf2.1" else Status.PASS))
    assert list(block[0].counts.items()) == [(Status.PASS, 6), (Status.FAIL, 3)]


def test_block_notes_name_rows_that_were_not_saved():
    (block,) = blocks_of(
        one_block(lambda saved, _: Status.PASS if saved == "tf2.3" else Status.SAVE_FAILED)
    )
    (note,) = block.notes
    assert note.rows == ("tf2.1", "tf2.2")
    assert note.text == "save-failed because plain words"


def test_block_notes_equal_cells_have_one_note():
    (block,) = blocks_of(one_block(lambda *_: Status.FAIL))
    (note,) = block.notes
    assert note == ((), Status.FAIL, "fail because plain words")


def test_blocks_of_no_cells_is_empty():
    assert blocks_of(make_results().model_copy(update={"cells": ()})) == []
