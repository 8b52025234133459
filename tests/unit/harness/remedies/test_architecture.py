import json
import zipfile

import h5py
import numpy as np
import pytest

from kerasmatrix.harness.remedies import architecture

CONFIG = {"class_name": "Sequential", "config": {"name": "s", "layers": []}}
TRAINING = {"loss": "mse"}


@pytest.fixture
def hdf5(tmp_path):
    path = tmp_path / "model.keras"  # what it is its content says
    with h5py.File(path, "w") as file:
        file.attrs["model_config"] = json.dumps(CONFIG).encode()
        file.attrs["training_config"] = json.dumps(TRAINING).encode()
        file.attrs["keras_version"] = "2.4.0"
        file["model_weights/dense/kernel"] = np.arange(6.0).reshape(2, 3)
    return path


@pytest.fixture
def archive(tmp_path):
    path = tmp_path / "model.h5"
    with zipfile.ZipFile(path, "w") as file:
        file.writestr("metadata.json", '{"keras_version": "3.4.1"}')
        file.writestr("config.json", json.dumps({**CONFIG, "compile_config": TRAINING}))
        file.writestr("model.weights.h5", b"weights")
    return path


@pytest.mark.parametrize("kind", ["hdf5", "archive"])
def test_what_is_stored_is_read_whatever_the_file_is_called(kind, request):
    stored = architecture.read(str(request.getfixturevalue(kind)))
    assert (stored.config, stored.training) == (CONFIG, TRAINING)
    assert stored.archive is (kind == "archive")


@pytest.mark.parametrize("kind", ["hdf5", "archive"])
def test_a_copy_has_another_architecture_and_the_original_is_as_it_was(kind, request, tmp_path):
    path = request.getfixturevalue(kind)
    before = path.read_bytes()
    copy = tmp_path / "copy"
    architecture.write_copy(str(path), str(copy), {"class_name": "Model", "config": {}}, None)
    assert path.read_bytes() == before
    stored = architecture.read(str(copy))
    assert (stored.config, stored.training) == ({"class_name": "Model", "config": {}}, None)


def test_all_else_in_hdf5_is_kept(hdf5, tmp_path):
    copy = tmp_path / "copy"
    architecture.write_copy(str(hdf5), str(copy), CONFIG, {"loss": "mae"})
    with h5py.File(copy) as file:
        assert file.attrs["keras_version"] == "2.4.0"
        assert np.array_equal(file["model_weights/dense/kernel"], np.arange(6.0).reshape(2, 3))
    assert architecture.read(str(copy)).training == {"loss": "mae"}


def test_all_else_in_an_archive_is_kept(archive, tmp_path):
    copy = tmp_path / "copy"
    architecture.write_copy(str(archive), str(copy), CONFIG, None)
    with zipfile.ZipFile(copy) as file:
        assert file.namelist() == ["metadata.json", "config.json", "model.weights.h5"]
        assert file.read("model.weights.h5") == b"weights"


def test_a_large_architecture_fits_where_attributes_are_limited(hdf5, tmp_path):
    large = {"class_name": "Sequential", "config": {"name": "x" * 200_000, "layers": []}}
    copy = tmp_path / "copy"
    architecture.write_copy(str(hdf5), str(copy), large, None)
    assert architecture.read(str(copy)).config == large


def test_a_file_of_weights_says_so(tmp_path):
    path = tmp_path / "weights.h5"
    with h5py.File(path, "w") as file:
        file["dense"] = [1.0]
    with pytest.raises(ValueError, match="weights and no architecture"):
        architecture.read(str(path))
