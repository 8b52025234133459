import json
import os

import jsonschema
import pytest

from kerasmatrix import cli
from tests.unit.inspection import files


@pytest.fixture
def inspect(capsys):
    def call(*arguments):
        with pytest.raises(SystemExit) as left:
            cli.main(["inspect", *map(str, arguments)])
        said = capsys.readouterr()
        return left.value.code, said.out, said.err

    return call


def test_inspect_text_output(inspect, tmp_path):
    custom = {
        "class_name": "Mine>Layer",
        "config": {"name": "own \x1b[31m", "dtype": "mixed_float16"},
    }
    config = {"class_name": "Sequential", "config": {"name": "s", "layers": [files.DENSE, custom]}}
    code, out, _ = inspect(files.hdf5_model(tmp_path / "model.h5", config))
    assert code == 0
    for expected in (
        "a whole model as HDF5", "written by: Keras 2.4.0, TensorFlow 2.3 to 2.4 (deduced)",
        "weights: 8 numbers in 2 arrays, 32 bytes",
        "compiled with: Adam, state saved (3 steps); loss mse",
        "custom classes needed to load it: Layer", "dtype policies: mixed_float16", "Dense dense",
        "(None, 3)", "own \\x1b[31m",
    ):  # fmt: skip
        assert expected in out
    assert "\x1b" not in out


def test_inspect_custom_loss_and_activation_are_named(inspect, tmp_path):
    dense = {"class_name": "Dense", "config": {"name": "d", "units": 2, "activation": "swash"}}
    config = {"class_name": "Sequential", "config": {"name": "s", "layers": [dense]}}
    training = files.TRAINING | {"loss": {"class_name": "Addons>Focal", "config": {}}}
    _, out, _ = inspect(files.hdf5_model(tmp_path / "model.h5", config, training=training))
    assert "custom objects needed to load it: swash\n" in out
    assert "custom objects needed to compile it: Focal\n" in out


def test_inspect_json_matches_schema(inspect, tmp_path):
    paths = [files.archive(tmp_path / "a.keras"), files.saved_model(tmp_path / "b")]
    code, out, _ = inspect("--json", "--digest", *paths)
    assert code == 0
    _, schema, _ = inspect("--schema")
    documents = [json.loads(line) for line in out.splitlines()]
    assert [document["kind"] for document in documents] == ["keras-archive", "saved-model"]
    for document in documents:
        jsonschema.validate(document, json.loads(schema))


def test_inspect_bad_file_others_are_shown(inspect, tmp_path):
    (tmp_path / "empty.h5").touch()
    code, out, err = inspect(tmp_path / "empty.h5", files.hdf5_model(tmp_path / "model.h5"))
    assert code == 2
    assert "empty.h5: is an empty file" in err
    assert "copy it again" in err
    assert "a whole model as HDF5" in out


def test_inspect_without_file_is_usage_error(inspect):
    code, _, err = inspect()
    assert code == 2
    assert "name a model file" in err


@pytest.mark.parametrize("verb", ["inspect", "predict"])
def test_inspect_without_proc_says_where_it_runs(verb, tmp_path, capsys, monkeypatch):
    path, real = files.hdf5_model(tmp_path / "model.h5"), os.listdir

    def listdir(place="."):
        if str(place).startswith("/proc"):
            raise FileNotFoundError(2, "No such file or directory", place)
        return real(place)

    monkeypatch.setattr(os, "listdir", listdir)
    monkeypatch.setattr("platform.system", lambda: "Darwin")
    with pytest.raises(SystemExit) as left:
        cli.main([verb, str(path)])
    said = capsys.readouterr().err
    assert left.value.code == 3
    assert "on this machine (Darwin): it has no /proc" in said
    assert "runs on Linux x86-64" in said
    assert len(said.splitlines()) == 2


@pytest.mark.parametrize("digest", [(), ("--digest",)])
def test_inspect_name_too_long_is_refused_alone(digest, inspect, tmp_path):
    good = files.hdf5_model(tmp_path / "model.h5")
    code, out, err = inspect(tmp_path / ("n" * 300), good, *digest)
    assert (code, "a whole model as HDF5" in out) == (2, True)
    assert err.splitlines()[0].endswith("nnn: cannot be read: File name too long")


def test_inspect_sarif_lists_findings_of_all_files(tmp_path, capsys):
    files.hdf5_model(tmp_path / "a.h5")
    (tmp_path / "b.h5").write_text("text")
    with pytest.raises(SystemExit) as left:
        cli.main(["inspect", "--sarif", str(tmp_path)])
    log = json.loads(capsys.readouterr().out)
    assert left.value.code == 0
    assert [result["ruleId"] for result in log["runs"][0]["results"]] == ["unreadable"]
