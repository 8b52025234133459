"""Which release of TensorFlow writes what under which format, and which rows that makes."""

import pytest

from kerasmatrix.errors import UsageError
from kerasmatrix.formats import FORMATS
from kerasmatrix.matrix import Environment, Group, Matrix

RELEASES = ("2.11.1", "2.12.1", "2.13.1", "2.16.2")


def matrix_of(*releases, formats=("keras", "keras-archive")):
    environments = {
        f"tf{release}": Environment(
            name=f"tf{release}", python="3.11", tensorflow=release, as_of="2024-01-01"
        )
        for release in releases
    }
    return Matrix(
        schema_version=1,
        environments=environments,
        groups={"default": Group(environments="*")},
        scenarios=("first",),
        formats=formats,
    )


@pytest.mark.parametrize("release", ["1.15.5", *RELEASES, "2.21.0"])
def test_keras_every_release_has_rows(release):
    assert FORMATS["keras"].why_not_written(release) is None
    assert FORMATS["keras"].has_rows(release)


def test_keras_up_to_2_12_is_hdf5():
    by_release = [FORMATS["keras"].is_hdf5_by_another_name(release) for release in RELEASES]
    assert by_release == [True, True, False, False]
    assert not FORMATS["h5"].is_hdf5_by_another_name("2.4.4")


def test_keras_archive_only_2_12_has_rows():
    archive = FORMATS["keras-archive"]
    assert [archive.has_rows(release) for release in RELEASES] == [False, True, False, False]
    assert archive.why_not_written("2.11.1") == (
        "TensorFlow 2.11.1 has no format keras-archive (it came with 2.12)"
    )
    assert archive.why_not_written("2.13.1") == (
        "TensorFlow 2.13.1 writes the same file as the format keras"
    )


def test_select_without_a_writer_leaves_the_format_out():
    assert matrix_of("2.11.1", "2.13.1").select().formats == ("keras",)
    assert matrix_of("2.11.1", "2.12.1").select().formats == ("keras", "keras-archive")


def test_select_format_asked_for_without_writer_is_refused():
    with pytest.raises(UsageError, match="no selected environment writes") as caught:
        matrix_of("2.13.1").select(formats=["keras-archive"])
    assert caught.value.hint == (
        "select one with TensorFlow 2.12; later releases write the same file as 'keras'"
    )
