import gc
import os
import socket
import struct
import subprocess
import sys
import threading
import time
import warnings

import docker.errors
import pytest
import requests

import docker
from kerasmatrix.config.matrix import Environment, Limits
from kerasmatrix.engines import docker as docker_module
from kerasmatrix.engines.base import EngineDisconnected, WorkDirs, WorkerStartFailed
from kerasmatrix.engines.docker import DockerEngine, docker_trouble
from kerasmatrix.engines.docker_channel import DockerChannel, Frames
from kerasmatrix.engines.docker_containers import Containers, container_settings
from kerasmatrix.engines.process_id import process_start_id
from kerasmatrix.engines.protocol import ChannelClosed, ChannelTimeout
from kerasmatrix.environments.locks import Lock
from kerasmatrix.errors import InfrastructureError

ENVIRONMENT = Environment(
    name="tf2.16-legacy",
    python="3.12",
    tensorflow="2.16.2",
    as_of="2024-07-31",
    variables={"TF_USE_LEGACY_KERAS": "1"},
)


def frame(stream, content):
    return struct.pack(">BxxxL", stream, len(content)) + content


@pytest.mark.parametrize("size", [1, 3, 8, 1000, 100_000])
def test_frames_cut_anywhere_give_whole_streams(size):
    data = frame(1, b"hello\n") + frame(2, b"") + frame(2, b"oops") + frame(1, b"x" * 70_000)
    frames = Frames()
    streams = {1: b"", 2: b""}
    for start in range(0, len(data), size):
        for stream, content in frames.feed(data[start : start + size]):
            streams[stream] += content
    assert streams == {1: b"hello\n" + b"x" * 70_000, 2: b"oops"}


def test_container_settings_are_hardened(tmp_path):
    place = WorkDirs(tmp_path / "scenarios", tmp_path / "artifacts", tmp_path / "scratch")
    settings = container_settings(ENVIRONMENT, place, Limits(memory_mb=1000), 1001, 1002)
    assert settings["network_mode"] == "none"
    assert settings["read_only"] is True
    assert settings["cap_drop"] == ["ALL"]
    assert settings["security_opt"] == ["no-new-privileges"]
    assert settings["user"] == "1001:1002"
    assert settings["mem_limit"] == settings["memswap_limit"] == "2536m"
    assert settings["pids_limit"] == Limits().processes
    assert settings["auto_remove"] is True
    assert settings["ipc_mode"] == "private"
    assert settings["stdin_open"] is True
    limits = {limit["Name"]: limit["Hard"] for limit in settings["ulimits"]}
    assert limits == {"core": 0, "nofile": 4096, "fsize": 8 << 30}
    assert settings["nano_cpus"] == 10**9
    # No process that a model starts can kill the first process, or outlive it.
    assert settings["init"] is False
    # The first process ignores SIGTERM.
    assert settings["stop_signal"] == "SIGKILL"
    assert settings["log_config"]["Type"] == "none"
    mounted = {mount["Target"]: mount["ReadOnly"] for mount in settings["mounts"]}
    assert mounted == {
        "/kerasmatrix/harness": True,
        "/kerasmatrix/scenarios": True,
        "/kerasmatrix/artifacts": True,
        "/kerasmatrix/scratch": False,
    }
    assert "privileged" not in settings
    assert "cap_add" not in settings
    assert settings["environment"]["TF_USE_LEGACY_KERAS"] == "1"
    assert "PATH" not in settings["environment"]


def event(action, **attributes):
    return {"Action": action, "Actor": {"Attributes": attributes}}


class FakeContainer:
    id = "c0ffee"

    def __init__(self, *events, removed=True):
        self.attrs = {"Created": "2026-01-01T00:00:00.123456789Z"}
        self.ours, self.harness = socket.socketpair()
        self.past = events
        self.removed = removed
        self.ended = threading.Event()
        self.forced = False

    def attach_socket(self, params):
        return self.ours

    def start(self):
        pass

    def wait(self, timeout, condition):
        assert (timeout, condition) == (None, "removed")
        self.ended.wait()
        if not self.removed:
            raise requests.ConnectionError("the daemon is gone")

    def kill(self):
        if self.ended.is_set():
            raise docker.errors.NotFound("no such container")
        self.end()

    def remove(self, *, force):
        self.forced = force

    def end(self):
        self.harness.close()
        self.ended.set()


