import json
import os

import numpy as np
import pytest

from kerasmatrix.config.matrix import load_matrix
from kerasmatrix.config.project import Project
from kerasmatrix.environments.locks import read_lock
from kerasmatrix.errors import InfrastructureError, UsageError
from kerasmatrix.files.discover import find_models
from kerasmatrix.files.import_models import make_scenario, unique_name
from kerasmatrix.files.model_assets import ModelAssets
from kerasmatrix.files.model_input import describe, file_state
from kerasmatrix.files.version_distance import by_version_distance
from kerasmatrix.inspection.inspect import inspect
from kerasmatrix.inspection.model_info import Writer
from tests.real import ROOT
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


def test_make_scenario_file_is_copied_with_assets(tmp_path):
    model_file = inspect(files.hdf5_model(tmp_path / "model.hdf5"))
    code, inputs = tmp_path / "my_layers.py", tmp_path / "sample.npz"
    code.write_text("class Mine: ...\n")
    np.savez(inputs, np.zeros(3))
    model_input = make_scenario(model_file, tmp_path / "it", ModelAssets(code, inputs))
    assert model_input.format == "h5"
    assert (model_input.scenario.given, model_input.scenario.title) == (True, model_file.path)
    # Its ending means something to Keras, so it stays.
    copy = model_input.scenario.folder / "given" / "model.hdf5"
    assert copy.read_bytes() == (tmp_path / "model.hdf5").read_bytes()
    assert json.loads((model_input.scenario.folder / "given.json").read_text()) == {
        "code": "my_layers", "inputs": True,
    }  # fmt: skip
    assert (model_input.scenario.folder / "my_layers.py").read_text() == "class Mine: ...\n"
    assert (model_input.scenario.folder / "inputs.npz").is_file()


@pytest.mark.parametrize("state", [True, False])
def test_make_scenario_trained_follows_optimizer_state(tmp_path, state):
    model_file = inspect(files.hdf5_model(tmp_path / "model.h5", state=state))
    model_input = make_scenario(model_file, tmp_path / "it", ModelAssets())
    assert model_input.scenario.trained is state


def test_make_scenario_digest_depends_on_content(tmp_path):
    path = files.hdf5_model(tmp_path / "model.h5")
    digests = [
        make_scenario(inspect(path), tmp_path / name, ModelAssets(code)).scenario.digest
        for name, code in (("one", None), ("two", None), ("three", _code(tmp_path)))
    ]
    assert digests[0] == digests[1] != digests[2]


def _code(folder):
    path = folder / "mine.py"
    path.write_text("class Mine: ...\n")
    return path


def test_make_scenario_weights_without_code_are_refused(tmp_path):
    model_file = inspect(files.hdf5_weights(tmp_path / "it.weights.h5"))
    with pytest.raises(UsageError, match="without an architecture") as caught:
        make_scenario(model_file, tmp_path / "it", ModelAssets())
    assert "build()" in caught.value.hint
    model_input = make_scenario(model_file, tmp_path / "it", ModelAssets(_code(tmp_path)))
    assert model_input.format == "weights"
    assert (model_input.scenario.folder / "given" / "model.weights.h5").is_file()


def test_make_scenario_architecture_alone_is_refused(tmp_path):
    path = tmp_path / "model.json"
    path.write_text(json.dumps({"class_name": "Sequential", "config": {"layers": []}}))
    with pytest.raises(UsageError, match="no numbers to compare"):
        make_scenario(inspect(path), tmp_path / "it", ModelAssets())


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


def test_unique_name_taken_name_gets_number(tmp_path):
    taken: set[str] = set()
    for name, expected in (
        ("model.h5", "model.h5"),
        ("model.h5", "model.h5-2"),
        ("../a b\n.keras", "a_b_.keras"),
        ("…", "model"),
    ):
        found = unique_name(tmp_path / name, taken)
        assert found == expected
        taken.add(found)


def test_unique_name_long_name_is_truncated(tmp_path):
    taken: set[str] = set()
    for _ in range(12):
        taken.add(unique_name(tmp_path / ("n" * 251 + ".h5"), taken))
    assert len(taken) == 12
    assert max(map(len, taken)) < 200


