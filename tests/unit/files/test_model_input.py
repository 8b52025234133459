import os

import pytest

from kerasmatrix.errors import UsageError
from kerasmatrix.files.import_models import make_scenario
from kerasmatrix.files.model_assets import ModelAssets
from kerasmatrix.files.model_input import describe, file_state
from kerasmatrix.inspection.inspect import inspect
from tests.unit.inspection import files


def test_describe_hdf5_model(tmp_path):
    assert describe(inspect(files.hdf5_model(tmp_path / "model.h5"))) == (
        "hdf5 model, written by Keras 2.4.0, 1 layers, 8 numbers."
    )


def test_file_state_changes_with_writes(tmp_path):
    path = files.saved_model(tmp_path / "saved")
    before = file_state(path)
    assert before == file_state(path)
    (path / "variables").mkdir(exist_ok=True)
    (path / "variables" / "more").write_text("more")
    assert file_state(path) != before
    os.mkfifo(tmp_path / "pipe")  # opening it would never end
    assert file_state(tmp_path / "pipe")
    assert file_state(tmp_path / "nothing") == ()
    (path / "variables" / "link").symlink_to("more")
    with pytest.raises(UsageError, match="variables/link is a symbolic link"):
        file_state(path)


def test_has_changed_replaced_file_is_true(tmp_path):
    path = files.hdf5_model(tmp_path / "model.h5")
    model_input = make_scenario(inspect(path), tmp_path / "it", ModelAssets())
    assert not model_input.has_changed
    path.unlink()
    assert model_input.has_changed
    os.mkfifo(path)
    assert model_input.has_changed
