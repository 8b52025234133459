import json
import pickle
import shutil

import h5py
import numpy as np
import pytest

from kerasmatrix.errors import UsageError
from kerasmatrix.files.diff import diff, read_difference
from kerasmatrix.files.diff_result import Difference
from tests.unit.files import models


@pytest.fixture
def compare(tmp_path):
    """Return a function that compares a file with another, whose parts can be given."""

    def compared(write=models.hdf5, **other):
        a = models.hdf5(tmp_path / "a.h5")
        b = write(tmp_path / ("b.keras" if write is models.archive else "b.h5"), **other)
        return read_difference(a, b)

    return compared


def layer_named(found, name):
    return next(layer for layer in found.layers if name in {layer.a, layer.b})


def test_diff_of_copies_is_the_same_file(tmp_path):
    a, b = models.hdf5(tmp_path / "a.h5"), tmp_path / "b.h5"
    b.write_bytes(a.read_bytes())
    found = diff(a, b)
    assert (found.equal, found.same_bytes) == (True, True)
    assert found.verdict == "the same file, byte by byte"


def test_diff_is_a_valid_document(compare):
    found = compare(models.archive)
    assert Difference.model_validate_json(json.dumps(found.model_dump(mode="json"))) == found


def test_diff_of_generations_lists_spellings_as_equal(compare):
    found = compare(models.archive)
    assert (found.architecture, found.weights) == ("equal", "equal")
    spelled = {(each.argument, each.a, each.b) for each in found.spellings}
    assert ("axis", "[1]", "-1") in spelled
    assert ("dtype", "float32", "DTypePolicy(name=float32)") in spelled
    assert not any(layer.arguments or layer.wiring for layer in found.layers)


@pytest.mark.parametrize("backwards", [False, True])
def test_diff_changed_argument_is_named(tmp_path, backwards):
    changed = models.config()
    models.layer_of(changed, "hidden")["config"]["activation"] = "tanh"
    paths = [
        models.hdf5(tmp_path / "a.h5"),
        models.archive(tmp_path / "b.keras", architecture=changed),
    ]
    found = read_difference(*(reversed(paths) if backwards else paths))
    (change,) = layer_named(found, "hidden").arguments
    values = (change.b, change.a) if backwards else (change.a, change.b)
    assert (change.what, *values) == ("activation", "relu", "tanh")
    assert found.verdict.startswith("another architecture (1 layer changed), same weights")


def test_diff_of_one_release_shows_argument_of_one_side(compare):
    changed = models.config()
    models.layer_of(changed, "hidden")["config"]["made_up"] = 7
    (change,) = layer_named(compare(architecture=changed), "hidden").arguments
    assert (change.what, change.a, change.b) == ("made_up", "unset", "7")


@pytest.mark.parametrize("backwards", [False, True])
def test_diff_name_of_another_function_is_a_change(tmp_path, backwards):
    changed = models.config()
    models.layer_of(changed, "hidden")["config"]["activation"] = "hard_sigmoid"
    paths = [
        models.hdf5(tmp_path / "a.h5", architecture=changed),
        models.archive(tmp_path / "b.keras", architecture=changed),
    ]
    found = read_difference(*(reversed(paths) if backwards else paths))
    (change,) = layer_named(found, "hidden").arguments
    texts = [change.a, change.b]
    assert sorted(texts) == ["hard_sigmoid of Keras 2", "hard_sigmoid of Keras 3"]
    assert texts == sorted(texts, reverse=backwards)


def test_diff_of_minors_takes_the_older_as_original(tmp_path):
    """An argument that only the newer release has is not missing in the older."""
    changed = models.config()
    models.layer_of(changed, "hidden")["config"]["new_in_2_15"] = 7
    paths = [
        models.hdf5(tmp_path / "new.h5", architecture=changed, keras="2.15.0"),
        models.hdf5(tmp_path / "old.h5", keras="2.4.0"),
    ]
    for pair in (paths, reversed(paths)):
        assert not layer_named(read_difference(*pair), "hidden").arguments


def test_diff_other_wiring_is_named(compare):
    changed = models.config()
    models.layer_of(changed, "sum")["inbound_nodes"] = [[["norm", 0, 0, {}], ["skip", 0, 0, {}]]]
    found = compare(architecture=changed)
    wiring = layer_named(found, "sum").wiring
    assert (wiring.a, wiring.b) == ("hidden, skip", "norm, skip")
    assert "1 layer wired otherwise" in found.verdict


