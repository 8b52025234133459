import importlib

import pytest

from kerasmatrix import cli
from kerasmatrix.errors import UsageError
from tests.unit.fakes import make_project


@pytest.fixture
def run(tmp_path, monkeypatch, capsys):
    """Runs `kerasmatrix lock` where resolving `bad…` fails."""
    monkeypatch.chdir(tmp_path)
    make_project(tmp_path, "good", "bad", "bad2")
    resolved = []

    def resolve(matrix, environment, folder):
        resolved.append(environment.name)
        if environment.name.startswith("bad"):
            raise UsageError(f"{environment.name} cannot be locked", hint="correct it")

    module = importlib.import_module("kerasmatrix.cli.lock")
    monkeypatch.setattr(module, "resolve", resolve)

    def run(*names):
        with pytest.raises(SystemExit) as leaving:
            cli.main(["lock", *names])
        printed = capsys.readouterr()
        return leaving.value.code, sorted(resolved), printed.out + printed.err

    return run


def test_lock_without_names_locks_all(run):
    assert run()[1] == ["bad", "bad2", "good"]


def test_lock_named_locks_only_it(run):
    code, resolved, printed = run("good")
    assert (code, resolved) == (0, ["good"])
    assert "good: 1 packages" in printed


def test_lock_failure_does_not_stop_others(run):
    code, _, printed = run()
    assert code == 2
    assert "bad cannot be locked" in printed
    assert "bad2 cannot be locked" in printed
    assert printed.count("correct it") == 2
    assert "good: 1 packages" in printed


def test_lock_unknown_name_is_a_usage_error(run):
    code, resolved, printed = run("god")
    assert (code, resolved) == (2, [])
    assert "did you mean 'good'?" in printed