def test_describe_hdf5_model(tmp_path):
    assert describe(inspect(files.hdf5_model(tmp_path / "model.h5"))) == (
        "hdf5 model, written by Keras 2.4.0, 1 layers, 8 numbers."
    )


@pytest.mark.parametrize(
    ("writer", "closest"),
    [
        ({"keras": "2.13.1", "keras_major": 2, "tensorflow": "2.13"}, ["tf2.13", "tf2.14"]),
        ({"keras": "2.4.0", "keras_major": 2, "tensorflow": "2.3 to 2.4"}, ["tf2.3", "tf2.4"]),
        ({"keras": "2.2.4", "keras_major": 2}, ["tf1.15", "tf2.0"]),
        ({"keras": "3.13.0", "keras_major": 3}, ["tf2.20", "tf2.19-keras3.13"]),
        ({}, ["tf2.15"]),
        ({"tensorflow": "2.21.0"}, ["tf2.21"]),
        ({"tensorflow": "2.9.3", "keras_major": 2}, ["tf2.9"]),
    ],
)
def test_by_version_distance_writer_is_first(writer, closest):
    matrix, project = load_matrix(ROOT / "matrix.yaml"), Project(ROOT / "matrix.yaml")
    environments = matrix.sorted_environments()
    locks = {env.name: read_lock(project.locks_with(env.name), env) for env in environments}
    found = by_version_distance(Writer(**writer), environments, locks)
    assert set(found[: len(closest)]) == set(closest)
    assert found[0] == closest[0] or len(closest) > 1
    assert len(found) == len(environments)


def test_file_state_changes_with_writes(tmp_path):
    path = files.saved_model(tmp_path / "saved")
    before = file_state(path)
    assert before == file_state(path)
    (path / "variables").mkdir(exist_ok=True)
    (path / "variables" / "more").write_text("more")
    assert file_state(path) != before
    os.mkfifo(tmp_path / "pipe")  # opening it would never end
    assert file_state(tmp_path / "pipe")
    assert file_state(tmp_path / "nothing") == ()
    (path / "variables" / "link").symlink_to("more")
    with pytest.raises(UsageError, match="variables/link is a symbolic link"):
        file_state(path)


@pytest.mark.parametrize("name", ["a." + "x" * 250, "a.\x1b[31m", os.fsdecode(b"a.\xff"), "a"])
def test_make_scenario_odd_ending_is_dropped(tmp_path, name):
    path = files.hdf5_model(tmp_path / "model.h5").rename(tmp_path / name)
    model_input = make_scenario(inspect(path), tmp_path / "it", ModelAssets())
    assert (model_input.scenario.folder / "given" / "model").is_file()


def test_make_scenario_growing_file_is_refused(tmp_path):
    path = files.hdf5_model(tmp_path / "model.h5")
    before = file_state(path)
    with path.open("ab") as file:
        file.write(b"more")
    with pytest.raises(UsageError, match="changes while it is read"):
        make_scenario(inspect(path), tmp_path / "it", ModelAssets(), before)


def test_make_scenario_unwritable_store_is_infrastructure_error(tmp_path):
    model_file = inspect(files.hdf5_model(tmp_path / "model.h5"))
    (tmp_path / "file").touch()
    with pytest.raises(InfrastructureError, match="cannot be written") as caught:
        make_scenario(model_file, tmp_path / "file" / "it", ModelAssets())
    assert "--store" in caught.value.hint


def test_has_changed_replaced_file_is_true(tmp_path):
    path = files.hdf5_model(tmp_path / "model.h5")
    model_input = make_scenario(inspect(path), tmp_path / "it", ModelAssets())
    assert not model_input.has_changed
    path.unlink()
    assert model_input.has_changed
    os.mkfifo(path)
    assert model_input.has_changed


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


@pytest.mark.parametrize("content", [b"", b"no archive", b"PK\x05\x06" + b"\0" * 18])
def test_make_scenario_invalid_inputs_are_refused(tmp_path, content):
    model_file = inspect(files.hdf5_model(tmp_path / "model.h5"))
    (tmp_path / "x.npz").write_bytes(content)
    with pytest.raises(UsageError, match=r"x\.npz: (cannot be read as sample|holds no)"):
        make_scenario(model_file, tmp_path / "it", ModelAssets(inputs=tmp_path / "x.npz"))
