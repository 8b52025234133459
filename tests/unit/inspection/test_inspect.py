import json
import zipfile

import h5py
import numpy as np
import pytest

from kerasmatrix.errors import UsageError
from kerasmatrix.inspection import archive as module
from kerasmatrix.inspection.inspect import inspect, read_model_file
from kerasmatrix.inspection.saved_model import read_saved_model
from kerasmatrix.prediction.predict import predict_file
from tests.unit.inspection import files
from tests.unit.prediction.made import target


def test_inspect_hdf5_model(tmp_path):
    found = inspect(files.hdf5_model(tmp_path / "model.h5"))
    assert found.kind == "hdf5-model"
    assert (found.writer.keras, found.writer.keras_major) == ("2.4.0", 2)
    assert (found.writer.tensorflow, found.writer.recorded) == ("2.3 to 2.4", ("keras", "backend"))
    assert (found.layers, found.architecture.parts[0].parameters) == (1, 8)
    assert (found.weights.arrays, found.weights.parameters, found.weights.bytes) == (2, 8, 32)
    assert (found.training.optimizer, found.training.optimizer_state) == ("Adam", True)
    assert (found.training.optimizer_slots, found.training.optimizer_steps) == (1, 3)


def test_inspect_model_without_optimizer_state(tmp_path):
    assert (
        inspect(files.hdf5_model(tmp_path / "a.h5", state=False)).training.optimizer_state is False
    )
    assert inspect(files.hdf5_model(tmp_path / "b.h5", training=None)).training is None


@pytest.mark.parametrize(
    ("keras", "tensorflow"),
    [("2.2.4-tf", "1.14 to 2.1"), ("2.3.0-tf", "2.2"), ("2.9.0", "2.9"), ("2.15.0", "2.15"),
     ("2.3.1", None), ("3.8.0", None), ("2.2.4", None)],
)  # fmt: skip
def test_inspect_tensorflow_is_deduced_from_keras(tmp_path, keras, tensorflow):
    writer = inspect(files.hdf5_model(tmp_path / "model.h5", keras=keras)).writer
    assert writer.tensorflow == tensorflow
    assert (writer.because is not None) == (tensorflow is not None)
    assert "tensorflow" not in writer.recorded


def test_inspect_weights_alone(tmp_path):
    found = inspect(files.hdf5_weights(tmp_path / "model.h5"))
    assert (found.kind, found.architecture, found.weights.parameters) == ("hdf5-weights", None, 6)
    assert found.writer.keras == "2.15.0"


def test_inspect_keras_3_weights_by_layout(tmp_path):
    found = inspect(files.keras_3_weights(tmp_path / "model.weights.h5"))
    assert (found.writer.keras, found.writer.keras_major) == (None, None)
    assert "layout" in found.writer.because
    assert found.weights.parameters == 8  # neither the optimizer's nor a metric's


