"""Which release of TensorFlow writes what under which format, and which rows that makes."""

import dataclasses

import pytest

from kerasmatrix.config.matrix import Environment, Group, Matrix
from kerasmatrix.errors import UsageError
from kerasmatrix.execution.next_fix import saves_a_format_of_its_own
from kerasmatrix.results.cells import Cell, Save
from kerasmatrix.results.formats import FORMATS
from tests.unit.plans import make_plan

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


@pytest.fixture
def plan(tmp_path):
    """Return a plan of one scenario on environments of four releases, in both formats."""
    plan = make_plan(tmp_path, *(f"good-{number}" for number in range(len(RELEASES))))
    environments = tuple(
        environment.model_copy(update={"tensorflow": release})
        for environment, release in zip(plan.selection.environments, RELEASES, strict=True)
    )
    formats = ("h5", "keras", "keras-archive")
    selection = plan.selection.model_copy(update={"environments": environments, "formats": formats})
    scenario = plan.scenarios["first"].model_copy(update={"formats": formats})
    return dataclasses.replace(plan, selection=selection, scenarios={"first": scenario})


def test_plan_has_archive_rows_of_one_release(plan):
    rows = [row for row in plan.saves() if row.format == "keras-archive"]
    assert [plan.environment(row.saved_with).tensorflow for row in rows] == ["2.12.1"]


def test_plan_reader_of_an_unknown_format_is_not_excused(plan):
    old, writer, later, _ = (environment.name for environment in plan.selection.environments)
    assert plan.cannot_load(Cell("first", "keras-archive", writer, old)) is None
    assert plan.cannot_load(Cell("first", "keras", later, old)) is None
    assert "has no format" in plan.cannot_load(Cell("first", "keras-archive", old, writer))


def test_bridge_saves_no_hdf5_by_another_name(plan):
    kept = [
        (plan.environment(name).tensorflow, form)
        for name in (environment.name for environment in plan.selection.environments)
        for form in ("h5", "keras")
        if saves_a_format_of_its_own(plan, Save("first", form, name))
    ]
    assert kept == [
        ("2.11.1", "h5"), ("2.12.1", "h5"), ("2.13.1", "h5"), ("2.13.1", "keras"),
        ("2.16.2", "h5"), ("2.16.2", "keras"),
    ]  # fmt: skip
