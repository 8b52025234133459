from kerasmatrix.results.release_notes import release_notes
from tests.unit.report.factory import make_results


def notes_of(**packages):
    told = make_results(environments=1).environments[0]
    packages = {name.replace("_", "-"): version for name, version in packages.items()}
    return release_notes(told.model_copy(update={"packages": packages}))


def test_release_notes_tensorflow_comes_first():
    found = notes_of(keras="3.4.1", tensorflow_cpu="2.16.2", numpy="1.26.4")
    assert [note.package for note in found] == ["tensorflow-cpu", "keras"]
    assert found[0].address.endswith("tensorflow/releases/tag/v2.16.2")
    assert found[1].address.endswith("keras/releases/tag/v3.4.1")


def test_release_notes_old_keras_has_tags_without_a_letter():
    assert notes_of(keras="2.3.1")[0].address.endswith("/tag/2.3.1")


def test_release_notes_unknown_package_has_none():
    assert notes_of(numpy="1.26.4") == []
