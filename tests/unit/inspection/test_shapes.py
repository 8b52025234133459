import json
import zlib

import h5py
import numpy as np
import pytest

from kerasmatrix.errors import UsageError
from kerasmatrix.inspection.inspect import inspect, read_model_file
from kerasmatrix.inspection.read import read_contents
from tests.unit.inspection import files

ARCHITECTURE = json.dumps(files.SEQUENTIAL | {"keras_version": "2.15.0"})


def test_inspect_unpacked_archive_is_described(tmp_path):
    model = inspect(files.unpacked(tmp_path / "hub"))
    assert (model.kind, model.holder, model.layers) == ("keras-archive", "folder", 1)
    assert (model.writer.keras, model.weights.parameters) == ("3.4.1", 8)


def test_inspect_unpacked_archive_with_link_says_so(tmp_path):
    folder = files.unpacked(tmp_path / "hub")
    (folder / "extra").symlink_to(tmp_path)
    assert "extra is a symbolic link: all other commands refuse the folder" in (
        inspect(folder).notes
    )


@pytest.mark.parametrize("protocol", [2, 4, 5])
def test_inspect_pickle_archive_in_it_is_described(tmp_path, protocol):
    held = files.archive(tmp_path / "held.keras").read_bytes()
    model = inspect(files.pickled(tmp_path / "model.pkl", held, protocol))
    assert (model.kind, model.holder, model.weights.parameters) == ("keras-archive", "pickle", 8)
    assert "runs code when it is loaded" in model.notes[0]


def test_inspect_compressed_joblib_is_described(tmp_path):
    held = files.archive(tmp_path / "held.keras").read_bytes()
    path = files.pickled(tmp_path / "model.joblib", held)
    path.write_bytes(zlib.compress(path.read_bytes()))
    assert inspect(path).holder == "pickle"


def test_inspect_pickle_without_archive_is_refused(tmp_path):
    path = files.pickled(tmp_path / "model.pkl", b"numbers")
    with pytest.raises(UsageError, match="a Python pickle without a Keras archive"):
        inspect(path)


def test_inspect_pickle_with_two_archives_says_so(tmp_path):
    held = files.archive(tmp_path / "held.keras").read_bytes()
    model = inspect(files.pickled(tmp_path / "model.pkl", [held, held + b"\0"]))
    assert "it holds 2 archives, of which the first is read" in model.notes


@pytest.mark.parametrize("name", ["w.ckpt", "w.ckpt.index", "", "w.ckpt.data-00000-of-00001"])
def test_inspect_checkpoint_is_described(tmp_path, name):
    files.checkpoint(tmp_path / "run" / "w.ckpt", steps=11)
    model = inspect(tmp_path / "run" / name)
    assert (model.kind, model.writer.keras_major) == ("checkpoint", 2)
    assert (model.weights.arrays, model.weights.parameters) == (2, 8)


def test_inspect_checkpoint_latest_of_folder_is_read(tmp_path):
    files.checkpoint(tmp_path / "ck-1")
    files.checkpoint(tmp_path / "ck-2", data=False)
    (tmp_path / "checkpoint").write_text('model_checkpoint_path: "ck-2"\n')
    assert "the file with its numbers is missing: ck-2.data-…" in inspect(tmp_path).notes


def test_inspect_weights_of_windows_are_noted_and_read(tmp_path):
    path = tmp_path / "w.weights.h5"
    with h5py.File(path, "w") as file:
        file["layers\\dense/vars/0"] = np.zeros((3, 2), "float32")
        file["metrics\\mean/vars/0"] = np.zeros(5, "float32")
    contents = read_contents(path)
    assert contents.stored.paths == ("layers/dense/vars/0",)
    assert "only Keras 2.12 to 2.15 on Windows" in contents.notes[0]


@pytest.mark.parametrize(
    ("argument", "version", "major"),
    [("batch_shape", {}, 3), ("batch_input_shape", {}, None),
     ("batch_input_shape", {"keras_version": "2.15.0"}, 2)],
)  # fmt: skip
def test_inspect_architecture_of_keras_3_has_no_version(tmp_path, argument, version, major):
    first = {"class_name": "InputLayer", "config": {"name": "a", argument: [None, 3]}}
    config = {"name": "m", "layers": [first, files.DENSE]}
    path = tmp_path / "model.json"
    path.write_text(json.dumps({"class_name": "Sequential", "config": config} | version))
    assert inspect(path).writer.keras_major == major


def test_inspect_checkpoint_of_a_saver_has_weights_without_slots(tmp_path):
    model = inspect(files.named_checkpoint(tmp_path / "model.ckpt-5"))
    assert (model.weights.arrays, model.weights.parameters) == (2, 8)
    assert "its variables have names without a model" in model.notes[0]


