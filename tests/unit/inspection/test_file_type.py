import json
import pickle
import zipfile

import pytest

from kerasmatrix.errors import UsageError
from kerasmatrix.inspection.file_type import identify
from kerasmatrix.inspection.magic import ARCHIVES, FILES, FOLDERS, OBJECTS, find
from tests.unit.inspection import files


def test_the_content_decides_and_not_the_name(tmp_path):
    assert identify(files.hdf5_model(tmp_path / "model.keras")) == "hdf5"
    assert identify(files.archive(tmp_path / "model.h5")) == "keras-archive"
    assert identify(files.saved_model(tmp_path / "model.zip")) == "saved-model"


def test_an_hdf5_file_may_begin_with_a_block_of_the_users(tmp_path):
    plain = files.hdf5_weights(tmp_path / "plain.h5").read_bytes()
    (tmp_path / "blocked.h5").write_bytes(b"\x00" * 512 + plain)
    assert identify(tmp_path / "blocked.h5") == "hdf5"


@pytest.mark.parametrize(
    ("text", "container"),
    [
        (json.dumps(files.SEQUENTIAL), "architecture-json"),
        (
            "backend: tensorflow\nclass_name: Sequential\nconfig:\n  layers: []\n",
            "architecture-yaml",
        ),
    ],
)
def test_an_architecture_can_be_text(tmp_path, text, container):
    path = tmp_path / "model.txt"
    path.write_text(text)
    assert identify(path) == container


class Runs:
    def __reduce__(self):
        return (pytest.fail, ("it was unpickled",))


@pytest.mark.parametrize(
    ("content", "what"),
    [
        (b"", "an empty file"),
        (b"\x1f\x8b\x08\x00\x00\x00\x00\x00", "compressed by gzip"),
        (b"x\x9c\xed\xc1", "compressed by zlib"),
        (b"BZh91AY&SY", "compressed by bzip2"),
        (b"\xfd7zXZ\x00\x00", "compressed by xz"),
        (b"\x28\xb5\x2f\xfd\x04", "compressed by zstd"),
        (b"7z\xbc\xaf\x27\x1c", "a 7z archive"),
        (b"Rar!\x1a\x07\x01\x00", "a rar archive"),
        (b"model".ljust(257, b"\x00") + b"ustar\x0000", "a tar archive"),
        (pickle.dumps([1], protocol=0), "a Python pickle"),
        (pickle.dumps(Runs(), protocol=0), "a Python pickle"),
        (b"\x80\x02\x8a\nl\xfc\x9cF\xf9 j\xa8P\x19.", "a PyTorch file"),
        (b"GGUF\x03\x00\x00\x00", "a GGUF file"),
        (b'\x40\x00\x00\x00\x00\x00\x00\x00{"a": {}}', "a safetensors file"),
        (
            b"\x00\x00\x06\x08\x01\x1a\x02\x08\x01\x00\x1c\x0f",
            "the index of a TensorFlow checkpoint",
        ),
        (b'model_checkpoint_path: "model.ckpt"', "the list of a folder's TensorFlow checkpoints"),
        (
            files.message(1, files.message(2, files.message(1, files.message(1, b"Add")))),
            "the meta graph of a TensorFlow 1 checkpoint",
        ),
        (
            files.message(1, files.message(1, b"x" * 200) + files.message(2, b"Const")),
            "a TensorFlow graph",
        ),
        (b'node {\n  name: "input"\n', "a TensorFlow graph as text"),
        (b"\x08\x04\x12\x10\x0a\x0e", "a Core ML model"),
        (b'{"modelTopology": {}, "weightsManifest": []}', "the JSON of a model for TensorFlow.js"),
        (b'{"cells": [], "nbformat": 4}', "a Jupyter notebook"),
        (b'{"architectures": ["BertModel"]}', "a config of Hugging Face Transformers"),
        (b"\x0e\x03\x13\x01\x00", "an HDF4 file"),
        (b"MATLAB 5.0 MAT-file, Platform", "a MATLAB file"),
        (b"\x89PNG\r\n\x1a\n", "a picture"),
        (b"%PDF-1.7", "a PDF document"),
        (b"\x7fELF\x02\x01", "a program"),
        (b"PAR1\x15\x04", "a Parquet file"),
        (b"SQLite format 3\x00", "an SQLite database"),
        (b'\xef\xbb\xbf<?xml version="1.0"?><Error><Code>', "an XML document"),
        (b'<?xml version="1.0"?>\n<net name="m" version="11">', "an OpenVINO model"),
        (b"\n  <HTML><head>", "an HTML page"),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:1\n", "a Git LFS pointer"),
        (pickle.dumps(Runs(), protocol=4), "a Python pickle"),
        (b"\x1c\x00\x00\x00TFL3\x14\x00", "a TensorFlow Lite model"),
        (b"\x08\x08\x12\x07pytorch\x1a\x052.1.0", "an ONNX model"),
        (b"\n\x20\n\x05input\x12\x0bPlaceholder", "a TensorFlow graph"),
        (files.number(1, 1) + files.message(2, b"x"), "the graph of a SavedModel"),
        (b"\x93NUMPY\x01\x00", "a NumPy array"),
        (b"<!DOCTYPE html><html>404</html>", "an HTML page"),
        (b"just words", "a text file"),
        (b'{"a": 1}', "JSON that describes no Keras model"),
        (b"\x00\x01\x02\x03", "nothing that Keras writes"),
        (b"\xff\xfe\xff", "nothing that Keras writes"),
        (b"[" * 100_000, "a text file"),
    ],
)
def test_what_is_no_model_is_named_for_what_it_is(tmp_path, content, what):
    path = tmp_path / "model.h5"
    path.write_bytes(content)
    with pytest.raises(UsageError) as caught:
        identify(path)
    assert caught.value.message.startswith(f"{path}: is {what}")


