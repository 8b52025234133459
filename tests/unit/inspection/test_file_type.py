import json
import os
import pickle
import zipfile

import pytest

from kerasmatrix.errors import UsageError
from kerasmatrix.inspection.file_type import check_is_model_folder, detect_file_type
from kerasmatrix.inspection.magic import ARCHIVES, FILES, FOLDERS, OBJECTS, find
from tests.unit.inspection import files


def test_detect_file_type_misleading_name_goes_by_content(tmp_path):
    assert detect_file_type(files.hdf5_model(tmp_path / "model.keras")) == "hdf5"
    assert detect_file_type(files.archive(tmp_path / "model.h5")) == "keras-archive"
    assert detect_file_type(files.saved_model(tmp_path / "model.zip")) == "saved-model"


def test_detect_file_type_user_block_before_hdf5_is_skipped(tmp_path):
    plain = files.hdf5_weights(tmp_path / "plain.h5").read_bytes()
    (tmp_path / "blocked.h5").write_bytes(b"\x00" * 512 + plain)
    assert detect_file_type(tmp_path / "blocked.h5") == "hdf5"


@pytest.mark.parametrize(
    ("text", "file_type"),
    [
        (json.dumps(files.SEQUENTIAL), "architecture-json"),
        (
            "backend: tensorflow\nclass_name: Sequential\nconfig:\n  layers: []\n",
            "architecture-yaml",
        ),
    ],
)
def test_detect_file_type_architecture_as_text(tmp_path, text, file_type):
    path = tmp_path / "model.txt"
    path.write_text(text)
    assert detect_file_type(path) == file_type


class Runs:
    def __reduce__(self):
        return (pytest.fail, ("it was unpickled",))


@pytest.mark.parametrize(
    ("content", "name"),
    [
        (b"", "an empty file"),
        (b"version https://git-lfs.github.com/spec/v1\n", "a pointer to a file"),
        (b"\x1f\x8b\x08\x00\x00\x00\x00\x00", "a compressed file"),
        (b"x\x9c\xed\xc1", "a compressed file"),
        (b"BZh91AY&SY", "a compressed file"),
        (b"\x28\xb5\x2f\xfd\x04", "a compressed file"),
        (b"model".ljust(257, b"\x00") + b"ustar\x0000", "a compressed file"),
        (pickle.dumps([1], protocol=0), "a Python pickle"),
        (pickle.dumps(Runs(), protocol=0), "a Python pickle"),
        (pickle.dumps(Runs(), protocol=4), "a Python pickle"),
        (b"\x80\x02\x8a\nl\xfc\x9cF\xf9 j\xa8P\x19.", "a PyTorch file"),
        (b'\x40\x00\x00\x00\x00\x00\x00\x00{"a": {}}', "a safetensors file"),
        (b"\x1c\x00\x00\x00TFL3\x14\x00", "a TensorFlow Lite model"),
        (b"\x00\x00\x06\x08\x01\x1a\x02\x08\x01\x00\x1c\x0f", "part of a TensorFlow checkpoint"),
        (b'model_checkpoint_path: "model.ckpt"', "part of a TensorFlow checkpoint"),
        (
            files.message(1, files.message(2, files.message(1, files.message(1, b"Add")))),
            "a TensorFlow graph",
        ),
        (
            files.message(1, files.message(1, b"x" * 200) + files.message(2, b"Const")),
            "a TensorFlow graph",
        ),
        (b"\n\x20\n\x05input\x12\x0bPlaceholder", "a TensorFlow graph"),
        (b'node {\n  name: "input"\n', "a TensorFlow graph"),
        (b"\x08\x08\x12\x07pytorch\x1a\x052.1.0", "an ONNX model"),
        (b'{"modelTopology": {}, "weightsManifest": []}', "the JSON of a TensorFlow.js model"),
        (files.number(1, 1) + files.message(2, b"x"), "the graph of a SavedModel"),
        (b"\x93NUMPY\x01\x00", "a NumPy array"),
        (b"<!DOCTYPE html><html>404</html>", "a web page"),
        (b'\xef\xbb\xbf<?xml version="1.0"?><Error><Code>', "a web page or an XML document"),
        (b"just words", "a text file"),
        (b'{"a": 1}', "JSON that does not describe a Keras model"),
        (b"\x89PNG\r\n\x1a\n\x00\x00", "not a Keras model, but of an unknown type"),
        (b"\xff\xfe\xff", "not a Keras model, but of an unknown type"),
        (b"[" * 100_000, "a text file"),
    ],
)
def test_detect_file_type_foreign_content_is_named(tmp_path, content, name):
    path = tmp_path / "model.h5"
    path.write_bytes(content)
    with pytest.raises(UsageError) as caught:
        detect_file_type(path)
    assert caught.value.message.startswith(f"{path}: is {name}")
    assert caught.value.hint


def zipped(path, *members):
    with zipfile.ZipFile(path, "w") as file:
        for member in members:
            file.writestr(member, b"x")
    return path