@pytest.mark.parametrize("compression", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
def test_inspect_archive(tmp_path, compression):
    found = inspect(files.archive(tmp_path / "model.keras", compression=compression))
    assert (found.kind, found.writer.keras, found.writer.keras_major) == (
        "keras-archive",
        "3.4.1",
        3,
    )
    assert found.writer.date == "2024-07-01@10:00:00"
    assert (found.weights.parameters, found.training.optimizer_state) == (8, True)
    assert (found.training.optimizer_slots, found.training.optimizer_steps) == (0, 7)
    assert (found.training.optimizer, found.training.loss) == ("rmsprop", "mae")


def test_inspect_archive_without_weights_is_noted(tmp_path):
    found = inspect(files.archive(tmp_path / "model.keras", weights=False))
    assert found.weights is None
    assert "it holds no weights" in found.notes


def test_inspect_hdf5_named_keras_is_noted(tmp_path):
    (note,) = inspect(files.hdf5_model(tmp_path / "model.keras")).notes
    assert "Keras 3 refuses" in note


@pytest.mark.parametrize("separate", [True, False])
def test_inspect_saved_model(tmp_path, separate):
    metadata = {**files.SEQUENTIAL, "keras_version": "2.9.0", "training_config": files.TRAINING}
    found = inspect(files.saved_model(tmp_path / "model", metadata=metadata, separate=separate))
    assert (found.kind, found.writer.tensorflow, found.writer.keras) == (
        "saved-model",
        "2.9.3",
        "2.9.0",
    )
    assert found.layers == 1
    assert (found.weights.arrays, found.weights.parameters, found.weights.bytes) == (2, 8, 32)
    assert (found.training.loss, found.training.optimizer_state) == ("mse", None)


def test_inspect_export_without_metadata_is_noted(tmp_path):
    found = inspect(files.saved_model(tmp_path / "model"))
    assert found.architecture is None
    assert "it can only predict" in found.notes[0]


def test_inspect_architecture_as_text(tmp_path):
    path = tmp_path / "model.json"
    path.write_text(
        json.dumps({**files.SEQUENTIAL, "keras_version": "2.3.0-tf", "backend": "tensorflow"})
    )
    found = inspect(path)
    assert (found.kind, found.layers, found.writer.tensorflow) == ("architecture-json", 1, "2.2")
    path = tmp_path / "model.yaml"
    path.write_text("class_name: Sequential\nconfig:\n  layers: []\nkeras_version: 2.1.6\n")
    found = inspect(path)
    assert (found.kind, found.writer.keras) == ("architecture-yaml", "2.1.6")


def test_read_saved_model_layers_to_restore_are_found(tmp_path):
    path = files.saved_model(tmp_path / "model", metadata=files.SEQUENTIAL)
    layers = [{"class_name": "Cast", "must_restore_from_config": True}, {"class_name": "Mine"}]
    nodes = [files.message(4, b"_tf_keras_layer") + files.message(5, json.dumps(layer).encode())
             for layer in layers]  # fmt: skip
    with (path / "keras_metadata.pb").open("ab") as file:
        file.write(b"".join(files.message(1, node) for node in nodes))
    assert read_saved_model(path).must_restore == ("Cast",)


def test_inspect_module_with_index_only_lacks_its_variables(tmp_path):
    """A module of TensorFlow does not list its variables, but the index shows them."""
    path = files.saved_model(tmp_path / "model")
    content = files.number(1, 1) + files.message(2, files.message(7, files.message(1, b"")))
    (path / "saved_model.pb").write_bytes(content)
    assert not any("are missing" in note for note in inspect(path).notes)
    (path / "variables").mkdir()
    (path / "variables" / "variables.index").touch()
    assert any("its variables are missing" in note for note in inspect(path).notes)


def test_inspect_digest_follows_weights(tmp_path):
    one = inspect(files.hdf5_model(tmp_path / "one.h5"), digest=True).weights.digest
    two = inspect(files.hdf5_model(tmp_path / "two.h5", keras="2.9.0"), digest=True).weights.digest
    assert one == two
    with h5py.File(tmp_path / "two.h5", "r+") as file:
        file["model_weights/dense/dense/bias:0"][0] = 1
    assert inspect(tmp_path / "two.h5", digest=True).weights.digest != one
    assert inspect(tmp_path / "two.h5").weights.digest is None


def test_inspect_foreign_hdf5_is_refused(tmp_path):
    with h5py.File(tmp_path / "data.h5", "w") as file:
        file["numbers"] = np.zeros(3)
    with pytest.raises(UsageError, match="is an HDF5 file that Keras did not write"):
        inspect(tmp_path / "data.h5")


def test_inspect_external_link_is_not_followed(tmp_path):
    files.hdf5_weights(tmp_path / "other.h5")
    path = files.hdf5_weights(tmp_path / "model.h5")
    with h5py.File(path, "r+") as file:
        file["away"] = h5py.ExternalLink("other.h5", "/dense")
    assert inspect(path).weights.parameters == 6


def damaged(path, keep):
    data = path.read_bytes()
    path.write_bytes(data[: int(len(data) * keep)])
    return path


@pytest.mark.parametrize("keep", [0.3, 0.7])
def test_inspect_truncated_file_is_damaged(tmp_path, keep):
    for path in (
        files.hdf5_model(tmp_path / "model.h5"),
        files.saved_model(tmp_path / "model") / "saved_model.pb",
    ):
        damaged(path, keep)
        target = path.parent if path.suffix == ".pb" else path
        with pytest.raises(UsageError, match="is damaged"):
            inspect(target)


def test_inspect_invalid_json_config_is_damaged(tmp_path):
    path = files.hdf5_model(tmp_path / "model.h5")
    with h5py.File(path, "r+") as file:
        file.attrs["model_config"] = "{"
    with pytest.raises(UsageError, match="is damaged"):
        inspect(path)


def test_inspect_huge_member_is_not_unpacked(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "LARGEST_CONFIG", 10)
    with pytest.raises(UsageError, match="claims to be"):
        read_model_file(files.archive(tmp_path / "model.keras"))


def test_inspect_leaves_files_unchanged(tmp_path):
    path = files.archive(tmp_path / "model.keras", compression=zipfile.ZIP_DEFLATED)
    before = path.read_bytes()
    inspect(path, digest=True)
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


def test_inspect_folder_with_link_notes_the_link(tmp_path):
    path = files.saved_model(tmp_path / "saved")
    plain = inspect(path)
    (path / "assets").mkdir(exist_ok=True)
    (path / "assets" / "vocab.txt").symlink_to("/dev/zero")
    found = inspect(path)
    note = "assets/vocab.txt is a symbolic link: all other commands refuse the folder"
    assert found.notes == (*plain.notes, note)
    assert found.model_copy(update={"notes": plain.notes}) == plain
    with pytest.raises(UsageError, match=r"assets/vocab\.txt is a symbolic link") as caught:
        predict_file(path, [target("2.9")])
    assert "cp -rL" in caught.value.hint


def test_inspect_hdf5_name_that_is_not_utf8_is_shown(tmp_path):
    path = files.hdf5_model(tmp_path / "model.h5")
    with h5py.File(path, "r+") as file:
        file["model_weights"].move("dense", b"\xff\xfe")
    found = inspect(path, digest=True)
    assert (found.weights.arrays, found.weights.parameters) == (2, 8)
    assert found.model_dump_json()


def test_inspect_endless_member_name_is_truncated(tmp_path):
    path = tmp_path / "model.keras"
    content = bytearray(files.archive(path).read_bytes())
    content[26:28] = (0xFFFF).to_bytes(2, "little")  # the length of the first member's name
    path.write_bytes(content)
    with pytest.raises(UsageError, match="is damaged: File name in directory") as caught:
        read_model_file(path)
    assert len(caught.value.message) < 1000
