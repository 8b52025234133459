import sys

import pytest

from kerasmatrix import cli
from kerasmatrix.config.matrix import load_matrix
from kerasmatrix.config.project import Project
from kerasmatrix.engines.select import open_engine
from tests.unit.fakes import make_project


@pytest.fixture
def refused(tmp_path, monkeypatch, capsys):
    """Runs a command line that is refused; returns its exit code and what it prints."""
    monkeypatch.chdir(tmp_path)
    make_project(tmp_path, "good")

    def run(*arguments, verb="run"):
        with pytest.raises(SystemExit) as leaving:
            cli.main([verb, *arguments])
        return leaving.value.code, capsys.readouterr().err

    return run


def test_dask_needs_a_scheduler(refused):
    code, said = refused("--engine", "dask", "--artifacts", "parcels")
    assert code == 2
    assert "--engine dask needs a scheduler" in said
    assert "--scheduler tcp://HOST:8786" in said


def test_dask_needs_a_folder_for_artifacts(refused):
    code, said = refused("--engine", "dask", "--scheduler", "tcp://127.0.0.1:1")
    assert code == 2
    assert "--artifacts s3://BUCKET/FOLDER" in said


def test_cluster_options_without_dask_are_an_error(refused):
    code, said = refused("--engine", "local", "--scheduler", "tcp://127.0.0.1:1")
    assert code == 2
    assert "of no use without --engine dask" in said


def test_dask_not_installed_has_a_hint(refused, monkeypatch):
    for name in [name for name in sys.modules if name.startswith("kerasmatrix.engines.dask")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "distributed", None)
    code, said = refused(
        "--engine", "dask", "--scheduler", "tcp://127.0.0.1:1", "--artifacts", "parcels"
    )
    assert code == 2
    assert "distributed is not installed" in said
    assert "pip install 'kerasmatrix[dask]'" in said


def test_check_accepts_cluster_options(refused, tmp_path):
    (tmp_path / "model.h5").touch()
    code, said = refused("model.h5", "--engine", "dask", verb="check")
    assert code == 2
    assert "--engine dask needs a scheduler" in said
    code, said = refused("model.h5", "--engine", "local", "--artifacts", "parcels", verb="check")
    assert code == 2
    assert "of no use without --engine dask" in said


def test_docker_without_socket_exits_3_at_once(refused, monkeypatch, tmp_path):
    monkeypatch.delenv("DOCKER_HOST", raising=False)
    monkeypatch.setattr("kerasmatrix.engines.docker.SOCKET", tmp_path / "no.sock")
    code, printed = refused("--engine", "docker")
    assert code == 3
    assert "no.sock" in printed
    assert "--engine local" in printed
    assert not (tmp_path / "reports" / "index.html").exists()


def test_auto_without_docker_says_that_it_uses_local(monkeypatch, tmp_path, caplog):
    monkeypatch.delenv("DOCKER_HOST", raising=False)
    monkeypatch.setattr("kerasmatrix.engines.docker.SOCKET", tmp_path / "no.sock")
    matrix_file = make_project(tmp_path, "good")
    engine = open_engine("auto", load_matrix(matrix_file), Project(matrix_file))
    assert engine.name == "local"
    assert "no.sock" in caplog.text
    engine.close()


def test_docker_is_opened_without_connecting(monkeypatch, tmp_path):
    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/no.sock")
    matrix_file = make_project(tmp_path, "good")
    (tmp_path / "images" / "Dockerfile").write_text("FROM scratch")
    engine = open_engine("docker", load_matrix(matrix_file), Project(matrix_file))
    assert (engine.name, engine.sandbox) == ("docker", True)
    engine.close()