def test_inspect_checkpoint_cut_off_is_refused(tmp_path):
    files.checkpoint(tmp_path / "w")
    index = tmp_path / "w.index"
    index.write_bytes(index.read_bytes()[:-20])
    with pytest.raises(UsageError, match="is damaged: its index is cut off"):
        inspect(tmp_path / "w")


def test_inspect_shards_are_added_up(tmp_path):
    model = inspect(files.shards(tmp_path / "big.weights.json"))
    assert (model.kind, model.weights.arrays, model.weights.parameters) == (
        "sharded-weights", 2, 12,
    )  # fmt: skip
    assert model.bytes > (tmp_path / "big.weights.json").stat().st_size


def test_inspect_missing_shard_is_named(tmp_path):
    path = files.shards(tmp_path / "big.weights.json")
    (tmp_path / "big_00001.weights.h5").unlink()
    assert inspect(path).notes == ("its shard 'big_00001.weights.h5' is missing",)


def test_inspect_shard_outside_folder_is_refused(tmp_path):
    path = tmp_path / "big.weights.json"
    path.write_text(json.dumps({"weight_map": {"/layers": "../private.weights.h5"}}))
    with pytest.raises(UsageError, match="the name of a shard"):
        inspect(path)


@pytest.mark.parametrize(
    ("model", "name", "kind"),
    [
        (files.archive, "model.keras", "keras-archive"),
        (files.hdf5_model, "model.h5", "hdf5-model"),
        (lambda path: files.saved_model(path, metadata=files.SEQUENTIAL), "model", "saved-model"),
    ],
)
def test_inspect_mlflow_folder_model_is_described(tmp_path, model, name, kind):
    found = inspect(files.mlflow(tmp_path / "run", model=model, name=name))
    assert (found.kind, found.holder) == (kind, "mlflow")
    assert "it is a model of MLflow 2.14.0, flavor tensorflow, Keras 3.4.1" in found.notes


def test_inspect_mlflow_folder_of_other_flavor_is_refused(tmp_path):
    (tmp_path / "MLmodel").write_text("flavors: {sklearn: {pickled_model: model.pkl}}")
    with pytest.raises(UsageError, match="its flavors: sklearn"):
        inspect(tmp_path)


def test_inspect_mlflow_model_behind_link_is_not_followed(tmp_path):
    folder = files.mlflow(tmp_path / "run")
    (folder / "data").rename(tmp_path / "data")
    (folder / "data").symlink_to(tmp_path / "data")
    with pytest.raises(UsageError, match="without a Keras model"):
        inspect(folder)


@pytest.mark.parametrize("weights", ["model.h5", "weights.h5"])
def test_inspect_architecture_and_weights_find_each_other(tmp_path, weights):
    files.hdf5_weights(tmp_path / weights)
    (tmp_path / "model.json").write_text(ARCHITECTURE)
    whole, alone = inspect(tmp_path / "model.json"), inspect(tmp_path / weights)
    assert whole.companion == str(tmp_path / weights)
    assert alone.companion == str(tmp_path / "model.json")
    assert (whole.weights.parameters, alone.layers, whole.notes) == (6, 1, ())


def test_inspect_yaml_architecture_finds_its_weights(tmp_path):
    files.hdf5_weights(tmp_path / "model.h5")
    dense = "{class_name: Dense, config: {name: dense, units: 2}}"
    (tmp_path / "model.yaml").write_text(
        f"class_name: Sequential\nconfig:\n  layers: [{dense}]\nkeras_version: 2.3.1\n"
    )
    assert inspect(tmp_path / "model.yaml").companion == str(tmp_path / "model.h5")


def test_inspect_yaml_with_values_of_python_reads_them(tmp_path):
    """PyYAML writes tuples, and the texts and long integers of Python 2, with tags of its own."""
    (tmp_path / "model.yaml").write_text(
        "class_name: Sequential\n"
        "config:\n"
        "- class_name: !!python/unicode 'Dense'\n"
        "  config:\n"
        "    name: !!python/unicode 'dense'\n"
        "    units: !!python/long '2'\n"
        "    batch_input_shape: &shape !!python/tuple [null, 3]\n"
        "    other: *shape\n"
        "    rate: !!python/object/apply:numpy.core.multiarray.scalar [!!python/tuple [1]]\n"
        "keras_version: 1.2.2\n"
    )
    model = inspect(tmp_path / "model.yaml")
    assert model.architecture.parts[0].shape == (None, 3)
    assert (model.architecture.parts[0].name, model.hazards) == ("dense", ())


