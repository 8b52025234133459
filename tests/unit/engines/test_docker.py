import gc
import struct
import warnings

from kerasmatrix.engines.base import Workplace
from kerasmatrix.engines.docker import Frames, container_settings, docker_trouble
from kerasmatrix.matrix import Environment, Limits

ENVIRONMENT = Environment(
    name="tf2.16-legacy",
    python="3.12",
    tensorflow="2.16.2",
    as_of="2024-07-31",
    variables={"TF_USE_LEGACY_KERAS": "1"},
)


def frame(stream, content):
    return struct.pack(">BxxxL", stream, len(content)) + content


def test_frames_come_whole_however_the_bytes_are_cut():
    data = frame(1, b"hello\n") + frame(2, b"") + frame(2, b"oops") + frame(1, b"x" * 70_000)
    whole = [(1, b"hello\n"), (2, b""), (2, b"oops"), (1, b"x" * 70_000)]
    for size in (1, 3, 8, 1000, len(data)):
        frames = Frames()
        parts = [data[start : start + size] for start in range(0, len(data), size)]
        assert [found for part in parts for found in frames.feed(part)] == whole


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
    writable = {bind["bind"] for bind in settings["volumes"].values() if bind["mode"] == "rw"}
    assert writable == {"/kerasmatrix/scratch"}
    assert settings["environment"]["TF_USE_LEGACY_KERAS"] == "1"
    assert "PATH" not in settings["environment"]


def test_without_a_docker_engine_the_trouble_is_said_in_a_line(monkeypatch, tmp_path):
    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/no.sock")
    with warnings.catch_warnings():
        # The SDK leaves its socket to the garbage collector when it cannot connect.
        warnings.simplefilter("ignore", ResourceWarning)
        trouble = docker_trouble()
        gc.collect()
    assert trouble
    assert "\n" not in trouble
