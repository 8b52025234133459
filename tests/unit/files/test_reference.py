"""The reference of a file is found, whichever environments were selected."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from kerasmatrix.config.matrix import load_matrix
from kerasmatrix.config.project import Project
from kerasmatrix.errors import UsageError
from kerasmatrix.files.check import CheckResult, check
from kerasmatrix.files.import_models import import_models
from kerasmatrix.files.model_assets import ModelAssets
from kerasmatrix.files.reference_candidates import ReferencePolicy
from kerasmatrix.files.session import SessionOptions, open_session
from kerasmatrix.results.cells import Status
from tests.unit.behaviours import ABSENT, CANNOT_CALL, FAILS, REFUSES, error_of
from tests.unit.fakes import FakeEngine, make_project
from tests.unit.inspection import files

BEHAVIOURS = {
    **{f"fails-{number}": FAILS for number in range(1, 9)},
    "fails-no-compile": FAILS.but(fixed_by="no-compile"),
    "fails-4-no-compile": FAILS.but(fixed_by="no-compile"),
    "absent-3": ABSENT,
    "cannot-call-4": CANNOT_CALL,
    "refuses-3": REFUSES,
    "refuses-4": REFUSES,
}

# Of the file that is checked TensorFlow 2.3 or 2.4 is the writer; here 2.3 is the third.
FAR = ("good5", "good6", "good7")


class Checks:
    """Checks a file in a project of fake environments."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.engine = FakeEngine(BEHAVIOURS)
        self.model = files.hdf5_model(folder / "model.h5")

    def __call__(self, names, *asked, reference=None, more=(), **options) -> CheckResult:
        if not (self.folder / "matrix.yaml").exists():
            make_project(self.folder, *names)
        place = self.folder / "matrix.yaml"
        matrix = load_matrix(place)
        with (
            open_session(
                Project(place), matrix, self.engine, options=SessionOptions(**options)
            ) as session,
            import_models([self.model, *more], session.store, ModelAssets()) as (model_inputs, _),
        ):
            known = {**matrix.environments, **{env.name: env for env in matrix.exporting}}
            environments = [known[name] for name in asked]
            policy = ReferencePolicy(only=reference)
            return check(session, model_inputs, environments, policy=policy)

    def taken(self) -> list[str]:
        """Return in which environments it was found out what the file computes, in order."""
        return [name for name, task in self.engine.tasks if task.kind == "take"]


@pytest.fixture
def checks(tmp_path) -> Iterator[Checks]:
    return Checks(tmp_path)


def cells(checked):
    return {
        cell.loaded_with: (cell.status.value, cell.saved_with) for cell in checked.results.cells
    }


def test_check_far_from_writer_adds_reference(checks):
    checked = checks(("old1", "old2", "good3", "old4", *FAR), "good7")
    assert cells(checked) == {"good3": ("pass", "good3"), "good7": ("pass", "good3")}
    assert [env.name for env in checked.results.environments if env.added] == ["good3"]
    assert [cell.loaded_with for cell in checked.results.asked_for] == ["good7"]
    assert "good3 was added as the reference" in checked.results.scenarios[0].shows


def test_check_added_reference_loads_only_its_files(checks):
    other = files.hdf5_model(checks.folder / "other.h5", keras="2.7.0")
    names = ("old1", "old2", "good3", "old4", *FAR)
    checked = checks(names, "good7", more=[other])
    found = {(cell.scenario, cell.loaded_with): cell.status for cell in checked.results.cells}
    assert found == {
        ("model.h5", "good3"): Status.PASS, ("model.h5", "good7"): Status.PASS,
        ("other.h5", "good3"): Status.NOT_RUN, ("other.h5", "good7"): Status.PASS,
    }  # fmt: skip
    assert checked.results.run.complete


def test_check_export_is_never_a_reference(checks):
    matrix = make_project(checks.folder, "old1", "fails-2", "good3")
    locks = checks.folder / "images" / "locks"
    (locks / "out.txt").write_text((locks / "good3.txt").read_text())
    exports = "exports: {out: {environment: good3, format: onnx}}\n"
    matrix.write_text(exports + matrix.read_text())
    checked = checks((), "good3", "out")
    assert cells(checked) == {"good3": ("pass", "good3"), "out": ("pass", "good3")}
    assert checks.taken() == ["good3"]
    assert [env.export for env in checked.results.environments] == [None, "onnx"]
    assert checked.results.versions == ("good3",)
    assert [cell.prediction is None for cell in checked.results.cells] == [False, True]


def test_check_near_writer_adds_nothing(checks):
    checked = checks(("old1", "old2", "good3", "good4", "good5"), "good5")
    assert cells(checked) == {"good5": ("pass", "good5")}
    assert checks.taken() == ["good5"]


def test_check_requested_environment_wins_tie(checks):
    checked = checks(("old1", "old2", "good3", "good4", *FAR), "good4", "good7")
    assert {cell.saved_with for cell in checked.results.cells} == {"good4"}


def test_check_failing_near_environment_adds_writer(checks):
    checked = checks(("old1", "old2", "good3", "old4", "fails-5"), "fails-5")
    assert cells(checked) == {"good3": ("pass", "good3"), "fails-5": ("fail", "good3")}


