"""The fingerprint leaves out the version stamp and the like, and nothing else."""

import json
import zipfile

import h5py
import numpy as np
import pytest

from kerasmatrix.inspection.fingerprint import content_fingerprint
from tests.unit.inspection.files import SEQUENTIAL, TRAINING, archive, hdf5_model, keras_3_weights


@pytest.fixture
def folder(tmp_path):
    """Make an artifact: a probe, the facts, and what `write` writes under `name`."""
    count = iter(range(100))

    def make(write=None, name="model.h5", *, output=1.0, facts="{}", **more):
        made = tmp_path / str(next(count))
        made.mkdir()
        (write or hdf5_model)(made / name, **more)
        np.savez(made / "probe.npz", input_000=np.ones(3), output_000=np.float32([output]))
        (made / "manifest.json").write_text(facts)
        return made

    return make


def equal(*folders):
    digests = {content_fingerprint(each) for each in folders}
    assert None not in digests
    return len(digests) == 1


def test_content_fingerprint_same_major_is_equal(folder):
    assert equal(folder(keras="2.3.0-tf"), folder(keras="2.15.0"), folder(facts='{"model": "x"}'))
    assert not equal(folder(keras="2.4.0"), folder(keras="3.4.1"))


def test_content_fingerprint_hdf5_named_keras_is_read(folder):
    assert equal(folder(name="model.keras"), folder(name="model.keras", keras="2.15.0"))
    assert not equal(folder(name="model.keras"), folder(name="model.h5"))
    assert not equal(folder(name="model.keras"), folder(write=archive, name="model.keras"))


def renamed(config):
    return json.loads(json.dumps(config).replace('"units": 2', '"units": 3'))


@pytest.mark.parametrize(
    "change",
    [
        {"config": renamed(SEQUENTIAL)},
        {"config": {**SEQUENTIAL, "module": "keras"}},
        {"config": dict(reversed(SEQUENTIAL.items()))},
        {"training": {**TRAINING, "loss": "mae"}},
        {"training": None},
        {"state": False},
        {"output": 1.0000001},
    ],
)
def test_content_fingerprint_visible_change_differs(folder, change):
    assert not equal(folder(), folder(**change))


def edited(change):
    def write(path):
        hdf5_model(path)
        with h5py.File(path, "r+") as file:
            change(file)

    return write


def set_attribute(path, name, value, **kind):
    def change(file):
        del file[path].attrs[name]
        file[path].attrs.create(name, value, **kind)

    return change


KERNEL = "model_weights/dense/dense/kernel:0"


def nudge(file):
    file[KERNEL][0, 0] += 1e-6


def widen(file):
    values = file[KERNEL][()]
    del file[KERNEL]
    file[KERNEL] = values.astype("float64")


def add_group(file):
    file.create_group("model_weights/empty")


def order_links(file):
    file.create_group("model_weights/ordered", track_order=True)


def name_layers(file):
    file.attrs["layer_names"] = np.array([b"dense"])


def name_layers_as_h5py_3_may(file):
    file.attrs.create("layer_names", [b"dense"], dtype=h5py.string_dtype("ascii"))


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (lambda file: None, nudge),
        (lambda file: None, widen),
        (lambda file: None, add_group),
        (add_group, order_links),
        (lambda file: None, name_layers),
        (name_layers, name_layers_as_h5py_3_may),
        # Releases of h5py read fixed and variable texts as different things.
        (
            set_attribute("/", "model_config", b"{}", dtype="S2"),
            set_attribute("/", "model_config", "{}", dtype=h5py.string_dtype()),
        ),
    ],
)
def test_content_fingerprint_other_storage_differs(folder, one, other):
    assert equal(folder(edited(one)), folder(edited(one)))
    assert not equal(folder(edited(one)), folder(edited(other)))


def shared(number):
    layer = {"class_name": "Dense", "shared_object_id": number}
    return {"config": {"layers": [layer, {"class_name": "Add", "shared_object_id": 1}, layer]}}


def test_content_fingerprint_ignores_shared_numbers(folder):
    assert equal(folder(config=shared(139919052519712)), folder(config=shared(7)))
    assert not equal(folder(config=shared(2)), folder(config=shared(1)))


def test_content_fingerprint_ignores_dates_of_archive(folder, monkeypatch):
    one = folder(archive, "model.keras", keras="3.4.1")
    monkeypatch.setattr("time.time", lambda: 1e9)
    assert equal(one, folder(archive, "model.keras", keras="3.15.0"))
    assert not equal(one, folder(archive, "model.keras", config={**SEQUENTIAL, "x": 1}))
    assert not equal(one, folder(archive, "model.keras", weights=False))
    assert not equal(one, folder(archive, "model.keras", keras="2.15.0"))
    packed = folder(archive, "model.keras", compression=zipfile.ZIP_DEFLATED)
    assert not equal(one, packed)


def test_content_fingerprint_name_differs(folder):
    one = folder(keras_3_weights, "model.weights.h5")
    assert not equal(one, folder(keras_3_weights, "weights.h5"))


def link_out(file):
    file["model_weights/outside"] = h5py.ExternalLink("other.h5", "/")


def reference(file):
    file.attrs["reference"] = file[KERNEL].ref


def claim_terabytes(file):
    file.create_dataset("model_weights/huge", (1 << 40,), "float32", chunks=(1 << 20,))


def date_saved_elsewhere(path):
    with zipfile.ZipFile(path, "w") as made:
        made.writestr("metadata.json", "not JSON")


@pytest.mark.parametrize(
    ("write", "name"),
    [
        (edited(link_out), "model.h5"),
        (edited(reference), "model.h5"),
        (edited(claim_terabytes), "model.h5"),
        (date_saved_elsewhere, "model.keras"),
        (lambda path: path.write_bytes(b"no HDF5"), "model.h5"),
        (lambda path: hdf5_model(path, keras="unknown"), "model.h5"),
        (lambda path: path.mkdir(), "model"),
    ],
)
def test_content_fingerprint_unknown_content_is_none(folder, write, name):
    assert content_fingerprint(folder(write, name)) is None


def test_content_fingerprint_missing_artifact_is_none(tmp_path):
    assert content_fingerprint(tmp_path / "nowhere") is None