class FakeClient:
    def __init__(self, container):
        self.container = container

    def info(self):
        return {"SystemTime": "2026-01-01T00:01:00.123456789Z"}

    def events(self, *, since, until, filters, decode):
        # The Docker Engine takes seconds only; the SDK says nothing when it refuses.
        assert since == 1767225600
        # By its own clock: it waits until a time that has not come there.
        assert until == since + 61
        assert filters["container"] == self.container.id
        return iter(self.container.past)


@pytest.fixture
def started():
    containers = []

    def start(*events, **options):
        container = FakeContainer(*events, **options)
        channel = DockerChannel(FakeClient(container), container)
        containers.append(channel)
        return container, channel

    yield start
    for channel in containers:
        channel.close()


def test_channel_carries_lines_both_ways(started):
    container, channel = started(event("die", exitCode="3"))
    channel.write(b"question\n")
    assert container.harness.recv(100) == b"question\n"
    container.harness.sendall(frame(1, b"ans") + frame(2, b"oops\n") + frame(1, b"wer\nnext\n"))
    assert channel.read_line(10) == b"answer"
    assert channel.read_line(10) == b"next"
    with pytest.raises(ChannelTimeout):
        channel.read_line(0)
    container.end()
    with pytest.raises(ChannelClosed):
        channel.read_line(10)
    assert channel.exit_reason() == ("exit code 3\noops", False)


@pytest.mark.parametrize(
    ("events", "words", "memory"),
    [
        ([event("oom"), event("die", exitCode="137")], "out of memory", True),
        # It was killed from outside.
        ([event("die", exitCode="137")], "exit code 137 (killed)", False),
        # A child ran out of memory long before.
        ([event("oom"), event("die", exitCode="1")], "exit code 1", False),
        ([], "does not say", False),
    ],
)
def test_exit_reason_memory_only_if_docker_reports_it(started, events, words, memory):
    container, channel = started(*events)
    container.end()
    how, blamed = channel.exit_reason()
    assert words in how
    assert blamed is memory


def test_channel_can_be_closed_twice(started):
    _, channel = started(event("die", exitCode="137"))
    channel.close()
    channel.close()
    with pytest.raises(ChannelClosed):
        channel.write(b"question\n")
    with pytest.raises(ChannelClosed):
        channel.read_line(10)


def test_channel_close_removes_container_by_force(started):
    container, channel = started(removed=False)
    channel.close()
    assert container.forced


class FakeApi:
    def __init__(self):
        self.found = []
        self.removed = []

    def add(self, name, state, *, age=0, runner="", start=""):
        labels = {"kerasmatrix.runner": runner, "kerasmatrix.runner-born": start}
        created = time.time() - age
        self.found.append({"Id": name, "State": state, "Created": created, "Labels": labels})

    def containers(self, **options):
        assert options["filters"] == {"label": "kerasmatrix.runner"}
        return self.found

    def remove_container(self, name, *, force):
        self.removed.append(name)


class FakeDocker:
    def __init__(self, api):
        self.api = api

    def close(self):
        pass


def test_containers_of_dead_runners_are_removed():
    api = FakeApi()
    api.add("just-created", "created", age=5)
    api.add("never-started", "created", age=100_000)
    pid, start = str(os.getpid()), process_start_id(os.getpid())
    api.add("ours", "running", runner=pid, start=start)
    api.add("of-a-dead-runner", "paused", runner="999999999", start=start)
    api.add("of-an-earlier-process", "running", runner=pid, start=f"{start}0")
    api.add("of-another-machine", "running", runner="999999999", start="other pid:[1] 5")
    containers = Containers(FakeDocker(api), patience=0)
    orphans = {"never-started", "of-a-dead-runner", "of-an-earlier-process"}
    assert set(api.removed) == orphans
    containers.close()
    containers.close()
    assert set(api.removed) == orphans


@pytest.fixture
def no_docker(monkeypatch, tmp_path):
    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/no.sock")
    with warnings.catch_warnings():
        # The SDK leaves its socket to the garbage collector if it cannot connect.
        warnings.simplefilter("ignore", ResourceWarning)
        yield
        gc.collect()


