"""Equal files of real releases: what is inferred from one is what loading the other gives."""

import pytest

from tests.real import measure

pytestmark = pytest.mark.tensorflow


def outcome(cell):
    repaired = cell.repaired_by
    return (
        cell.status, cell.summary, cell.cause, cell.lost, cell.weights_equal, cell.max_abs_diff,
        [(tried.id, tried.status) for tried in cell.remedies], repaired and repaired.id,
    )  # fmt: skip


def test_what_is_inferred_is_what_measuring_gives(engine, tmp_path):
    matrix = {
        "scenarios": ("v1_vs_v2",),
        "formats": ("h5", "weights"),
        "environments": ("tf2.2", "tf2.4", "tf2.15"),
        "remedies": "first",
    }
    inferring = measure(engine, tmp_path, **matrix)
    measuring = measure(engine, tmp_path, **matrix, infer=False)
    inferred = {cell for cell in range(len(inferring.cells)) if inferring.cells[cell].inferred_from}
    # Both write the same weights, whatever they would have drawn for them.
    told = [inferring.cells[number] for number in inferred]
    assert {(cell.format, cell.saved_with, cell.inferred_from) for cell in told} >= {
        ("weights", "tf2.2", "tf2.4"),
        ("weights", "tf2.4", "tf2.2"),
    }
    for number in inferred:
        assert measuring.cells[number].inferred_from is None
        assert outcome(measuring.cells[number]) == outcome(inferring.cells[number])
    assert {cell.status.value for cell in told} >= {"pass", "drift"}