@pytest.mark.parametrize(
    ("members", "name"),
    [
        (("model/saved_model.pb",), "a zipped SavedModel"),
        (("archive/data.pkl", "archive/version"), "a PyTorch file"),
        (("arr_0.npy",), "a NumPy archive"),
        (("models/best.h5",), "a zip archive with a model in it"),
        (("readme.txt",), "a zip archive without a Keras model"),
    ],
)
def test_detect_file_type_archive_is_named_by_content(tmp_path, members, name):
    with pytest.raises(UsageError, match=name):
        detect_file_type(zipped(tmp_path / "model.keras", *members))


def test_detect_file_type_truncated_archive_is_damaged(tmp_path):
    path = files.archive(tmp_path / "model.keras")
    path.write_bytes(path.read_bytes()[:-30])
    with pytest.raises(UsageError, match="is a damaged zip archive"):
        detect_file_type(path)


def test_detect_file_type_encrypted_archive_is_refused(tmp_path):
    path = files.archive(tmp_path / "model.keras")
    data = bytearray(path.read_bytes())
    place = -1
    while (place := data.find(b"PK\x01\x02", place + 1)) >= 0:
        data[place + 8] |= 1  # the flag of a member in the archive's list
    path.write_bytes(data)
    with pytest.raises(UsageError, match="is an encrypted zip archive"):
        detect_file_type(path)


def test_detect_file_type_folder_is_named_by_content(tmp_path):
    with pytest.raises(UsageError, match="a folder without a model"):
        detect_file_type(tmp_path)
    files.saved_model(tmp_path / "2")
    with pytest.raises(UsageError) as caught:
        detect_file_type(tmp_path)
    assert caught.value.hint == f"name the SavedModel in it: {tmp_path / '2'}"
    (tmp_path / "model.index").touch()
    for path in (tmp_path, tmp_path / "model"):
        assert detect_file_type(path) == "checkpoint"


@pytest.mark.parametrize(
    ("names", "name"),
    [
        (("model.json", "group1-shard1of1.bin"), "a TensorFlow.js model"),
        (("config.json", "tf_model.h5"), "a folder of Hugging Face Transformers"),
    ],
)
def test_detect_file_type_foreign_folder_is_named(tmp_path, names, name):
    for member in names:
        (tmp_path / member).touch()
    with pytest.raises(UsageError, match=name):
        detect_file_type(tmp_path)


def test_foreign_types_have_names_and_advice():
    types = [kind for kinds in (FILES, ARCHIVES, FOLDERS, OBJECTS) for kind in kinds]
    assert all(kind.name and kind.advice for kind in types)


def test_find_models_of_keras_are_not_foreign(tmp_path):
    models = [files.hdf5_model(tmp_path / "a.h5"), files.archive(tmp_path / "b.keras")]
    for path in models:
        assert find(FILES, path.read_bytes()) is None
    architecture = json.dumps(files.SEQUENTIAL).encode()
    assert find(FILES, architecture) is None


def test_detect_file_type_missing_file_is_refused(tmp_path):
    with pytest.raises(UsageError, match=r"absent.h5: cannot be read: No such file"):
        detect_file_type(tmp_path / "absent.h5")


@pytest.mark.parametrize("path", ["/dev/zero", "/dev/null"])
def test_detect_file_type_device_is_not_opened(path, monkeypatch, tmp_path):
    monkeypatch.setattr(os, "open", lambda *_, **__: pytest.fail("it was opened"))
    link = tmp_path / "model.h5"
    link.symlink_to(path)
    with pytest.raises(UsageError, match="is a device or a pipe and not a file"):
        detect_file_type(link)


def test_detect_file_type_kernel_file_is_not_opened(monkeypatch, tmp_path):
    """Reading some files of /proc, such as kmsg, blocks; all of them claim to be empty."""
    link = tmp_path / "model.h5"
    link.symlink_to("/proc/version")
    monkeypatch.setattr(os, "open", lambda *_, **__: pytest.fail("it was opened"))
    with pytest.raises(UsageError, match="is an empty file"):
        detect_file_type(link)


def test_detect_file_type_file_replaced_by_pipe_is_refused(monkeypatch, tmp_path):
    path = tmp_path / "model.h5"
    path.write_bytes(b"content")
    real = os.open

    def replace_and_open(name, flags, *more, **options):
        path.unlink()
        os.mkfifo(path)
        return real(name, flags, *more, **options)

    monkeypatch.setattr(os, "open", replace_and_open)
    with pytest.raises(UsageError, match="is a device or a pipe and not a file"):
        detect_file_type(path)


def test_check_is_model_folder_plain_folder_is_refused(tmp_path):
    with pytest.raises(UsageError, match="is a folder without a model"):
        check_is_model_folder(tmp_path)
    check_is_model_folder(files.saved_model(tmp_path / "model"))
    check_is_model_folder(tmp_path / "absent.h5")
