import pytest

from kerasmatrix.diagnosis.keras_range import parse_keras_range, range_of_release
from kerasmatrix.errors import UsageError


@pytest.mark.parametrize(
    ("text", "major"),
    [
        ("tf2.4", 2),
        ("2.15.1", 2),
        ("tensorflow 2.16", 3),
        ("tf2.16-legacy", 2),
        ("tf_keras 2.16.0", 2),
        ("keras3.4.1", 3),
        ("keras 2.3.1", 2),
        ("3.15", 3),
        ("2.13-2.15", 2),
        ("tf2.12 to tf2.15", 2),
        ("2.13-2.17", None),
        (">=2.16", 3),
        ("<2.16", None),
        ("tf2.16+", 3),
        ("2.2.4-tf", 2),
    ],
)
def test_parse_keras_range_major_version(text, major):
    assert parse_keras_range(text).major == major


def test_parse_keras_range_without_number_is_an_error():
    with pytest.raises(UsageError, match="is not a version"):
        parse_keras_range("latest")


def test_keras_range_meets_releases_that_overlap():
    assert parse_keras_range("tf2.16").meets("3.0", None)
    assert not parse_keras_range("tf2.5").meets("3.0", None)
    assert not parse_keras_range("keras3.4").meets(None, "3.0")
    assert parse_keras_range("2.13-2.17").meets("3.0", None)


@pytest.mark.parametrize(
    ("release", "version"),
    [("1.15", "2.2.4"), ("2.3", "2.4.0"), ("2.15", "2.15"), ("2.16", "2.16"), ("3.4", "3.4")],
)
def test_range_of_release_is_that_keras_alone(release, version):
    found = range_of_release(release)
    assert (str(found.first), found.last) == (version, found.first)