def test_check_remedy_is_verified_against_added_reference(checks):
    checked = checks(
        ("o1", "o2", "good3", "o4", "o5", "o6", "fails-rewrite-config"), "fails-rewrite-config"
    )
    cell = next(c for c in checked.results.cells if c.loaded_with == "fails-rewrite-config")
    assert (cell.status, cell.saved_with) == (Status.FAIL, "good3")
    assert cell.repaired_by.id == "rewrite-config"


def test_check_unloadable_file_tries_few_lists_rest(checks):
    names = tuple(f"fails-{number}" for number in range(1, 9))
    checked = checks(names, "fails-8", remedies="none")
    assert set(checks.taken()) == {"fails-8", "fails-3", "fails-4", "fails-5"}
    assert cells(checked) == {"fails-8": ("fail", "fails-8")}
    shows = checked.results.scenarios[0].shows
    assert "No version that was tried loads it as it is" in shows
    assert "not tried: fails-2, fails-1, fails-6, fails-7)" in shows


def test_check_asks_releases_with_the_layers_first(checks):
    layer = {"class_name": "UnitNormalization", "config": {"name": "unit", "axis": -1}}
    config = {"class_name": "Sequential", "config": {"name": "s", "layers": [layer]}}
    checks.model = files.hdf5_model(checks.folder / "model.h5", config)
    names = (*(f"fails-{number}" for number in range(1, 9)), "good9")
    checked = checks(names, "fails-4", remedies="none")
    assert cells(checked) == {"good9": ("pass", "good9"), "fails-4": ("fail", "good9")}
    assert checks.taken().index("good9") == 1


def test_check_writer_fails_other_reference_is_found(checks):
    names = ("good1", "fails-2", "fails-3", "fails-4", "f5", "f6", "fails-7")
    checked = checks(names, "fails-7", "good1")
    assert {cell.saved_with for cell in checked.results.cells} == {"good1"}


def test_check_unavailable_environment_is_tried_once(checks):
    checked = checks(("o1", "o2", "absent-3", "good4", *FAR), "good7")
    assert cells(checked) == {"good7": ("pass", "good7")}
    assert not any(env.added for env in checked.results.environments)


def test_check_lost_machine_ends_search(checks):
    checked = checks(("o1", "o2", "loses-machines"), "loses-machines", remedies="none")
    assert {cell.loaded_with: cell.status for cell in checked.results.asked_for} == {
        "loses-machines": Status.INFRA
    }


def test_check_no_plain_load_uses_harmless_remedy(checks):
    names = ("fails-1", "fails-2", "fails-no-compile", "fails-4-no-compile")
    message = "Could not locate function 'mse'. Make sure custom classes are decorated with "
    error = error_of("TypeError", f"{message}`@keras.saving.register_keras_serializable()`.")
    for name in names:
        checks.engine.behaviours[name] = BEHAVIOURS[name].but(error=error)
    checked = checks(names, "fails-no-compile", "fails-4-no-compile")
    assert {cell.saved_with for cell in checked.results.cells} == {"fails-no-compile"}
    for cell in checked.results.cells:
        assert cell.status is Status.FAIL
        assert cell.repaired_by.id == "no-compile"
        assert cell.repaired_by.lost == ("the compile state",)
    assert "the reference is fails-no-compile with no-compile" in (
        checked.results.scenarios[0].shows
    )


def test_check_second_run_measures_nothing(checks):
    names = ("fails-1", "fails-2", "fails-no-compile", "fails-4")
    first = checks(names, "fails-4", "fails-no-compile")
    checks.engine = FakeEngine(BEHAVIOURS)
    again = checks(names, "fails-4", "fails-no-compile")
    assert checks.engine.tasks == []
    assert cells(first) == cells(again)
    assert again.results.run.measured == 0


def test_check_named_reference_is_added(checks):
    checked = checks(("o1", "o2", "good3", "good4", *FAR), "good7", reference="good5")
    assert cells(checked) == {"good5": ("pass", "good5"), "good7": ("pass", "good5")}
    assert checks.taken() == ["good5"]


def test_check_unknown_reference_is_refused(checks):
    with pytest.raises(UsageError, match="unknown environment 'god3'") as error:
        checks(("o1", "o2", "good3"), "good3", reference="god3")
    assert "good3" in error.value.hint


def test_check_refused_everywhere_is_not_comparable(checks):
    checked = checks(("o1", "o2", "refuses-3", "refuses-4"), "refuses-3", "refuses-4")
    assert {cell.status for cell in checked.results.cells} == {Status.NOT_COMPARABLE}
    summary = checked.results.cells[0].summary
    assert summary.startswith("loads, same weights; outputs not compared: InvalidArgumentError: ")
    assert "--inputs" in summary


def test_check_refused_at_home_is_not_comparable_there(checks):
    checked = checks(("o1", "o2", "refuses-3", "good4"), "refuses-3", "good4")
    assert cells(checked) == {
        "refuses-3": ("not-comparable", "good4"), "good4": ("pass", "good4"),
    }  # fmt: skip
    assert "nor could it where it was saved" in checked.results.cells[0].summary


def test_check_call_failing_only_elsewhere_is_fail(checks):
    checked = checks(("o1", "o2", "good3", "cannot-call-4"), "good3", "cannot-call-4")
    assert cells(checked) == {
        "good3": ("pass", "good3"), "cannot-call-4": ("fail", "good3"),
    }  # fmt: skip
