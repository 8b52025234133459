import json

import pytest

from kerasmatrix import cli
from tests.unit.inspection import files

KEYS = {"environment", "status", "cause", "remedy", "rule", "confidence"}


@pytest.fixture
def predict(capsys, tmp_path, monkeypatch):
    # Where there is no matrix.yaml, the package's own environments are asked about.
    monkeypatch.chdir(tmp_path)

    def call(*arguments):
        with pytest.raises(SystemExit) as left:
            cli.main(["predict", *map(str, arguments)])
        said = capsys.readouterr()
        return left.value.code, said.out, said.err

    return call


@pytest.fixture
def model(tmp_path):
    return files.hdf5_model(tmp_path / "a.h5")


def test_predict_file_in_all_environments(predict, model):
    code, out, _ = predict(model, "--json")
    told = json.loads(out)
    assert code == 0
    assert set(told) == {"predictions"}
    assert all(set(each) == KEYS for each in told["predictions"])
    names = [each["environment"] for each in told["predictions"]]
    assert names[0] == "tf1.15"
    assert "tf2.21" in names
    assert len(names) == len(set(names)) > 30


def test_predict_environments_and_groups_by_name(predict, model):
    _, out, _ = predict(model, "--json", "--to", "quick,tf2.9")
    names = [each["environment"] for each in json.loads(out)["predictions"]]
    assert names == ["tf2.2", "tf2.4", "tf2.9", "tf2.16"]


def test_predict_unknown_environment_is_usage_error(predict, model):
    code, _, err = predict(model, "--to", "tf2.99")
    assert code == 2
    assert "unknown environment 'tf2.99'" in err


def test_predict_several_files_are_named(predict, model, tmp_path):
    other = files.archive(tmp_path / "b.keras")
    code, out, _ = predict(model, other, "--json", "--to", "tf2.9")
    told = json.loads(out)
    assert code == 0
    assert [each["file"] for each in told["files"]] == [str(model), str(other)]
    assert told["files"][1]["predictions"][0]["status"] == "fail"


def test_predict_bad_file_others_are_predicted(predict, model, tmp_path):
    (tmp_path / "bad.h5").write_text("nothing")
    code, out, err = predict(model, tmp_path / "bad.h5", "--json", "--to", "tf2.9")
    first, second = json.loads(out)["files"]
    assert code == 2
    assert len(first["predictions"]) == 1
    assert second["error"].endswith("is a text file")
    assert "bad.h5: is a text file" in err


def test_predict_not_a_model_prints_nothing(predict, tmp_path):
    (tmp_path / "bad.h5").write_text("nothing")
    code, out, err = predict(tmp_path / "bad.h5", "--json")
    assert (code, out) == (2, "")
    assert "is a text file" in err


def test_predict_custom_objects_option(predict, tmp_path):
    own = {"class_name": "Mine>Layer", "config": {"name": "own"}}
    config = {"class_name": "Sequential", "config": {"name": "s", "layers": [files.DENSE, own]}}
    path = files.hdf5_model(tmp_path / "a.h5", config)
    (tmp_path / "my_layers.py").write_text("raise SystemExit('ran')\nclass Layer: pass\n")
    _, without, _ = predict(path, "--json", "--to", "tf2.4")
    code, out, _ = predict(path, "--json", "--to", "tf2.4", "--custom-objects", "my_layers.py")
    assert json.loads(without)["predictions"][0]["cause"] == "custom-class-missing"
    assert (code, json.loads(out)["predictions"][0]["status"]) == (0, "pass")


def test_predict_text_groups_environments(predict, model):
    code, out, _ = predict(model)
    lines = [line for line in out.splitlines() if " … " in line]
    assert code == 0
    assert any("pass" in line and line.rstrip().endswith("nothing-against") for line in lines)
    assert out.count("No known problem") == 1


def test_predict_hostile_layer_names_are_escaped(predict, tmp_path):
    own = {"class_name": "Mine>Layer", "config": {"name": "own \x1b[31m"}}
    config = {"class_name": "Sequential", "config": {"name": "s", "layers": [own]}}
    _, out, _ = predict(files.hdf5_model(tmp_path / "a.h5", config))
    assert "\x1b[31m" not in out
    assert r"\x1b[31m" in out


def test_predict_matrix_option(predict, model, tmp_path):
    code, _, err = predict(model, "--matrix", "absent.yaml")
    assert code == 2
    assert "absent.yaml" in err
