import pytest

from kerasmatrix.files.discover import find_models
from tests.unit.inspection import files


def test_find_models_folder_is_searched(tmp_path):
    named = tmp_path / "model.bin"
    named.touch()
    folder = tmp_path / "models"
    (folder / "deep").mkdir(parents=True)
    for name in ("b.keras", "deep/a.h5", "notes.txt"):
        (folder / name).touch()
    saved = files.saved_model(folder / "saved")
    assert find_models([named, folder, named]).paths == (
        named, folder / "b.keras", folder / "deep/a.h5", saved,
    )  # fmt: skip
    assert find_models([saved]).paths == (saved,)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("nothing.h5", "no such file"),
        ("empty", "folder without a model"),
        ("n" * 300 + ".h5", "cannot be read: File name too long"),
        ("zero\0byte.h5", "no such file"),
    ],
)
def test_find_models_path_without_model_is_refused_alone(tmp_path, name, message):
    (tmp_path / "empty").mkdir()
    (tmp_path / "good.h5").touch()
    found = find_models([tmp_path / name, tmp_path / "good.h5"])
    assert found.paths == (tmp_path / "good.h5",)
    (error,) = found.refused.values()
    assert message in error.message
    assert str(tmp_path / name) in error.message