def test_diff_renamed_layer_keeps_weights_and_wiring(compare):
    text = json.dumps(models.KERAS_2).replace('"skip"', '"shortcut"')
    held = {("shortcut" if k == "skip" else k): v for k, v in models.weights().items()}
    found = compare(architecture=json.loads(text), held=held)
    layer = layer_named(found, "skip")
    assert (layer.state, layer.b, layer.weights.state) == ("renamed", "shortcut", "equal")
    assert found.architecture == "equal"
    assert found.verdict.startswith("same architecture (1 layer renamed), same weights")
    assert not found.equal


def test_diff_added_layer_is_found_among_made_up_names(compare):
    changed = models.config()
    new = {
        "class_name": "Dense",
        "name": "dense",
        "config": {"name": "dense", "trainable": True, "dtype": "float32", "units": 3},
        "inbound_nodes": [[["norm", 0, 0, {}]]],
    }
    changed["config"]["layers"].insert(3, new)
    models.layer_of(changed, "skip")["inbound_nodes"] = [[["dense", 0, 0, {}]]]
    held = models.weights() | {"dense": {"kernel": np.ones((3, 3), "f4")}}
    found = compare(architecture=changed, held=held)
    assert [(layer.b, layer.state) for layer in found.layers if layer.state != "same"] == [
        ("dense", "added"),
        ("skip", "changed"),
    ]
    assert found.verdict == (
        "another architecture (1 layer added, 1 layer wired otherwise), "
        "same weights in the layers that both have"
    )


@pytest.mark.parametrize("write", [models.hdf5, models.archive])
def test_diff_retrained_layer_has_size_of_change(compare, write):
    held = models.weights()
    held["skip"]["kernel"] = held["skip"]["kernel"].copy()
    held["skip"]["kernel"][1, 1] += 0.25
    found = compare(write, held=held)
    weights = layer_named(found, "skip").weights
    assert weights.state == "retrained"
    assert weights.largest == pytest.approx(0.25)
    largest = max(np.abs(array).max() for array in models.weights()["skip"].values())
    assert weights.relative == pytest.approx(0.25 / largest)
    assert [array.shape for array in weights.arrays] == [(3, 3)]
    assert "1 of 4 layers with weights retrained (largest change 0.25)" in found.verdict


def test_diff_weights_that_are_not_finite_have_no_size(compare):
    held = models.weights()
    held["out"]["bias"] = np.array([np.nan], "f4")
    weights = layer_named(compare(held=held), "out").weights
    assert (weights.state, weights.largest, weights.relative) == ("retrained", None, None)


def test_diff_exchanged_weights_are_moved(compare):
    other = models.weights(seed=1)
    held = models.weights()
    held["skip"], moved = other["skip"], held["skip"]
    changed = models.config()
    more = json.loads(json.dumps(models.layer_of(changed, "skip")).replace('"skip"', '"more"'))
    changed["config"]["layers"].append(more)
    found = compare(architecture=changed, held=held | {"more": moved})
    assert layer_named(found, "skip").moved_to == "more"
    assert "the weights of 1 layer moved" in found.verdict


def test_diff_other_shape_is_reshaped(compare):
    held = models.weights()
    held["out"]["kernel"] = np.ones((1, 3), "f4")
    found = compare(held=held)
    assert layer_named(found, "out").weights.state == "reshaped"
    assert "1 layer with weights of other shapes" in found.verdict


@pytest.mark.parametrize("write", [models.hdf5_weights, models.keras_3_weights])
def test_diff_with_weights_alone_uses_other_architecture(compare, write):
    found = compare(write)
    assert (found.architecture, found.weights) == ("missing in b", "equal")
    assert found.verdict == (
        "no architecture in b, same weights, compile state missing in b, "
        "optimizer state missing in b"
    )


def test_diff_of_weights_in_two_layouts_is_matched_by_numbers(tmp_path):
    held = models.weights(seed=2)
    a = models.hdf5_weights(tmp_path / "a.h5", held)
    b = models.keras_3_weights(tmp_path / "b.weights.h5", held)
    assert read_difference(a, b).weights == "equal"
    held["out"]["bias"] = held["out"]["bias"] + 1
    found = read_difference(a, models.keras_3_weights(tmp_path / "c.weights.h5", held))
    assert found.weights == "different"
    assert layer_named(found, "out").weights.largest == pytest.approx(1)


def test_diff_compile_state_is_compared_by_meaning(compare):
    keras_3 = {
        "optimizer": {"class_name": "Adam", "config": {"learning_rate": 0.001}},
        "loss": "mean_squared_error",
        "metrics": ["mae"],
    }
    assert compare(models.archive, compiled=keras_3).training.compile_state == "equal"
    training = compare(models.archive, compiled=keras_3 | {"loss": "mae"}).training
    assert training.changes == ("the loss (mse became mae)",)


def test_diff_new_metric_is_in_one_file(compare):
    more = models.TRAINING | {"metrics": ["mae", "mape"]}
    assert compare(training=more).training.changes == ("the metric mape (only in b)",)


