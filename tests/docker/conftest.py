import os

import pytest

import docker
from kerasmatrix.config.matrix import load_matrix
from kerasmatrix.engines.base import Workplace
from kerasmatrix.engines.docker import DockerEngine
from kerasmatrix.engines.presence import docker_trouble
from kerasmatrix.environments.locks import read_lock
from tests.real import ROOT


@pytest.fixture(scope="session")
def engine():
    """The Docker engine, or a reason why there is none."""
    trouble = docker_trouble()
    if trouble:
        reason = f"no Docker Engine: {trouble}"
        if os.environ.get("KERASMATRIX_REQUIRE_DOCKER"):
            pytest.fail(reason)
        pytest.skip(reason)
    opened = DockerEngine("python:{python}-slim", ROOT)
    yield opened
    opened.close()


@pytest.fixture(scope="session")
def client(engine):
    opened = docker.from_env()
    yield opened
    opened.close()


@pytest.fixture(scope="session")
def tf24():
    """An environment that is quick to open, and its lock."""
    environment = load_matrix(ROOT / "matrix.yaml").environments["tf2.4"]
    return environment, read_lock(ROOT / "images" / "locks", environment)


@pytest.fixture
def place(tmp_path):
    made = Workplace(tmp_path / "scenarios", tmp_path / "artifacts", tmp_path / "scratch")
    for folder in (made.scenarios, made.artifacts, made.scratch):
        folder.mkdir()
    return made


@pytest.fixture(autouse=True)
def _no_container_is_left(client):
    """After each test, no container of this process is there any more."""
    yield
    label = f"kerasmatrix.runner={os.getpid()}"
    # The low-level list: the other one asks about each container again, also one just removed.
    assert client.api.containers(all=True, filters={"label": label}) == []
