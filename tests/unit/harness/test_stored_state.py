"""What a file holds of an optimizer."""

import io
import json
import zipfile

import h5py
import numpy as np
import pytest

from kerasmatrix.harness import model_facts, stored_state

CONFIG = {"loss": "mse", "optimizer_config": {"class_name": "Adam", "config": {}}}
MOMENTS = [np.arange(6.0).reshape(2, 3), np.arange(3.0)]
DIGESTS = sorted(model_facts.digest(array) for array in MOMENTS)


def write(file, group, steps=7):
    kept = file.create_group(group)
    kept["Adam/iter:0"] = np.int64(steps)
    kept["Adam/rate:0"] = np.float32(0.1)
    kept["Adam/vhat_0:0"] = np.zeros(1)
    for number, array in enumerate(MOMENTS):
        kept[f"Adam/moment_{number}"] = array


def test_training_state_of_hdf5(tmp_path):
    path = tmp_path / "model.h5"
    with h5py.File(path, "w") as file:
        file.attrs["training_config"] = json.dumps(CONFIG)
        write(file, "optimizer_weights")
    found = stored_state.training_state("h5", str(path))
    assert found == {"slots": DIGESTS, "iterations": 7, "config": CONFIG}


def test_training_state_of_an_archive(tmp_path):
    path, weights = tmp_path / "model.keras", io.BytesIO()
    with h5py.File(weights, "w") as file:
        write(file, "optimizer/vars")
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("config.json", json.dumps({"compile_config": CONFIG}))
        archive.writestr("model.weights.h5", weights.getvalue())
    found = stored_state.training_state("keras", str(path))
    assert found == {"slots": DIGESTS, "iterations": 7, "config": CONFIG}


def test_training_state_of_a_file_without_one_is_none(tmp_path):
    path = tmp_path / "model.h5"
    with h5py.File(path, "w") as file:
        file["model_weights/kernel"] = np.zeros(3)
    assert stored_state.training_state("h5", str(path)) is None


@pytest.mark.parametrize(
    ("form", "content"),
    [("h5", b"no HDF5"), ("keras", b"PK no archive"), ("weights", b""), ("h5", None)],
)
def test_training_state_of_what_cannot_be_read_is_none(tmp_path, form, content):
    path = tmp_path / "model"
    if content is not None:
        path.write_bytes(content)
    assert stored_state.training_state(form, str(path)) is None
