import json
import os

import numpy as np
import pytest

from kerasmatrix.config.matrix import load_matrix
from kerasmatrix.config.project import Project
from kerasmatrix.environments.locks import read_lock
from kerasmatrix.errors import InfrastructureError, UsageError
from kerasmatrix.files.model_input import (
    Companions,
    by_closeness,
    describe,
    find_models,
    look_of,
    stand_in,
    unique_name,
)
from kerasmatrix.inspection.inspect import inspect
from kerasmatrix.inspection.model_info import Writer
from tests.real import ROOT
from tests.unit.inspection import files


def test_files_are_taken_as_named_and_folders_are_looked_through(tmp_path):
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
def test_find_models_path_without_model_refuses_it_alone(tmp_path, name, message):
    (tmp_path / "empty").mkdir()
    (tmp_path / "good.h5").touch()
    found = find_models([tmp_path / name, tmp_path / "good.h5"])
    assert found.paths == (tmp_path / "good.h5",)
    (error,) = found.refused.values()
    assert message in error.message
    assert str(tmp_path / name) in error.message


def test_a_file_becomes_a_scenario_with_a_copy_of_it(tmp_path):
    told = inspect(files.hdf5_model(tmp_path / "model.hdf5"))
    code, inputs = tmp_path / "my_layers.py", tmp_path / "sample.npz"
    code.write_text("class Mine: ...\n")
    np.savez(inputs, np.zeros(3))
    given = stand_in(told, "it", tmp_path / "it", Companions(code, inputs))
    assert given.form == "h5"
    assert (given.scenario.given, given.scenario.title) == (True, told.path)
    # Its ending means something to Keras, so it stays.
    copy = given.scenario.folder / "given" / "model.hdf5"
    assert copy.read_bytes() == (tmp_path / "model.hdf5").read_bytes()
    assert json.loads((given.scenario.folder / "given.json").read_text()) == {
        "code": "my_layers", "inputs": True,
    }  # fmt: skip
    assert (given.scenario.folder / "my_layers.py").read_text() == "class Mine: ...\n"
    assert (given.scenario.folder / "inputs.npz").is_file()


@pytest.mark.parametrize("state", [True, False])
def test_whether_it_was_trained_is_what_the_file_says(tmp_path, state):
    told = inspect(files.hdf5_model(tmp_path / "model.h5", state=state))
    given = stand_in(told, "it", tmp_path / "it", Companions())
    assert given.scenario.trained is state


def test_its_digest_is_that_of_what_it_holds(tmp_path):
    path = files.hdf5_model(tmp_path / "model.h5")
    digests = [
        stand_in(inspect(path), "it", tmp_path / name, Companions(code)).scenario.digest
        for name, code in (("one", None), ("two", None), ("three", _code(tmp_path)))
    ]
    assert digests[0] == digests[1] != digests[2]


def _code(folder):
    path = folder / "mine.py"
    path.write_text("class Mine: ...\n")
    return path


def test_weights_alone_need_the_code_that_builds_the_model(tmp_path):
    told = inspect(files.hdf5_weights(tmp_path / "it.weights.h5"))
    with pytest.raises(UsageError, match="without an architecture") as caught:
        stand_in(told, "it", tmp_path / "it", Companions())
    assert "build()" in caught.value.hint
    given = stand_in(told, "it", tmp_path / "it", Companions(_code(tmp_path)))
    assert given.form == "weights"
    assert (given.scenario.folder / "given" / "model.weights.h5").is_file()


def test_an_architecture_alone_has_no_numbers_to_compare(tmp_path):
    path = tmp_path / "model.json"
    path.write_text(json.dumps({"class_name": "Sequential", "config": {"layers": []}}))
    with pytest.raises(UsageError, match="no numbers to compare"):
        stand_in(inspect(path), "it", tmp_path / "it", Companions())


@pytest.mark.parametrize(
    ("companions", "message"),
    [
        ({"code": "nothing.py"}, "no Python file"),
        ({"code": "text.txt"}, "no Python file"),
        ({"code": "my-layers.py"}, "no name of a module"),
        ({"inputs": "text.txt"}, "no .npz file"),
    ],
)
def test_companions_that_are_none_are_a_mistake(tmp_path, companions, message):
    for name in ("text.txt", "my-layers.py"):
        (tmp_path / name).touch()
    with pytest.raises(UsageError, match=message):
        Companions(**{key: tmp_path / name for key, name in companions.items()}).check()


def test_names_are_safe_and_each_is_there_once(tmp_path):
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


def test_unique_name_of_long_names_fits_a_folder_with_its_number(tmp_path):
    taken: set[str] = set()
    for _ in range(12):
        taken.add(unique_name(tmp_path / ("n" * 251 + ".h5"), taken))
    assert len(taken) == 12
    assert max(map(len, taken)) < 200


