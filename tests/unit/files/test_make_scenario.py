import json
import os

import numpy as np
import pytest

from kerasmatrix.errors import InfrastructureError, UsageError
from kerasmatrix.files.import_models import make_scenario, unique_name
from kerasmatrix.files.model_assets import ModelAssets
from kerasmatrix.files.model_input import file_state
from kerasmatrix.inspection.inspect import inspect
from tests.unit.inspection import files


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
        "code": "my_layers", "inputs": True, "registered": {},
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


@pytest.mark.parametrize("content", [b"", b"no archive", b"PK\x05\x06" + b"\0" * 18])
def test_make_scenario_invalid_inputs_are_refused(tmp_path, content):
    model_file = inspect(files.hdf5_model(tmp_path / "model.h5"))
    (tmp_path / "x.npz").write_bytes(content)
    with pytest.raises(UsageError, match=r"x\.npz: (cannot be read as sample|holds no)"):
        make_scenario(model_file, tmp_path / "it", ModelAssets(inputs=tmp_path / "x.npz"))
