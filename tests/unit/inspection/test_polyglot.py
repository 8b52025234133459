"""Files that are two formats at once, of which each release of Keras loads one."""

import io
import json
import zipfile

import h5py
import numpy as np
import pytest

from kerasmatrix.cli import main
from kerasmatrix.errors import UsageError
from kerasmatrix.inspection.inspect import inspect
from kerasmatrix.prediction.predict import foretell_file, predict
from tests.unit.inspection import files
from tests.unit.prediction.made import LAMBDA_3_8, target

RELEASES = ("1.15", "2.9", "2.11", "2.12", "2.15", "3.4", "3.15")
LAMBDA = {
    "class_name": "Lambda",
    "module": "keras.layers",
    "config": {"name": "evil", "function": {"class_name": "__lambda__", "config": {
        "code": LAMBDA_3_8, "defaults": None, "closure": None}}},
}  # fmt: skip
HOSTILE = {"class_name": "Sequential", "config": {"name": "hidden", "layers": [LAMBDA]}}


def archive_bytes(folder, **options):
    return files.archive(folder / "inner.keras", **options).read_bytes()


def hdf5_and_archive(folder, name, config=HOSTILE):
    """Write HDF5 without a Lambda, and behind it an archive with one."""
    path = files.hdf5_model(folder / "outer.h5").rename(folder / name)
    with path.open("ab") as file:
        file.write(archive_bytes(folder, config=config))
    return path


def predicted(path):
    return {
        each.environment.removeprefix("k"): each.rule
        for each in predict(path, [target(release) for release in RELEASES])
    }


def test_inspect_hdf5_with_archive_behind_describes_both(tmp_path):
    found = inspect(hdf5_and_archive(tmp_path, "model.keras"))
    assert (found.kind, found.second.container) == ("hdf5-model", "keras-archive")
    assert found.second.model.kind == "keras-archive"
    assert found.second.model.architecture.name == "hidden"
    assert found.architecture.name == "sequential"
    # Who asks whether it has code in it asks of both.
    assert [each.layer for each in found.lambdas] == ["evil"]
    assert found.notes[0] == (
        "it is two files in one, HDF5 and a zip archive: Keras before 2.12 loads the HDF5, "
        "Keras 2.12 and later the archive"
    )
    assert not any("Keras 3 refuses it" in note for note in found.notes)


def test_predict_hdf5_with_archive_behind_is_unknown_from_2_12(tmp_path):
    plain = predicted(files.hdf5_model(tmp_path / "plain.h5"))
    rules = predicted(hdf5_and_archive(tmp_path, "model.keras"))
    for release in ("1.15", "2.9", "2.11"):  # these load the HDF5, and nothing else
        assert rules[release] == plain[release]
    for release in ("2.12", "2.15", "3.4", "3.15"):
        assert rules[release] == "two-formats"


@pytest.mark.parametrize(
    ("name", "said"),
    [("model.h5", "every Keras loads the HDF5"), ("model.bin", "Keras 3 neither")],
)
def test_inspect_two_formats_by_another_name_says_who_loads(tmp_path, name, said):
    path = hdf5_and_archive(tmp_path, name)
    assert said in inspect(path).notes[0]
    assert "two-formats" not in predicted(path).values()


def test_predict_two_formats_are_alike_only_if_both_are(tmp_path):
    paths = [files.hdf5_model(tmp_path / "plain.h5")]
    for name, config in (("a.h5", HOSTILE), ("b.h5", files.SEQUENTIAL)):
        paths.append(hdf5_and_archive(tmp_path, name, config))
    assert len({foretell_file(path, [target("2.9")]).likeness for path in paths}) == 3


def test_inspect_archive_that_cannot_be_read_is_said_to_be_there(tmp_path):
    path = files.hdf5_model(tmp_path / "model.h5").rename(tmp_path / "model.keras")
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w") as archive:
        archive.writestr("notes.txt", "no model")
    with path.open("ab") as file:
        file.write(held.getvalue())
    found = inspect(path)
    assert found.second.model is None
    assert "without a Keras model" in found.second.trouble
    assert "its archive is a zip archive without a Keras model" in found.notes[1]
    assert predicted(path)["3.4"] == "two-formats"