def test_a_file_is_described_in_a_sentence(tmp_path):
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
def test_the_reference_is_the_version_most_like_the_writer(writer, closest):
    matrix, project = load_matrix(ROOT / "matrix.yaml"), Project(ROOT / "matrix.yaml")
    environments = matrix.sorted_environments()
    locks = {env.name: read_lock(project.locks_with(env.name), env) for env in environments}
    found = by_closeness(Writer(**writer), environments, locks)
    assert set(found[: len(closest)]) == set(closest)
    assert found[0] == closest[0] or len(closest) > 1
    assert len(found) == len(environments)


def test_a_look_changes_with_what_is_written_and_reads_nothing(tmp_path):
    path = files.saved_model(tmp_path / "saved")
    before = look_of(path)
    assert before == look_of(path)
    (path / "variables").mkdir(exist_ok=True)
    (path / "variables" / "more").write_text("more")
    assert look_of(path) != before
    os.mkfifo(tmp_path / "pipe")  # opening it would never end
    assert look_of(tmp_path / "pipe")
    assert look_of(tmp_path / "nothing") == ()
    (path / "variables" / "link").symlink_to("more")
    with pytest.raises(UsageError, match="variables/link is a symbolic link"):
        look_of(path)


@pytest.mark.parametrize("name", ["a." + "x" * 250, "a.\x1b[31m", os.fsdecode(b"a.\xff"), "a"])
def test_stand_in_odd_ending_is_left_out_of_the_copy(tmp_path, name):
    path = files.hdf5_model(tmp_path / "model.h5").rename(tmp_path / name)
    given = stand_in(inspect(path), "it", tmp_path / "it", Companions())
    assert (given.scenario.folder / "given" / "model").is_file()


def test_stand_in_file_that_grows_meanwhile_is_refused(tmp_path):
    path = files.hdf5_model(tmp_path / "model.h5")
    before = look_of(path)
    with path.open("ab") as file:
        file.write(b"more")
    with pytest.raises(UsageError, match="changes while it is read"):
        stand_in(inspect(path), "it", tmp_path / "it", Companions(), before)


def test_stand_in_folder_that_cannot_be_written_is_the_machines(tmp_path):
    told = inspect(files.hdf5_model(tmp_path / "model.h5"))
    (tmp_path / "file").touch()
    with pytest.raises(InfrastructureError, match="cannot be written") as caught:
        stand_in(told, "it", tmp_path / "file" / "it", Companions())
    assert "--store" in caught.value.hint


def test_a_file_that_has_become_something_else_has_changed(tmp_path):
    path = files.hdf5_model(tmp_path / "model.h5")
    given = stand_in(inspect(path), "it", tmp_path / "it", Companions())
    assert not given.has_changed
    path.unlink()
    assert given.has_changed
    os.mkfifo(path)
    assert given.has_changed


def test_inputs_for_folder_takes_the_file_of_that_name(tmp_path):
    folder = tmp_path / "samples"
    folder.mkdir()
    for name in ("a.npz", "a.h5.npz", "b.npz"):
        np.savez(folder / name, np.zeros(1))
    companions = Companions(inputs=folder)
    companions.check()
    assert companions.inputs_for(tmp_path / "a.h5") == folder / "a.h5.npz"
    assert companions.inputs_for(tmp_path / "a.keras") == folder / "a.npz"
    assert companions.inputs_for(tmp_path / "b.h5") == folder / "b.npz"
    assert companions.inputs_for(tmp_path / "c.h5") is None


def test_inputs_for_file_is_for_all_models(tmp_path):
    np.savez(tmp_path / "x.npz", np.zeros(1))
    companions = Companions(inputs=tmp_path / "x.npz")
    companions.check()
    assert companions.inputs_for(tmp_path / "a.h5") == tmp_path / "x.npz"


def test_check_folder_without_inputs_is_a_mistake(tmp_path):
    (tmp_path / "samples").mkdir()
    with pytest.raises(UsageError, match=r"samples: is a folder without \.npz files"):
        Companions(inputs=tmp_path / "samples").check()
    with pytest.raises(UsageError, match=r"none: is no \.npz file, and no folder of them"):
        Companions(inputs=tmp_path / "none").check()


@pytest.mark.parametrize("content", [b"", b"no archive", b"PK\x05\x06" + b"\0" * 18])
def test_stand_in_inputs_that_are_none_are_named(tmp_path, content):
    told = inspect(files.hdf5_model(tmp_path / "model.h5"))
    (tmp_path / "x.npz").write_bytes(content)
    with pytest.raises(UsageError, match=r"x\.npz: (cannot be read as sample|holds no)"):
        stand_in(told, "it", tmp_path / "it", Companions(inputs=tmp_path / "x.npz"))
