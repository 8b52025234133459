"""The contents of the wheel, and that it works without a checkout."""

import zipfile
from pathlib import Path

import pytest

from tests.installed import install
from tests.real import ROOT


@pytest.fixture(scope="module")
def installed(tmp_path_factory):
    return install(tmp_path_factory.mktemp("installed"))


@pytest.fixture
def team(installed, tmp_path):
    """A new project, as made by `kerasmatrix init`."""
    done = installed.run(tmp_path, "kerasmatrix", "init")
    assert done.returncode == 0, done.stderr
    return tmp_path


@pytest.fixture(scope="module")
def names(installed):
    with zipfile.ZipFile(installed.wheel) as wheel:
        return set(wheel.namelist())


@pytest.mark.parametrize("folder", ["images", "scenarios"])
def test_wheel_contains_every_bundled_file(names, folder):
    files = [
        path for path in (ROOT / folder).rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    ]  # fmt: skip
    assert len(files) > 30
    assert {f"kerasmatrix/bundled/{path.relative_to(ROOT)}" for path in files} <= names


def test_wheel_contains_matrix_page_and_starter(names):
    assert {
        "kerasmatrix/bundled/matrix.yaml",
        "kerasmatrix/bundled/images/Dockerfile",
        "kerasmatrix/report/templates/index.html.j2",
        "kerasmatrix/harness/__main__.py",
        "kerasmatrix/diagnosis/causes.yaml",
        "kerasmatrix/cli/starter/gitignore",
        "kerasmatrix/cli/starter/workflow.yml",
        "kerasmatrix/cli/starter/files_workflow.yml",
    } <= names


def test_wheel_contains_only_the_package(names):
    assert {name.split("/")[0] for name in names} == {
        "kerasmatrix",
        next(name for name in names if name.endswith("/METADATA")).split("/")[0],
    }
    parts = {part for name in names for part in Path(name).parts}
    assert not parts & {"tests", "reports", "bench", "__pycache__", ".git"}


def test_init_project_can_be_planned(installed, team):
    done = installed.run(
        team, "kerasmatrix", "run", "--dry-run", "--group", "quick", "--engine", "local"
    )
    assert done.returncode == 0, done.stderr
    assert "load tf2.15's my_model as keras" in done.stdout
    assert "8 saves and 16 loads to do, 0 known, 0 cells unsupported." in done.stdout


def test_init_noxfile_has_the_documented_sessions(installed, team):
    listed = installed.run(team, "nox", "--list")
    assert listed.returncode == 0, listed.stderr
    for session in ("matrix", "gate", "lock"):
        assert f"* {session} -> " in listed.stdout


def test_init_project_can_select_a_bundled_scenario(installed, team):
    done = installed.run(
        team, "kerasmatrix", "run", "--dry-run", "--engine", "local",
        "--environments", "tf2.21", "--scenarios", "lstm", "--formats", "keras",
    )  # fmt: skip
    assert "save lstm as keras" in done.stdout
