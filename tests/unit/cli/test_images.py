import importlib

import pytest

from kerasmatrix import cli
from kerasmatrix.config.matrix import load_matrix
from kerasmatrix.environments import prune as pruning
from kerasmatrix.environments.locks import read_lock
from kerasmatrix.environments.uses import InUse
from kerasmatrix.environments.venvs import venv_name
from tests.unit.fakes import FakeEngine, make_project


@pytest.fixture
def run(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    make_project(tmp_path, "good", "absent")
    engine = FakeEngine()
    module = importlib.import_module("kerasmatrix.cli.images")
    monkeypatch.setattr(module, "open_engine", lambda *_: engine)

    def run(*arguments):
        with pytest.raises(SystemExit) as leaving:
            cli.main(["images", *arguments])
        printed = capsys.readouterr()
        return leaving.value.code, printed.out + printed.err, engine

    return run


def test_what_can_be_made_is_made_and_the_rest_is_said(run):
    code, printed, engine = run()
    assert code == 3
    assert "good: ready" in printed
    assert "absent: no CPython 3.8" in printed
    assert engine.closed


def test_only_what_is_named_is_made(run):
    code, printed, _ = run("--environments", "good")
    assert code == 0
    assert "absent" not in printed


def use(mark, matrix):
    in_use = InUse(matrix)
    in_use.take(mark)
    in_use.close()


@pytest.fixture
def prune(run, tmp_path, monkeypatch):
    """Prune virtual environments: one of an older lock, one of another matrix, one that is used."""
    monkeypatch.setenv("KERASMATRIX_CACHE", str(tmp_path / "cache"))
    matrix = load_matrix(tmp_path / "matrix.yaml")
    lock = read_lock(tmp_path / "images" / "locks", matrix.environments["good"])
    folder = tmp_path / "cache" / "environments"
    names = [venv_name(matrix.environments["good"], lock), "good-0123456789ab", "tf9-ba9876543210"]
    for name in names:
        (folder / name).mkdir(parents=True)
        (folder / name / "file").write_bytes(b"x" * 1_000_000)
        use(folder / name, tmp_path / "matrix.yaml")

    def prune(*arguments):
        code, printed, _ = run("prune", "--engine", "local", *arguments)
        left = [path.name for path in folder.iterdir() if (path / "file").exists()]
        return code, printed, sorted(left)

    prune.names = names
    prune.folder = folder
    return prune


def test_what_the_matrix_does_not_name_is_removed(prune):
    code, printed, left = prune()
    assert code == 0
    assert left == prune.names[:1]
    assert "good-0123456789ab: removed" in printed
    assert "1 virtual environments: 0.0 GB on disk" in printed


def test_all_is_all(prune):
    assert prune("--all")[2] == []


def test_a_dry_run_removes_nothing(prune):
    code, printed, left = prune("--dry-run", "--all")
    assert code == 0
    assert left == sorted(prune.names)
    assert printed.count("would be removed") == 3
    assert "GB would be freed" in printed


def test_what_is_used_stays_and_is_said(prune, monkeypatch):
    monkeypatch.setattr(pruning, "_is_in_use", lambda folder: folder.name == "tf9-ba9876543210")
    code, printed, left = prune()
    assert code == 3
    assert "tf9-ba9876543210: stays: a process uses it" in printed
    assert left == sorted([prune.names[0], "tf9-ba9876543210"])


def test_prune_keeps_what_another_project_needs(prune, tmp_path):
    other = tmp_path / "other"
    other.mkdir()
    make_project(other, "good", "elsewhere")
    environments = load_matrix(other / "matrix.yaml").environments
    lock = read_lock(other / "images" / "locks", environments["elsewhere"])
    name = venv_name(environments["elsewhere"], lock)
    (prune.folder / name).mkdir()
    (prune.folder / name / "file").touch()
    use(prune.folder / name, other / "matrix.yaml")
    code, printed, left = prune("--older-than", "0", "--all")
    assert code == 0
    # Both projects have the same lock of `good`.
    assert left == sorted([name, prune.names[0]])
    assert f"{name}: stays: {other / 'matrix.yaml'} needs it" in printed
    (other / "matrix.yaml").unlink()
    assert prune("--older-than", "0")[2] == prune.names[:1]


def test_prune_keeps_what_was_used_lately_elsewhere(prune, tmp_path):
    other = tmp_path / "other"
    other.mkdir()
    make_project(other, "good")
    use(prune.folder / "tf9-ba9876543210", other / "matrix.yaml")
    code, printed, left = prune()
    assert code == 0
    assert "tf9-ba9876543210" in left
    assert f"{other / 'matrix.yaml'} used it on" in printed
    assert prune("--older-than", "0")[2] == prune.names[:1]


def test_nothing_is_taken_for_old_whose_lock_cannot_be_read(prune, tmp_path):
    (tmp_path / "images" / "locks" / "good.txt").unlink()
    code, printed, left = prune()
    assert code == 2
    assert left == sorted(prune.names)
    assert "good" in printed


def test_without_docker_there_is_nothing_to_prune(run, monkeypatch):
    module = importlib.import_module("kerasmatrix.cli.images")
    monkeypatch.setattr(module, "docker_trouble", lambda: "connection refused")
    code, printed, _ = run("prune")
    assert code == 3
    assert "no Docker Engine: connection refused" in printed