def test_diff_optimizer_state_is_compared(compare):
    assert compare(keras="2.4.1").training.optimizer_state == "equal"
    assert compare(steps=4).training.optimizer_state == "different"
    missing = compare(training=None).training
    assert (missing.compile_state, missing.optimizer_state) == ("missing in b", "missing in b")


def test_diff_steps_without_moments_miss_the_state(tmp_path):
    a, b = (models.hdf5(tmp_path / f"{name}.h5") for name in "ab")
    with h5py.File(b, "a") as file:
        del file["optimizer_weights/Adam/hidden/kernel/m:0"]
    training = read_difference(a, b).training
    assert (training.optimizer_state, training.steps) == ("missing in b", (3, 3))


def test_diff_vocabulary_is_an_asset(tmp_path):
    a = models.archive(tmp_path / "a.keras", assets=[("layers/text/vocabulary.txt", "a\nb")])
    b = models.archive(tmp_path / "b.keras", assets=[("layers/text/vocabulary.txt", "a\nc")])
    found = read_difference(a, b)
    assert [change.what for change in found.assets] == ["assets/layers/text/vocabulary.txt"]
    assert not found.equal


def test_diff_other_bytecode_is_not_compared(tmp_path):
    paths = []
    for number, code in enumerate(("4wEAAAA=", "4wEAAAB=")):
        changed = models.config()
        layer = models.layer_of(changed, "drop")
        layer["class_name"] = "Lambda"
        layer["config"] = {"name": "drop", "function": [code, None, None]}
        paths.append(models.hdf5(tmp_path / f"{number}.h5", architecture=changed))
    found = read_difference(*paths)
    assert found.architecture == "unknown"
    assert "Python code" in layer_named(found, "drop").not_compared[0]
    assert not found.equal


@pytest.mark.reader_process
def test_diff_damaged_file_is_named(tmp_path):
    good = models.hdf5(tmp_path / "good.h5")
    bad = tmp_path / "bad.h5"
    bad.write_bytes(good.read_bytes()[:3000])
    for pair in ((good, bad), (bad, good)):
        with pytest.raises(UsageError, match=r"bad\.h5: is damaged"):
            diff(*pair)


def test_diff_large_array_is_read_in_blocks(tmp_path):
    held = models.weights()
    held["out"]["kernel"] = np.arange(3_000_000, dtype="f4").reshape(3, 1000, 1000)
    a = models.hdf5_weights(tmp_path / "a.h5", held)
    held["out"]["kernel"] = held["out"]["kernel"].copy()
    held["out"]["kernel"][2, 999, 999] += 4
    found = read_difference(a, models.hdf5_weights(tmp_path / "b.h5", held))
    assert layer_named(found, "out").weights.largest == pytest.approx(4)


def unpacked(path, folder):
    shutil.unpack_archive(path, folder / "unpacked", "zip")
    return folder / "unpacked"


def of_mlflow(path, folder):
    (folder / "mlflow" / "data").mkdir(parents=True)
    shutil.copy(path, folder / "mlflow" / "data" / "model.keras")
    (folder / "mlflow" / "MLmodel").write_text("flavors: {keras: {data: data}}\n")
    return folder / "mlflow"


def pickled(path, folder):
    (folder / "model.pkl").write_bytes(pickle.dumps({"model": path.read_bytes()}))
    return folder / "model.pkl"


@pytest.mark.parametrize("pack", [unpacked, of_mlflow, pickled])
def test_diff_packed_model_is_the_same(tmp_path, pack):
    path = models.archive(tmp_path / "model.keras")
    found = read_difference(models.hdf5(tmp_path / "a.h5", training=None), pack(path, tmp_path))
    assert (found.architecture, found.weights) == ("equal", "equal")


def test_diff_architecture_with_weights_next_to_it(tmp_path):
    (tmp_path / "model.json").write_text(json.dumps(models.KERAS_2))
    models.hdf5_weights(tmp_path / "model.h5")
    other = tmp_path / "other"
    other.mkdir()
    found = read_difference(tmp_path / "model.json", models.archive(other / "b.keras"))
    assert (found.architecture, found.weights) == ("equal", "equal")


def test_diff_arrays_in_other_files_are_not_read(tmp_path):
    a = models.hdf5(tmp_path / "a.h5")
    b = models.hdf5(tmp_path / "b.h5")
    with h5py.File(b, "a") as file:
        held = file["model_weights/out/out"]
        del held["bias:0"]
        held.create_dataset("bias:0", (1,), "f4", external=[("/etc/hostname", 0, 4)])
    found = read_difference(a, b)
    assert found.weights == "unknown"
    assert "arrays of b in other files are not read: 1" in found.notes
    assert "weights not compared as a whole" in found.verdict