def zipped(path, *members):
    with zipfile.ZipFile(path, "w") as file:
        for member in members:
            file.writestr(member, b"x")
    return path


@pytest.mark.parametrize(
    ("members", "what"),
    [
        (("model/saved_model.pb",), "a zipped SavedModel"),
        (("archive/data.pkl", "archive/version"), "a PyTorch file"),
        (("arr_0.npy",), "a NumPy archive"),
        (("models/best.h5",), "a zip archive with a model in it"),
        (("META-INF/MANIFEST.MF",), "a Java archive"),
        (("[Content_Types].xml",), "an office document"),
        (("readme.txt",), "a zip archive without a Keras model"),
    ],
)
def test_an_archive_is_named_for_what_it_holds(tmp_path, members, what):
    with pytest.raises(UsageError, match=what):
        identify(zipped(tmp_path / "model.keras", *members))


def test_a_cut_archive_is_damaged(tmp_path):
    path = files.archive(tmp_path / "model.keras")
    path.write_bytes(path.read_bytes()[:-30])
    with pytest.raises(UsageError, match="is a damaged zip archive"):
        identify(path)


def test_an_encrypted_archive_says_so(tmp_path):
    path = files.archive(tmp_path / "model.keras")
    data = bytearray(path.read_bytes())
    place = -1
    while (place := data.find(b"PK\x01\x02", place + 1)) >= 0:
        data[place + 8] |= 1  # the flag of a member in the archive's list
    path.write_bytes(data)
    with pytest.raises(UsageError, match="is an encrypted zip archive"):
        identify(path)


def test_a_folder_is_named_for_what_it_holds(tmp_path):
    with pytest.raises(UsageError, match="a folder without a model"):
        identify(tmp_path)
    files.saved_model(tmp_path / "2")
    with pytest.raises(UsageError) as caught:
        identify(tmp_path)
    assert caught.value.hint == f"name the SavedModel in it: {tmp_path / '2'}"
    (tmp_path / "model.index").touch()
    for path in (tmp_path, tmp_path / "model"):
        with pytest.raises(UsageError, match="a TensorFlow checkpoint"):
            identify(path)


@pytest.mark.parametrize(
    ("names", "what"),
    [
        (("config.json", "metadata.json", "model.weights.h5"), "a Keras archive that was unpacked"),
        (("model.json", "group1-shard1of1.bin"), "a model for TensorFlow.js"),
        (("config.json", "tf_model.h5"), "a folder of Hugging Face Transformers"),
        (("Manifest.json", "Data"), "a Core ML package"),
    ],
)
def test_a_folder_of_others_is_named_for_what_it_is(tmp_path, names, what):
    for name in names:
        (tmp_path / name).touch()
    with pytest.raises(UsageError, match=what):
        identify(tmp_path)


def test_everything_that_is_no_model_comes_with_advice():
    told = [kind for kinds in (FILES, ARCHIVES, FOLDERS, OBJECTS) for kind in kinds]
    assert all(kind.what and kind.advice for kind in told)


def test_what_keras_writes_is_none_of_the_others(tmp_path):
    made = [files.hdf5_model(tmp_path / "a.h5"), files.archive(tmp_path / "b.keras")]
    for path in made:
        assert find(FILES, path.read_bytes()) is None
    architecture = json.dumps(files.SEQUENTIAL).encode()
    assert find(FILES, architecture) is None


def test_what_is_not_there_is_told(tmp_path):
    with pytest.raises(UsageError, match=r"absent.h5: cannot be read: No such file"):
        identify(tmp_path / "absent.h5")
