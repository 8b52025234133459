"""The fix that copies HDF5 with each array in the place of its link."""

import zipfile
from types import SimpleNamespace

import h5py
import numpy as np
import pytest

from kerasmatrix.harness.remedies import plain_hdf5
from kerasmatrix.harness.remedies.case import NotApplicable

VALUES = np.arange(6, dtype="float32").reshape(2, 3)


def soft_link(file, folder):
    file["elsewhere"] = VALUES
    file["layers/vars/0"] = h5py.SoftLink("/elsewhere")


def linked_group(file, folder):
    file["elsewhere/0"] = VALUES
    file["layers/vars"] = h5py.SoftLink("/elsewhere")


def virtual_dataset(file, folder):
    file["parts"] = VALUES
    layout = h5py.VirtualLayout(VALUES.shape, VALUES.dtype)
    layout[:] = h5py.VirtualSource(file["parts"])
    file.create_virtual_dataset("layers/vars/0", layout)


def external_link(file, folder):
    with h5py.File(folder / "other.h5", "w") as other:
        other["kernel"] = VALUES
    file["layers/vars/0"] = h5py.ExternalLink("other.h5", "/kernel")


def external_data(file, folder):
    VALUES.tofile(folder / "kernel.bin")
    external = [("kernel.bin", 0, VALUES.nbytes)]
    file.create_dataset("layers/vars/0", VALUES.shape, VALUES.dtype, external=external)


def out_of_folder(file, folder):
    (folder / "inner").mkdir()
    with h5py.File(folder / "inner/other.h5", "w") as other:
        other["kernel"] = VALUES
    file["layers/vars/0"] = h5py.ExternalLink("inner/other.h5", "/kernel")


def out_by_a_second_file(file, folder):
    out_of_folder(file, folder)
    del file["layers/vars/0"]
    with h5py.File(folder / "beside.h5", "w") as beside:
        beside["kernel"] = h5py.ExternalLink("inner/other.h5", "/kernel")
    file["layers/vars/0"] = h5py.ExternalLink("beside.h5", "/kernel")


def out_by_a_virtual_dataset(file, folder):
    VALUES.tofile(folder / "inner.bin")
    external = [(str(folder / "inner.bin"), 0, VALUES.nbytes)]
    file.create_dataset("parts", VALUES.shape, VALUES.dtype, external=external)
    layout = h5py.VirtualLayout(VALUES.shape, VALUES.dtype)
    layout[:] = h5py.VirtualSource(file["parts"])
    file.create_virtual_dataset("layers/vars/0", layout)


def circle(file, folder):
    file["layers/vars/0"] = VALUES
    file["layers/again"] = h5py.SoftLink("/layers")


def no_link(file, folder):
    file["layers/vars/0"] = VALUES


LINKED = [soft_link, linked_group, virtual_dataset, external_link, external_data]
REFUSED = [out_of_folder, out_by_a_second_file, out_by_a_virtual_dataset, circle, no_link]


@pytest.fixture
def case(tmp_path):
    """Return a function that makes a case of an HDF5 file with what ``change`` puts into it."""
    (tmp_path / "artifact").mkdir()
    (tmp_path / "scratch").mkdir()

    def case(change):
        path = tmp_path / "artifact/model.h5"
        with h5py.File(path, "w") as file:
            file.attrs["model_config"] = "{}"
            change(file, tmp_path / "artifact")
        return SimpleNamespace(path=str(path), scratch=str(tmp_path / "scratch"))

    return case


@pytest.mark.parametrize("change", LINKED)
def test_rewrite_puts_arrays_in_the_place_of_links(case, change):
    made = case(change)
    assert plain_hdf5.rewrite(made)
    with h5py.File(made.path) as file:
        dataset = file["layers/vars/0"]
        assert isinstance(file.get("layers/vars/0", getlink=True), h5py.HardLink)
        assert (dataset.is_virtual, dataset.external) == (False, None)
        np.testing.assert_array_equal(dataset, VALUES)
        assert file.attrs["model_config"] == "{}"


@pytest.mark.parametrize("change", REFUSED)
def test_rewrite_of_other_links_does_not_apply(case, change):
    with pytest.raises(NotApplicable):
        plain_hdf5.rewrite(case(change))


def test_rewrite_of_archive_keeps_its_other_members(case, tmp_path):
    made = case(soft_link)
    archive = tmp_path / "artifact/model.keras"
    with zipfile.ZipFile(archive, "w") as packed:
        packed.writestr("config.json", "{}")
        packed.write(made.path, "model.weights.h5")
    made.path = str(archive)
    assert plain_hdf5.rewrite(made) == 1
    with zipfile.ZipFile(made.path) as plain:
        assert plain.namelist() == ["config.json", "model.weights.h5"]
        assert plain.read("config.json") == b"{}"
