"""A file by its ending and an archive by its name, where a release keeps the two apart."""

import pytest

from kerasmatrix.results.observations import Status
from tests.real import cell, measure

pytestmark = pytest.mark.tensorflow


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    return tmp_path_factory.mktemp("store")


@pytest.fixture(scope="module")
def results(engine, store):
    return measure(
        engine,
        store,
        scenarios=("import_path",),
        formats=("keras", "keras-archive"),
        environments=("tf2.4", "tf2.12", "tf2.15"),
    )


@pytest.mark.parametrize(
    ("form", "saved", "loaded", "status", "words"),
    [
        ("keras", "tf2.12", "tf2.15", Status.PASS, ""),
        ("keras", "tf2.12", "tf2.4", Status.PASS, ""),
        ("keras", "tf2.4", "tf2.15", Status.PASS, ""),
        ("keras", "tf2.15", "tf2.4", Status.FAIL, "SavedModel file does not exist"),
        ("keras-archive", "tf2.12", "tf2.12", Status.PASS, ""),
        ("keras-archive", "tf2.12", "tf2.15", Status.FAIL, "parent module keras.engine.functional"),
    ],
)
def test_keras_file_loads_as_a_plain_program_does(results, form, saved, loaded, status, words):
    found = cell(results, "import_path", form, saved, loaded)
    assert found.status is status, found.summary
    assert words in found.summary


def test_archive_has_rows_of_the_one_release_only(results):
    writers = {each.saved_with for each in results.cells if each.format == "keras-archive"}
    assert writers == {"tf2.12"}


@pytest.mark.parametrize(
    ("form", "saved", "begins"),
    [
        ("keras", "tf2.4", b"\x89HDF"),
        ("keras", "tf2.12", b"\x89HDF"),
        ("keras", "tf2.15", b"PK\x03\x04"),
        ("keras-archive", "tf2.12", b"PK\x03\x04"),
    ],
)
def test_keras_file_holds_what_its_release_writes(results, store, form, saved, begins):
    artifact = cell(results, "import_path", form, saved, saved).artifact
    content = (store / "artifacts" / artifact / "model.keras").read_bytes()
    assert content.startswith(begins)
