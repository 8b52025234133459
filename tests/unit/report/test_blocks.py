import pytest

from kerasmatrix.report.blocks import blocks_of
from kerasmatrix.results.observations import Status
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


def test_a_block_is_laid_out_by_age_on_both_sides():
    results = make_results(environments=11)
    shuffled = results.model_copy(update={"cells": tuple(reversed(results.cells))})
    block = blocks_of(shuffled)[1]
    assert (block.scenario, block.format) == ("first", "keras")
    assert list(block.places) == list(range(121))
    assert [cell.saved_with for cell in block.cells[:12]] == ["tf2.1"] * 11 + ["tf2.2"]
    assert block.cells[9].loaded_with == "tf2.10"


def test_a_cell_that_is_not_there_leaves_its_place():
    results = make_results()
    column = tuple(cell for cell in results.cells if cell.loaded_with == "tf2.3")
    block = blocks_of(results.model_copy(update={"cells": column}))[0]
    assert list(block.places) == [2, 7, 12, 17, 22]


def test_two_cells_in_one_place_are_refused():
    results = make_results()
    twice = results.model_copy(update={"cells": (*results.cells, results.cells[0])})
    with pytest.raises(ValueError, match="first as h5: two cells are the same"):
        blocks_of(twice)


def test_counts_go_from_best_to_worst_and_leave_out_what_is_not_there():
    block = blocks_of(one_block(lambda saved, _: Status.FAIL if saved == "tf2.1" else Status.PASS))
    assert list(block[0].counts.items()) == [(Status.PASS, 6), (Status.FAIL, 3)]


def test_rows_that_were_never_saved_say_so_in_a_sentence():
    (block,) = blocks_of(
        one_block(lambda saved, _: Status.PASS if saved == "tf2.3" else Status.SAVE_FAILED)
    )
    (note,) = block.notes
    assert note.rows == ("tf2.1", "tf2.2")
    assert note.text == "save-failed because plain words"


def test_a_block_all_alike_says_so():
    (block,) = blocks_of(one_block(lambda *_: Status.FAIL))
    (note,) = block.notes
    assert note == ((), Status.FAIL, "fail because plain words")


def test_no_cells_are_no_blocks():
    assert blocks_of(make_results().model_copy(update={"cells": ()})) == []
