import os

import pytest

import docker
from kerasmatrix.engines.docker import DockerEngine, docker_trouble
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


@pytest.fixture(autouse=True)
def _no_container_is_left(client):
    """After each test, no container of this process is there any more."""
    yield
    label = f"kerasmatrix.runner={os.getpid()}"
    assert client.containers.list(all=True, filters={"label": label}) == []