def test_docker_absent_at_first_use_disconnects(no_docker, tmp_path, lock):
    engine = DockerEngine("python:{python}-slim", tmp_path)
    with pytest.raises(EngineDisconnected, match="no Docker Engine") as error:
        engine.prepare(ENVIRONMENT, lock)
    assert "--engine local" in error.value.hint
    engine.close()


def test_docker_closed_before_use_does_not_connect(monkeypatch, tmp_path, lock):
    monkeypatch.setattr(docker, "from_env", lambda: pytest.fail("it connects"))
    engine = DockerEngine("python:{python}-slim", tmp_path)
    engine.close()
    with pytest.raises(EngineDisconnected, match="closed"):
        engine.prepare(ENVIRONMENT, lock)


def test_docker_trouble_unreachable_host_is_one_line(no_docker):
    trouble = docker_trouble()
    assert trouble
    assert "\n" not in trouble


def test_docker_trouble_without_socket_needs_no_sdk(monkeypatch, tmp_path):
    monkeypatch.delenv("DOCKER_HOST", raising=False)
    monkeypatch.setattr(docker_module, "SOCKET", tmp_path / "no.sock")
    monkeypatch.setitem(sys.modules, "docker", None)
    assert str(tmp_path / "no.sock") in docker_trouble()


def test_docker_trouble_answering_engine_is_none(monkeypatch):
    class Client:
        ping = close = staticmethod(lambda: True)

    monkeypatch.setenv("DOCKER_HOST", "tcp://example.invalid:1")
    monkeypatch.setattr(docker, "from_env", lambda timeout: Client)
    assert docker_trouble() is None


def test_docker_engine_unused_does_not_import_the_sdk():
    script = "import sys, kerasmatrix.engines.select; sys.exit('docker' in sys.modules)"
    subprocess.run([sys.executable, "-c", script], check=True)


class FakeImages:
    def __init__(self, *answers):
        self.answers = list(answers)

    def get(self, name):
        answer = self.answers.pop(0)
        if answer:
            raise answer
        return name


class FakeDaemon(FakeDocker):
    """Answers ``ping`` with what it is given, in turn, and then well."""

    def __init__(self, *pings, images=()):
        super().__init__(FakeApi())
        self.pings = list(pings)
        self.images = FakeImages(*images)

    def ping(self):
        if self.pings and (answer := self.pings.pop(0)):
            raise answer
        return True


@pytest.fixture
def lock(tmp_path):
    (tmp_path / "images").mkdir()
    (tmp_path / "images" / "Dockerfile").write_text("FROM scratch")
    return Lock(tmp_path / "lock.txt", "tensorflow==2.2.3\n")


REFUSED = requests.ConnectionError("connection refused")


@pytest.fixture
def engine_on(monkeypatch, tmp_path):
    """Returns an engine that connects to a fake Docker Engine."""

    def create(daemon, **options):
        monkeypatch.setattr(docker, "from_env", lambda: daemon)
        return DockerEngine("python:{python}-slim", tmp_path, **options)

    return create


def test_docker_back_in_time_is_waited_for(engine_on, lock):
    daemon = FakeDaemon(REFUSED, images=[None])
    engine_on(daemon).prepare(ENVIRONMENT, lock)
    assert not daemon.images.answers


def test_docker_gone_disconnects_the_engine(engine_on, lock):
    engine = engine_on(FakeDaemon(REFUSED, images=[None]), patience=0)
    with pytest.raises(EngineDisconnected, match="connection refused") as error:
        engine.prepare(ENVIRONMENT, lock)
    assert "run again" in error.value.hint


def test_docker_restarted_meanwhile_is_a_failed_start(engine_on, lock):
    engine = engine_on(FakeDaemon(images=[REFUSED]))
    with pytest.raises(WorkerStartFailed, match="the Docker Engine went away"):
        engine.prepare(ENVIRONMENT, lock)


def test_docker_refusal_is_an_error_of_the_environment(engine_on, lock):
    engine = engine_on(FakeDaemon(images=[docker.errors.APIError("no space left on device")]))
    with pytest.raises(InfrastructureError, match="no space left") as error:
        engine.prepare(ENVIRONMENT, lock)
    assert not isinstance(error.value, WorkerStartFailed | EngineDisconnected)
