import subprocess
import sys

import pytest

from kerasmatrix.environments import interpreters
from kerasmatrix.environments.interpreters import find_interpreter
from kerasmatrix.errors import InfrastructureError

HERE = f"{sys.version_info.major}.{sys.version_info.minor}"


@pytest.fixture
def no_uv(monkeypatch):
    """A uv that finds nothing and may fetch nothing."""
    asked = []

    def uv(*arguments):
        asked.append(arguments)
        return subprocess.CompletedProcess(arguments, 2, "", "error: no download found\nmore")

    monkeypatch.setattr(interpreters, "_uv", uv)
    return asked


@pytest.fixture
def empty(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    monkeypatch.setenv("PYENV_ROOT", str(tmp_path / "pyenv"))
    (tmp_path / "bin").mkdir()
    return tmp_path


def put(path, script):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(script)
    path.chmod(0o755)


def test_find_interpreter_on_path_is_used(empty, no_uv):
    (empty / "bin" / f"python{HERE}").symlink_to(sys.executable)
    assert find_interpreter(HERE) == empty / "bin" / f"python{HERE}"
    assert no_uv == []


def test_find_interpreter_broken_shim_uses_pyenv(empty, no_uv):
    put(empty / "bin" / f"python{HERE}", "#!/bin/sh\necho 'command not found' >&2\nexit 127\n")
    for patch in ("9", "10"):
        path = empty / "pyenv" / "versions" / f"{HERE}.{patch}" / "bin" / f"python{HERE}"
        path.parent.mkdir(parents=True)
        path.symlink_to(sys.executable)
    assert f"{HERE}.10" in str(find_interpreter(HERE))


def test_find_interpreter_wrong_version_is_skipped(empty, no_uv):
    (empty / "bin" / "python3.99").symlink_to(sys.executable)
    with pytest.raises(InfrastructureError, match=r"no CPython 3\.99"):
        find_interpreter("3.99")


def test_find_interpreter_absent_shows_reason_of_uv(empty, no_uv):
    with pytest.raises(InfrastructureError, match="no download found") as caught:
        find_interpreter("3.99")
    assert ("python", "install", "--no-bin", "3.99") in no_uv
    assert "docker engine" in caught.value.hint
