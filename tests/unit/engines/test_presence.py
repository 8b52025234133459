import gc
import socketserver
import sys
import threading
import warnings

import docker.errors
import pytest

import docker
from kerasmatrix.engines import presence


@pytest.fixture
def engine(tmp_path, monkeypatch):
    """Something at the socket where a Docker Engine would be; called with what it answers."""
    path = tmp_path / "docker.sock"
    monkeypatch.setattr(presence, "SOCKET", str(path))
    monkeypatch.delenv("DOCKER_HOST", raising=False)
    servers = []

    def answer(line):
        class Handler(socketserver.StreamRequestHandler):
            def handle(self):
                self.rfile.readline()
                self.wfile.write(line)

        server = socketserver.UnixStreamServer(str(path), Handler)
        servers.append(server)
        threading.Thread(target=server.serve_forever, args=(0.01,)).start()

    yield answer
    for server in servers:
        server.shutdown()
        server.server_close()


@pytest.fixture
def sdk(monkeypatch):
    """The SDK finds no engine."""

    def from_env(**_):
        raise docker.errors.DockerException("the SDK finds none\nat all")

    monkeypatch.setattr(docker, "from_env", from_env)


def trouble():
    with warnings.catch_warnings():
        # The SDK leaves its socket to the garbage collector when it cannot connect.
        warnings.simplefilter("ignore", ResourceWarning)
        found = presence.docker_trouble()
        gc.collect()
    return found


def test_one_that_answers_is_there_and_the_sdk_is_not_asked(engine, monkeypatch):
    engine(b"HTTP/1.0 200 OK\r\n\r\nOK")
    monkeypatch.setitem(sys.modules, "docker", None)
    assert trouble() is None


@pytest.mark.parametrize("line", [b"HTTP/1.1 500 Oh no\r\n\r\n", b"hello\r\n", b""])
def test_what_answers_otherwise_is_none(engine, sdk, line):
    engine(line)
    assert trouble() == "the SDK finds none"


def test_the_trouble_is_said_in_a_line(monkeypatch, tmp_path):
    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/no.sock")
    said = trouble()
    assert said
    assert "\n" not in said


def test_the_one_that_the_user_names_is_asked_and_no_other(engine, monkeypatch, tmp_path):
    engine(b"HTTP/1.0 200 OK\r\n\r\nOK")
    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/no.sock")
    assert trouble()
