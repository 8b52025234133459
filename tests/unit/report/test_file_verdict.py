"""The verdict on checked files: each file counts once."""

import pytest

from kerasmatrix.files.fix import FixedFile
from kerasmatrix.report.file_verdict import FileLine, FilesVerdict
from kerasmatrix.results.cells import Status
from tests.unit.report.factory import make_cell

STATE, MORE = "the optimizer state", "the ability to be trained"


def line(*lost):
    cell = make_cell("m", "h5", "tf2.15", "tf2.21", Status.FAIL)
    fixed = FixedFile(source="m.h5", path="fixed/m.h5", remedies=("no-compile",), lost=lost)
    return FileLine("m.h5", cell, fixed=fixed)


@pytest.mark.parametrize(
    ("lost", "said"),
    [
        ([()], "it is fixed"),
        ([(STATE,)], "1 loses its optimizer state"),
        ([(STATE, MORE)], "1 loses its optimizer state and more"),
        ([(MORE,), (MORE,)], "2 lose something else"),
        ([(STATE,), (STATE, MORE)], "1 loses its optimizer state; 1 loses its optimizer state and"),
    ],
)
def test_headline_counts_each_file_once(lost, said):
    lines = tuple(line(*each) for each in lost)
    headline = FilesVerdict("tf2.21", "tf2.15", lines).headline()
    assert said in headline
    assert headline.count("loses") + headline.count(" lose ") == len({*lost} - {()})
