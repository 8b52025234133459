import subprocess
from pathlib import Path

import pytest

from kerasmatrix.environments import venvs
from kerasmatrix.environments.locks import Lock, read_lock
from kerasmatrix.environments.venvs import default_cache, ensure_venv
from kerasmatrix.errors import InfrastructureError
from kerasmatrix.matrix import Environment

ENVIRONMENT = Environment(name="tf2.4", python="3.8", tensorflow="2.4.4", as_of="2021-12-01")
LOCK = Lock(Path("tf2.4.txt"), "ab" * 32, {}, "tensorflow==2.4.4 --hash=sha256:00\n")
SOURCES = Lock(
    LOCK.path,
    "ef" * 32,
    {},
    "--only-binary :all:\n--no-binary wrapt\n\nnumpy==1.19.5 \\\n    --hash=sha256:00\n"
    "wrapt==1.12.1 \\\n    --hash=sha256:11\n",
    "setuptools==59.4.0 \\\n    --hash=sha256:22\n",
)


@pytest.fixture
def uv(monkeypatch):
    """Stands for uv: makes an interpreter where `uv venv` would."""
    commands = []

    def run(command, **_):
        commands.append(command[1:])
        if command[1] == "pip":
            commands[-1] = [*command[1:-1], Path(command[-1]).read_text()]
        if command[1] == "venv":
            python = Path(command[-1], "bin", "python")
            python.parent.mkdir(parents=True)
            python.touch()
        failing = "fails" in commands[0]
        return subprocess.CompletedProcess(command, int(failing), "", "no space")

    monkeypatch.setattr(venvs.subprocess, "run", run)
    monkeypatch.setattr(venvs, "find_interpreter", lambda python: Path(f"/python{python}"))
    return commands


def test_an_environment_is_made_once_with_bytecode(uv, tmp_path):
    python = ensure_venv(ENVIRONMENT, LOCK, tmp_path)
    assert python == tmp_path / "environments" / "tf2.4-abababababab" / "bin" / "python"
    assert ensure_venv(ENVIRONMENT, LOCK, tmp_path) == python
    assert [command[:2] for command in uv] == [["venv", "--quiet"], ["pip", "sync"]]
    assert {"--require-hashes", "--compile-bytecode", LOCK.text} <= set(uv[1])


def test_ensure_venv_with_sources_builds_with_locked_packages(uv, tmp_path):
    ensure_venv(ENVIRONMENT, SOURCES, tmp_path)
    _, build, sources, rest = uv
    assert build[:2] == ["pip", "sync"]
    assert build[-1] == SOURCES.build
    assert sources[:2] == ["pip", "install"]
    assert {"--no-build-isolation", "--no-cache", "--no-deps"} <= set(sources)
    assert "wrapt==1.12.1" in sources[-1]
    assert "numpy" not in sources[-1]
    assert rest[-1] == SOURCES.text
    assert all("--require-hashes" in command for command in (build, sources, rest))


def test_ensure_venv_installs_what_its_digest_names(uv, tmp_path):
    path = tmp_path / "tf2.4.txt"
    path.write_text(LOCK.text)
    lock = read_lock(tmp_path, ENVIRONMENT.model_copy(update={"distribution": "tensorflow"}))
    path.write_text("tensorflow==2.4.5 --hash=sha256:99\n")  # as a pull during the run would
    ensure_venv(ENVIRONMENT, lock, tmp_path / "cache")
    assert uv[-1][-1] == LOCK.text


def test_another_lock_is_another_environment(uv, tmp_path):
    other = Lock(LOCK.path, "cd" * 32, {})
    assert ensure_venv(ENVIRONMENT, LOCK, tmp_path) != ensure_venv(ENVIRONMENT, other, tmp_path)


def test_what_an_interrupted_attempt_left_is_made_anew(uv, tmp_path):
    python = ensure_venv(ENVIRONMENT, LOCK, tmp_path)
    (python.parent.parent / venvs.COMPLETE).unlink()
    (python.parent / "half").touch()
    ensure_venv(ENVIRONMENT, LOCK, tmp_path)
    assert not (python.parent / "half").exists()
    assert len(uv) == 4


def test_a_failure_of_uv_is_infrastructure_and_leaves_nothing_that_looks_whole(uv, tmp_path):
    uv.append(["fails"])
    with pytest.raises(InfrastructureError, match="`uv venv` failed: no space"):
        ensure_venv(ENVIRONMENT, LOCK, tmp_path)
    assert not list(tmp_path.rglob(venvs.COMPLETE))


def test_the_cache_can_be_named(monkeypatch, tmp_path):
    monkeypatch.setenv("KERASMATRIX_CACHE", str(tmp_path))
    assert default_cache() == tmp_path
