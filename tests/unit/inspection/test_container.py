import json
import pickle
import zipfile

import pytest

from kerasmatrix.errors import UsageError
from kerasmatrix.inspection.container import identify
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
    (tmp_path / "model.index").touch()
    with pytest.raises(UsageError, match="a TensorFlow checkpoint"):
        identify(tmp_path)


def test_what_is_not_there_is_told(tmp_path):
    with pytest.raises(UsageError, match=r"absent.h5: cannot be read: No such file"):
        identify(tmp_path / "absent.h5")
