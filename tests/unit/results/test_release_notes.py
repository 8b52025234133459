from kerasmatrix.results.release_notes import release_notes
from tests.unit.report.factory import make_results


def notes_of(**packages):
    told = make_results(environments=1).environments[0]
    packages = {name.replace("_", "-"): version for name, version in packages.items()}
    return release_notes(told.model_copy(update={"packages": packages}))


def test_tensorflow_comes_before_keras():
    found = notes_of(keras="3.4.1", tensorflow_cpu="2.16.2", numpy="1.26.4")
    assert [note.package for note in found] == ["tensorflow-cpu", "keras"]
    assert found[0].address.endswith("tensorflow/releases/tag/v2.16.2")
    assert found[1].address.endswith("keras/releases/tag/v3.4.1")


def test_keras_before_it_was_part_of_tensorflow_has_tags_without_a_letter():
    assert notes_of(keras="2.3.1")[0].address.endswith("/tag/2.3.1")


def test_what_has_no_notes_has_no_link():
    assert notes_of(numpy="1.26.4") == []
