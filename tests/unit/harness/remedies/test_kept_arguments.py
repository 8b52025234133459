import pytest

from kerasmatrix.harness.remedies import architecture
from kerasmatrix.harness.remedies.kept_arguments import completed, keep_arguments
from tests.unit.inspection import files

WANTED = {"class_name": "Huber", "config": {"name": "huber", "delta": 0.5}}
SAVED = {"class_name": "Huber", "config": {"name": "huber_loss"}}
WHOLE = {"class_name": "Huber", "config": {"name": "huber_loss", "delta": 0.5}}


@pytest.mark.parametrize(
    ("saved", "wanted", "after"),
    [
        (SAVED, WANTED, WHOLE),
        ([SAVED, "mse"], [WANTED, "mse"], [WHOLE, "mse"]),
        ({"a": SAVED, "b": None}, {"a": WANTED}, {"a": WHOLE, "b": None}),
        (SAVED, {**WANTED, "class_name": "LogCosh"}, SAVED),
        ([SAVED], WANTED, [SAVED]),
        ("mse", WANTED, "mse"),
        (SAVED, None, SAVED),
    ],
)
def test_completed_adds_arguments_of_the_same_class(saved, wanted, after):
    assert completed(saved, wanted) == after


def test_keep_arguments_changes_the_file_only_where_needed(tmp_path):
    path = files.hdf5_model(tmp_path / "model.h5", training={"loss": SAVED, "optimizer": {}})
    keep_arguments(str(path), {"loss": WANTED, "optimizer": {"class_name": "SGD"}})
    assert architecture.read(str(path)).training == {"loss": WHOLE, "optimizer": {}}
    before = path.stat().st_mtime_ns
    keep_arguments(str(path), {"loss": WANTED})
    assert path.stat().st_mtime_ns == before
    assert list(tmp_path.iterdir()) == [path]
    keep_arguments(str(tmp_path), {"loss": WANTED})
