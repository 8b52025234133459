import json
import zipfile

import pytest

from kerasmatrix.errors import UsageError
from kerasmatrix.files.discover import find_models
from kerasmatrix.files.import_models import make_scenario
from kerasmatrix.files.model_assets import ModelAssets
from kerasmatrix.inspection.inspect import inspect
from tests.unit.inspection import files

NONE = ModelAssets()
ARCHITECTURE = json.dumps(files.SEQUENTIAL)


def given(path, folder, assets=NONE):
    """Return the model input of a path, and the names of the files that a worker gets."""
    model_input = make_scenario(inspect(path), folder / "it", assets)
    assert not model_input.has_changed
    return model_input, sorted(each.name for each in (folder / "it" / "given").iterdir())


@pytest.fixture
def built(tmp_path):
    code = tmp_path / "mine.py"
    code.write_text("def build(): ...\n")
    return ModelAssets(code)


@pytest.mark.parametrize(("name", "ending"), [("hub", None), ("best.keras", ".keras")])
def test_make_scenario_unpacked_archive_keeps_its_ending(tmp_path, name, ending):
    folder = files.unpacked(tmp_path / name)
    given(folder, tmp_path)
    assert json.loads((tmp_path / "it/given.json").read_text()).get("ending") == ending


def test_make_scenario_unpacked_archive_is_packed(tmp_path):
    folder = files.unpacked(tmp_path / "hub")
    model_input, names = given(folder, tmp_path)
    assert (model_input.format, names) == ("keras", ["model.keras"])
    with zipfile.ZipFile(tmp_path / "it/given/model.keras") as archive:
        assert set(archive.namelist()) == {"config.json", "metadata.json", "model.weights.h5"}
    assert json.loads((tmp_path / "it/given.json").read_text())["unpacked"] is True
    (folder / "config.json").write_text("{}")
    assert model_input.has_changed


def test_make_scenario_pickled_archive_is_taken_out(tmp_path):
    held = files.archive(tmp_path / "held.keras").read_bytes()
    _, names = given(files.pickled(tmp_path / "m.pkl", held, protocol=2), tmp_path)
    assert names == ["model.keras"]
    assert (tmp_path / "it/given/model.keras").read_bytes() == held


def test_make_scenario_checkpoint_files_keep_their_parts(tmp_path, built):
    files.checkpoint(tmp_path / "run" / "w.ckpt")
    model_input, names = given(tmp_path / "run", tmp_path, built)
    assert model_input.format == "weights"
    assert names == ["model.data-00000-of-00001", "model.index"]


def test_make_scenario_checkpoint_without_numbers_is_refused(tmp_path, built):
    files.checkpoint(tmp_path / "w", data=False)
    with pytest.raises(UsageError, match="a TensorFlow checkpoint without its numbers"):
        given(tmp_path / "w", tmp_path, built)


def test_make_scenario_shards_keep_their_names(tmp_path, built):
    path = files.shards(tmp_path / "big.weights.json")
    names = given(path, tmp_path, built)[1]
    assert names == ["big.weights.json", "big_00000.weights.h5", "big_00001.weights.h5"]


def test_make_scenario_missing_shard_is_refused(tmp_path, built):
    path = files.shards(tmp_path / "big.weights.json")
    (tmp_path / "big_00000.weights.h5").unlink()
    with pytest.raises(UsageError, match="a file of it is missing: big_00000"):
        given(path, tmp_path, built)


@pytest.mark.parametrize("named", ["model.json", "model.h5"])
def test_make_scenario_architecture_comes_with_weights(tmp_path, named):
    files.hdf5_weights(tmp_path / "model.h5")
    (tmp_path / "model.json").write_text(ARCHITECTURE)
    model_input, names = given(tmp_path / named, tmp_path)
    assert (model_input.format, names) == ("weights", ["model.h5"])
    stored = json.loads((tmp_path / "it" / "architecture.json").read_text())
    assert stored == files.SEQUENTIAL


def test_make_scenario_mlflow_model_is_copied(tmp_path):
    model_input, names = given(files.mlflow(tmp_path / "run"), tmp_path)
    assert (model_input.format, names) == ("keras", ["model.keras"])


def test_find_models_every_shape_is_found_once(tmp_path):
    held = files.archive(tmp_path / "a.keras").read_bytes()
    files.unpacked(tmp_path / "hub")
    files.mlflow(tmp_path / "run")
    files.checkpoint(tmp_path / "training" / "ck")
    files.shards(tmp_path / "big.weights.json")
    (tmp_path / "m.pkl").write_bytes(b"\x80\x04_unpickle_model" + held)
    (tmp_path / "other.pkl").write_bytes(b"\x80\x04.")
    (tmp_path / "pair").mkdir()
    files.hdf5_weights(tmp_path / "pair" / "model.h5")
    (tmp_path / "pair" / "model.json").write_text(ARCHITECTURE)
    (tmp_path / "alone").mkdir()
    (tmp_path / "alone" / "net.json").write_text(ARCHITECTURE)
    (tmp_path / "alone" / "package.json").write_text("{}")
    found = find_models([tmp_path]).paths
    assert sorted(path.relative_to(tmp_path).as_posix() for path in found) == [
        "a.keras", "alone/net.json", "big.weights.json", "hub", "m.pkl", "pair/model.h5", "run",
        "training/ck",
    ]  # fmt: skip


def test_find_models_checkpoint_prefix_is_a_model(tmp_path):
    prefix = files.checkpoint(tmp_path / "ck")
    assert find_models([prefix, tmp_path / "ck.index"]).paths == (prefix,)