def test_inspect_archive_in_a_block_before_hdf5_is_both(tmp_path):
    """The other way round: the archive comes first, and HDF5 is in what follows its end."""
    archive = archive_bytes(tmp_path, config=HOSTILE)
    block = 512
    while block < len(archive) + 22:
        block *= 2
    with h5py.File(tmp_path / "hdf5", "w", userblock_size=block) as file:
        file.attrs["model_config"] = json.dumps(files.SEQUENTIAL)
        file["model_weights/dense/kernel"] = np.zeros(3)
    content = bytearray((tmp_path / "hdf5").read_bytes())
    # Its end is made to reach over the HDF5: a comment of the archive.
    comment = len(content) - len(archive)
    content[: len(archive)] = archive[:-2] + comment.to_bytes(2, "little")
    path = tmp_path / "model.keras"
    path.write_bytes(content)
    assert zipfile.is_zipfile(path)
    assert h5py.is_hdf5(path)
    found = inspect(path)
    assert (found.kind, found.second.model.kind) == ("hdf5-model", "keras-archive")


def test_inspect_hdf5_behind_a_long_block_is_found(tmp_path):
    path = tmp_path / "model.h5"
    with h5py.File(path, "w", userblock_size=1 << 20) as file:
        file.attrs["model_config"] = json.dumps(files.SEQUENTIAL)
        file["model_weights/dense/kernel"] = np.zeros(3)
    assert h5py.is_hdf5(path)
    assert inspect(path).kind == "hdf5-model"


@pytest.mark.parametrize("head", [b"just a text\n", b"\x80\x04\x95pickle", b"\x7fELF"])
def test_inspect_archive_behind_anything_goes_by_the_name(tmp_path, head):
    content = head + archive_bytes(tmp_path, config=HOSTILE)
    for name in ("model.keras", "model.bin"):
        (tmp_path / name).write_bytes(content)
    found = inspect(tmp_path / "model.keras")
    assert found.kind == "keras-archive"
    assert [each.layer for each in found.lambdas] == ["evil"]
    assert f"{len(head)} bytes of something else stand before the archive" in found.notes[0]
    with pytest.raises(UsageError):
        inspect(tmp_path / "model.bin")


def test_inspect_weights_with_archive_puts_the_model_first(tmp_path):
    path = files.hdf5_weights(tmp_path / "w.h5").rename(tmp_path / "model.keras")
    with path.open("ab") as file:
        file.write(archive_bytes(tmp_path))
    found = inspect(path)
    assert (found.kind, found.second.model.kind) == ("keras-archive", "hdf5-weights")
    assert "two-formats" not in predicted(path).values()  # what it says of the archive holds


def test_inspect_neither_half_a_model_says_both_reasons(tmp_path):
    path = tmp_path / "model.keras"
    with h5py.File(path, "w") as file:
        file["data"] = np.zeros(3)
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w") as archive:
        archive.writestr("notes.txt", "no model")
    with path.open("ab") as file:
        file.write(held.getvalue())
    with pytest.raises(UsageError, match="Keras did not write; is a zip archive without"):
        inspect(path)


@pytest.mark.parametrize(
    ("name", "container"),
    [("config.json", "keras-folder"), ("checkpoint_metadata", "orbax-checkpoint")],
)
def test_inspect_saved_model_with_another_model_says_so(tmp_path, name, container):
    path = files.saved_model(tmp_path / "saved")
    (path / name).write_text("{}")
    found = inspect(path)
    assert (found.kind, found.second.container) == ("saved-model", container)
    assert "two models in one folder" in found.notes[0]
    rules = predicted(path)
    assert (rules["3.4"], rules["2.9"] != "two-formats-folder") == ("two-formats-folder", True)


def test_inspect_shows_both_halves_and_keeps_to_its_schema(tmp_path, capsys):
    path = hdf5_and_archive(tmp_path, "model.keras")
    with pytest.raises(SystemExit):
        main(["inspect", str(path)])
    shown = capsys.readouterr().out
    assert "a whole model as HDF5" in shown
    assert "and, in the same file:" in shown
    assert "a Keras v3 archive" in shown
    with pytest.raises(SystemExit):
        main(["inspect", "--json", str(path)])
    told = json.loads(capsys.readouterr().out)
    assert told["second"]["model"]["kind"] == "keras-archive"
