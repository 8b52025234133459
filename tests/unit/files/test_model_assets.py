import numpy as np
import pytest

from kerasmatrix.errors import UsageError
from kerasmatrix.files.model_assets import ModelAssets


@pytest.mark.parametrize(
    ("assets", "message"),
    [
        ({"code": "nothing.py"}, "there is no such file"),
        ({"code": "text.txt"}, "not a Python file"),
        ({"code": "my-layers.py"}, "not a module name"),
        ({"inputs": "text.txt"}, "neither an .npz file"),
    ],
)
def test_model_assets_wrong_type_is_usage_error(tmp_path, assets, message):
    for name in ("text.txt", "my-layers.py"):
        (tmp_path / name).touch()
    with pytest.raises(UsageError, match=message):
        ModelAssets(**{key: tmp_path / name for key, name in assets.items()}).check()


def test_inputs_for_folder_selects_file_by_name(tmp_path):
    folder = tmp_path / "samples"
    folder.mkdir()
    for name in ("a.npz", "a.h5.npz", "b.npz"):
        np.savez(folder / name, np.zeros(1))
    assets = ModelAssets(inputs=folder)
    assets.check()
    assert assets.inputs_for(tmp_path / "a.h5") == folder / "a.h5.npz"
    assert assets.inputs_for(tmp_path / "a.keras") == folder / "a.npz"
    assert assets.inputs_for(tmp_path / "b.h5") == folder / "b.npz"
    assert assets.inputs_for(tmp_path / "c.h5") is None


def test_inputs_for_single_file_serves_all_models(tmp_path):
    np.savez(tmp_path / "x.npz", np.zeros(1))
    assets = ModelAssets(inputs=tmp_path / "x.npz")
    assets.check()
    assert assets.inputs_for(tmp_path / "a.h5") == tmp_path / "x.npz"


def test_model_assets_folder_without_inputs_is_usage_error(tmp_path):
    (tmp_path / "samples").mkdir()
    with pytest.raises(UsageError, match=r"samples: is a folder without \.npz files"):
        ModelAssets(inputs=tmp_path / "samples").check()
    with pytest.raises(UsageError, match=r"none: is neither an \.npz file nor a folder"):
        ModelAssets(inputs=tmp_path / "none").check()
