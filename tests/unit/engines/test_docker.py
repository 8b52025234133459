import gc
import os
import socket
import struct
import threading
import time
import warnings

import docker.errors
import pytest
import requests

from kerasmatrix.config.matrix import Environment, Limits
from kerasmatrix.engines.base import EngineLost, NotStarted, Workplace
from kerasmatrix.engines.docker import (
    DockerChannel,
    DockerEngine,
    Frames,
    container_settings,
)
from kerasmatrix.engines.process_id import birth
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


def test_a_container_is_hardened(tmp_path):
    place = Workplace(tmp_path / "scenarios", tmp_path / "artifacts", tmp_path / "scratch")
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
    # The harness is the first process: none that a model begins can end it or outlive it.
    assert settings["init"] is False
    # Its own SIGTERM is nothing to it.
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


def test_a_channel_carries_lines_both_ways_and_keeps_the_errors_apart(started):
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
    assert channel.epitaph() == ("exit code 3\noops", False)


@pytest.mark.parametrize(
    ("events", "words", "memory"),
    [
        ([event("oom"), event("die", exitCode="137")], "out of memory", True),
        # Somebody killed it.
        ([event("die", exitCode="137")], "exit code 137 (killed)", False),
        # A child ran out of memory long before.
        ([event("oom"), event("die", exitCode="1")], "exit code 1", False),
        ([], "does not say", False),
    ],
)
def test_memory_is_the_reason_only_where_the_docker_engine_says_so(started, events, words, memory):
    container, channel = started(*events)
    container.end()
    how, blamed = channel.epitaph()
    assert words in how
    assert blamed is memory


def test_a_channel_may_be_closed_twice(started):
    _, channel = started(event("die", exitCode="137"))
    channel.close()
    channel.close()
    with pytest.raises(ChannelClosed):
        channel.write(b"question\n")
    with pytest.raises(ChannelClosed):
        channel.read_line(10)


def test_a_container_that_is_not_seen_to_go_is_removed(started):
    container, channel = started(removed=False)
    channel.close()
    assert container.forced


class FakeApi:
    def __init__(self):
        self.found = []
        self.removed = []

    def add(self, name, state, *, age=0, runner="", born=""):
        labels = {"kerasmatrix.runner": runner, "kerasmatrix.runner-born": born}
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


def test_containers_that_lost_their_runner_are_removed(tmp_path):
    api = FakeApi()
    api.add("just-made", "created", age=5)
    api.add("never-started", "created", age=100_000)
    pid, born = str(os.getpid()), birth(os.getpid())
    api.add("ours", "running", runner=pid, born=born)
    api.add("of-a-runner-that-is-gone", "paused", runner="999999999", born=born)
    api.add("of-an-earlier-process", "running", runner=pid, born=f"{born}0")
    api.add("of-elsewhere", "running", runner="999999999", born="other pid:[1] 5")
    engine = DockerEngine("python:{python}-slim", tmp_path, FakeDocker(api))
    gone = {"never-started", "of-a-runner-that-is-gone", "of-an-earlier-process"}
    assert set(api.removed) == gone
    engine.close()
    engine.close()
    assert set(api.removed) == gone


def test_no_docker_engine_is_infrastructure_trouble(monkeypatch, tmp_path):
    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/no.sock")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)
        with pytest.raises(InfrastructureError, match="no Docker Engine"):
            DockerEngine("python:{python}-slim", tmp_path)
        gc.collect()


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


def test_an_engine_that_comes_back_in_time_is_waited_for(tmp_path, lock):
    daemon = FakeDaemon(REFUSED, images=[None])
    engine = DockerEngine("python:{python}-slim", tmp_path, daemon)
    engine.prepare(ENVIRONMENT, lock)
    assert not daemon.images.answers


def test_an_engine_that_is_gone_ends_the_run_and_not_an_environment(tmp_path, lock):
    daemon = FakeDaemon(REFUSED, images=[None])
    engine = DockerEngine("python:{python}-slim", tmp_path, daemon, patience=0)
    with pytest.raises(EngineLost, match="does not answer any more: connection refused") as told:
        engine.prepare(ENVIRONMENT, lock)
    assert "run again" in told.value.hint


def test_what_an_engine_that_went_away_did_not_do_may_be_asked_again(tmp_path, lock):
    daemon = FakeDaemon(images=[REFUSED])
    engine = DockerEngine("python:{python}-slim", tmp_path, daemon)
    with pytest.raises(NotStarted, match="the Docker Engine went away"):
        engine.prepare(ENVIRONMENT, lock)


def test_what_an_engine_refuses_is_the_environments_trouble(tmp_path, lock):
    daemon = FakeDaemon(images=[docker.errors.APIError("no space left on device")])
    engine = DockerEngine("python:{python}-slim", tmp_path, daemon)
    with pytest.raises(InfrastructureError, match="no space left") as told:
        engine.prepare(ENVIRONMENT, lock)
    assert not isinstance(told.value, NotStarted | EngineLost)
