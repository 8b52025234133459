"""`kerasmatrix early-warning` on fake environments, and an index that is made up."""

import importlib
from pathlib import Path

import pytest

from kerasmatrix import api
from kerasmatrix.config.matrix import Environment
from kerasmatrix.errors import InfrastructureError, UsageError

FOLDER = Path("reports/early-warning")


@pytest.fixture
def warning(command, monkeypatch):
    """Return a function that runs the command with coming versions of the names given."""
    module = importlib.import_module("kerasmatrix.cli.early_warning")
    command.project("good")

    def reproduce(*_, **__):
        raise UsageError("no model")

    def resolve(_matrix, environment, folder):
        if environment.name == "cannot-lock":
            raise InfrastructureError("no wheels")
        folder.mkdir(parents=True, exist_ok=True)
        lock = f"tensorflow-cpu=={environment.tensorflow} \\\n    --hash=sha256:00\n"
        (folder / f"{environment.name}.txt").write_text(lock)

    def coming(*names):
        return [
            Environment(name=name, tensorflow="2.9.0rc0", python="3.8", as_of="2026-01-01")
            for name in names
        ]

    def run(*names):
        monkeypatch.setattr(module, "coming_environments", lambda _: coming(*names))
        return command(verb="early-warning")

    monkeypatch.setattr(module, "resolve", resolve)
    monkeypatch.setattr(api, "reproduce", reproduce)
    return run


def test_early_warning_of_a_break_writes_an_issue(warning):
    code, _, output = warning("fails")
    assert code == 1
    text = (FOLDER / "early-warning.md").read_text()
    assert "TensorFlow 2.9.0rc0" in text
    assert "### Breaks" in text
    assert text in output
    (issue,) = (FOLDER / "issues").iterdir()
    assert "def load(path)" in issue.read_text()
    assert f"(issues/{issue.name})" in text


def test_early_warning_without_a_change_succeeds(warning):
    code, _, output = warning("better")
    assert code == 0
    assert "2 cells compared: 0 worse, 0 better, 0 with other numbers." in output


def test_early_warning_unavailable_version_is_inconclusive(warning):
    code, _, output = warning("absent")
    assert code == 3
    assert "Not measured: " in output


def test_early_warning_other_numbers_count(warning):
    code, _, output = warning("drifts")
    assert code == 1
    assert "### Other numbers" in output


def test_early_warning_version_without_a_lock_is_left_out(warning):
    code, _, output = warning("cannot-lock", "better")
    assert code == 0
    assert "no wheels" in output
    assert "## better" in output


def test_early_warning_without_any_version_is_inconclusive(warning):
    code, _, output = warning("cannot-lock")
    assert code == 3
    assert "no pre-release and no nightly build" in output
