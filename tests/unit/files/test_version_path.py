import pytest

from kerasmatrix.config.matrix import load_matrix
from kerasmatrix.errors import UsageError
from kerasmatrix.files.version_path import between, line_of, made_between, oldest_first
from tests.real import ROOT

MATRIX = load_matrix(ROOT / "matrix.yaml")
OWN = MATRIX.sorted_environments()


def names(line):
    return [env.name for env in line]


def of(name):
    return MATRIX.environments[name]


def line(older, newer):
    return names(line_of(OWN, of(older), of(newer)))


def test_the_line_goes_over_the_minors_of_the_matrix():
    assert line("tf2.12", "tf2.17") == ["tf2.12", "tf2.13", "tf2.14", "tf2.15", "tf2.16", "tf2.17"]


def test_keras_3_releases_are_on_it_where_they_are_later_than_what_came_before():
    assert line("tf2.18", "tf2.20") == [
        "tf2.18", "tf2.19-keras3.9", "tf2.19-keras3.10", "tf2.19", "tf2.19-keras3.12",
        "tf2.19-keras3.13", "tf2.20",
    ]  # fmt: skip


def test_tf_keras_is_on_it_only_where_an_end_has_it():
    assert line("tf2.15", "tf2.16-legacy") == ["tf2.15", "tf2.16-legacy"]
    assert line("tf2.16-legacy", "tf2.17") == ["tf2.16-legacy", "tf2.16", "tf2.17"]


def test_two_of_which_neither_is_later_have_no_line():
    with pytest.raises(UsageError, match="one has the newer TensorFlow, the other the newer Keras"):
        line("tf2.19-keras3.15", "tf2.20")
    assert names(oldest_first(of("tf2.4"), of("tf2.2"))) == ["tf2.2", "tf2.4"]


def test_releases_between_two_are_those_and_in_order():
    releases = ["2.10.0", "2.3.1", "2.3.0", "2.2.3", "2.3.1", "2.3.4"]
    assert between(releases, "2.2.3", "2.3.4") == ["2.3.0", "2.3.1"]
    assert between(releases, None, "2.3.1") == ["2.2.3", "2.3.0"]
    assert between(releases, None, None) == []


def made(older, newer, tensorflow=(), keras=()):
    return made_between(of(older), of(newer), tensorflow=tensorflow, keras=keras, own=OWN)


def test_patch_releases_of_keras_2_lie_between_two_minors():
    found = made("tf2.2", "tf2.3", ["2.3.0", "2.3.1"])
    assert names(found) == ["tf2.2", "tf2.3.0", "tf2.3.1", "tf2.3"]
    assert [env.tensorflow for env in found] == ["2.2.3", "2.3.0", "2.3.1", "2.3.4"]
    # All else is as in the minor's own environment, so that nothing else changes.
    assert {(env.python, env.keras, env.as_of) for env in found[1:]} == {
        ("3.8", "2.4.3", of("tf2.3").as_of)
    }


def test_a_patch_of_the_older_minor_is_on_the_older_python():
    found = made("tf2.4", "tf2.5", ["2.5.0", "2.5.1"])
    assert [env.python for env in found] == ["3.8", "3.9", "3.9", "3.9"]
    found = made("tf2.16", "tf2.20", ["2.17.0"])
    assert found[1].python == of("tf2.17").python


def test_between_two_keras_3_tensorflow_goes_first_and_then_keras():
    found = made("tf2.17", "tf2.18", ["2.18.0"], ["3.7.0", "3.8.0", "3.9.0"])
    assert [(env.tensorflow, env.keras) for env in found] == [
        ("2.17.1", "3.6.0"),
        ("2.18.0", "3.6.0"),
        ("2.18.1", "3.6.0"),
        ("2.18.1", "3.7.0"),
        ("2.18.1", "3.8.0"),
        ("2.18.1", "3.9.0"),
        ("2.18.1", "3.9.1"),
    ]
    # A Keras that was not out when TensorFlow 2.18.0 was needs the index of a later day.
    assert {env.as_of for env in found[1:]} == {of("tf2.18").as_of}


def test_where_keras_2_ends_the_first_keras_3_comes_with_the_first_tensorflow_that_has_it():
    found = made("tf2.15", "tf2.16", ["2.16.1"], ["3.0.0", "3.1.0"])
    assert [(env.name, env.keras) for env in found] == [
        ("tf2.15", None),
        ("tf2.16.1-keras3.0.0", "3.0.0"),
        ("tf2.16.2-keras3.0.0", "3.0.0"),
        ("tf2.16.2-keras3.1.0", "3.1.0"),
        ("tf2.16", "3.4.1"),
    ]


def test_tf_keras_is_of_its_tensorflows_minor():
    found = made("tf2.15", "tf2.16-legacy", ["2.16.1"], ["2.15.0", "2.15.1"])
    assert [(env.tensorflow, env.tf_keras, bool(env.variables)) for env in found] == [
        ("2.15.1", None, False), ("2.16.1", "2.16.0", True), ("2.16.2", "2.16.0", True),
    ]  # fmt: skip


def test_an_environment_of_the_matrix_is_taken_as_it_is():
    found = made("tf2.18", "tf2.19", ["2.19.0"], ["3.9.2", "3.10.0"])
    assert names(found) == [
        "tf2.18", "tf2.19.0-keras3.9.1", "tf2.19.1-keras3.9.1", "tf2.19-keras3.9",
        "tf2.19-keras3.10", "tf2.19",
    ]  # fmt: skip


def test_releases_of_keras_alone():
    found = made("tf2.19-keras3.5", "tf2.19-keras3.6", [], ["3.5.1"])
    assert names(found) == ["tf2.19-keras3.5", "tf2.19.1-keras3.5.1", "tf2.19-keras3.6"]
    found = made("tf2.16-legacy", "tf2.16", [], ["3.0.0"])
    assert names(found) == ["tf2.16-legacy", "tf2.16.2-keras3.0.0", "tf2.16"]
    assert not found[1].variables
