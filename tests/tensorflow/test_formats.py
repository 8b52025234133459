"""The formats `keras` and `keras-archive`, which differ in Keras 2.12 only."""

import pytest

from kerasmatrix.results.cells import Status
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
def test_keras_format_loads_like_plain_program(results, form, saved, loaded, status, words):
    found = cell(results, "import_path", form, saved, loaded)
    assert found.status is status, found.summary
    assert words in found.summary


def test_keras_archive_format_has_rows_of_one_release(results):
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
def test_keras_format_content_depends_on_release(results, store, form, saved, begins):
    artifact = cell(results, "import_path", form, saved, saved).artifact
    content = (store / "artifacts" / artifact / "model.keras").read_bytes()
    assert content.startswith(begins)