@pytest.mark.parametrize(
    ("tag", "named"),
    [
        ("!!python/object/apply:os.system ['true']", "os.system"),
        ("!!python/object/new:subprocess.Popen [['true']]", "subprocess.Popen"),
        ("!!python/name:builtins.exec ''", "builtins.exec"),
        ("!!python/module:antigravity ''", "antigravity.__init__"),
    ],
)
def test_inspect_yaml_that_constructs_objects_is_unsafe(tmp_path, tag, named):
    (tmp_path / "model.yaml").write_text(f"class_name: Sequential\nconfig: [{{a: {tag}}}]\n")
    assert [hazard.names for hazard in inspect(tmp_path / "model.yaml").hazards] == [named]


def test_inspect_weights_with_bad_neighbour_are_read(tmp_path):
    """The architectures next to weights are only tried: one that is damaged spoils nothing."""
    weights = files.hdf5_weights(tmp_path / "w.h5")
    (tmp_path / "a.json").write_text("class_name: S\nconfig: !unknown [1]\n")
    (tmp_path / "b.yaml").write_text("class_name: S\nconfig: !unknown [1]\n")
    (tmp_path / "c.json").write_text(ARCHITECTURE)
    assert inspect(weights).companion == str(tmp_path / "c.json")


def test_inspect_architecture_among_many_finds_its_own(tmp_path):
    """Files whose names start alike are tried first, since only some of a folder are read."""
    for number in range(40):
        (tmp_path / f"a{number}.h5").touch()
    files.hdf5_weights(tmp_path / "zebra.h5")
    (tmp_path / "zebra.json").write_text(ARCHITECTURE)
    assert inspect(tmp_path / "zebra.json").companion == str(tmp_path / "zebra.h5")


def test_inspect_weights_among_slow_neighbours_are_read(tmp_path):
    """Other files in its folder do not use up the processor time to read a file."""
    weights = files.hdf5_weights(tmp_path / "w.h5")
    slow = "class_name: S\nconfig:\n" + "- {a: [1, 2, 3]}\n" * 62_000
    for number in range(20):
        (tmp_path / f"a{number}.yaml").write_text(slow)
    assert inspect(weights).weights.arrays == 1


def test_inspect_companion_has_the_whole_name(tmp_path):
    """A name may have dots of its own: ``v1.2.h5`` does not go with ``v1.3.json``."""
    weights = files.hdf5_weights(tmp_path / "v1.2.h5")
    for name in ("v1.1.json", "v1.2.json", "v1.3.json"):
        (tmp_path / name).write_text(ARCHITECTURE)
    assert inspect(weights).companion == str(tmp_path / "v1.2.json")


def test_inspect_mlflow_with_odd_flavors_names_its_problem(tmp_path):
    (tmp_path / "MLmodel").write_text("flavors: 5\n")
    with pytest.raises(UsageError, match="without a Keras model in it; its flavors: unknown"):
        inspect(tmp_path)


def test_inspect_weights_of_several_architectures_fit_one(tmp_path):
    weights = files.hdf5_weights(tmp_path / "w.h5")
    (tmp_path / "a.json").write_text(ARCHITECTURE.replace('"units": 2', '"units": 5'))
    (tmp_path / "b.json").write_text(ARCHITECTURE)
    (tmp_path / "c.json").write_text(ARCHITECTURE.replace('"dense"', '"other"'))
    model = inspect(weights)
    assert model.companion == str(tmp_path / "b.json")
    assert model.notes == (
        "a.json does not fit: layer 'dense' has another size",
        "c.json does not fit: it has no layer 'dense'",
    )


def test_inspect_weights_of_keras_3_fit_by_order(tmp_path):
    weights = files.keras_3_weights(tmp_path / "w.weights.h5")
    (tmp_path / "a.json").write_text(ARCHITECTURE.replace('"Dense"', '"Conv2D"'))
    (tmp_path / "b.json").write_text(ARCHITECTURE)
    model = inspect(weights)
    assert model.companion == str(tmp_path / "b.json")
    assert "a.json does not fit: it has no layer for 'dense'" in model.notes


def test_inspect_companion_behind_link_is_left_out(tmp_path):
    (tmp_path / "other").mkdir()
    files.hdf5_weights(tmp_path / "other" / "w.h5")
    (tmp_path / "model.h5").symlink_to(tmp_path / "other" / "w.h5")
    (tmp_path / "model.json").write_text(ARCHITECTURE)
    model = read_model_file(tmp_path / "model.json")
    assert (model.companion, model.notes) == (None, ("it holds no weights",))
