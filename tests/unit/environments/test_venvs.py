import subprocess
import sysconfig
from pathlib import Path

import pytest

from kerasmatrix.config.matrix import Environment
from kerasmatrix.config.places import default_cache
from kerasmatrix.environments import venvs
from kerasmatrix.environments.locks import Lock, read_lock
from kerasmatrix.environments.venvs import ensure_venv, venv_name
from kerasmatrix.errors import InfrastructureError

ENVIRONMENT = Environment(name="tf2.4", python="3.8", tensorflow="2.4.4", as_of="2021-12-01")
LOCK = Lock(Path("tf2.4.txt"), "tensorflow-cpu==2.4.4 --hash=sha256:00\n")
SOURCES = Lock(
    LOCK.path,
    "--only-binary :all:\n--no-binary wrapt\n\nnumpy==1.19.5 \\\n    --hash=sha256:00\n"
    "wrapt==1.12.1 \\\n    --hash=sha256:11\n",
    "setuptools==59.4.0 \\\n    --hash=sha256:22\n",
)


class Commands(list):
    def __init__(self):
        super().__init__()
        self.installed = []


@pytest.fixture
def uv(monkeypatch):
    """Stands for uv: makes an interpreter where `uv venv` would, and keeps what it installs."""
    commands = Commands()

    def run(arguments, on_download):
        command = ["uv", *arguments]
        commands.append(command[1:])
        if command[1] == "pip":
            commands[-1] = [*command[1:-1], Path(command[-1]).read_text()]
        if command[1] == "venv":
            python = Path(command[-1], "bin", "python")
            python.parent.mkdir(parents=True)
            python.touch()
            version = Path(command[command.index("--python") + 1]).name.removeprefix("python")
            settings = f"home = /usr/bin\nversion_info = {version}.7\n"
            (python.parent.parent / "pyvenv.cfg").write_text(settings)
        else:
            commands.installed.append(Path(command[-1]).read_text())
        failing = "fails" in commands[0]
        return subprocess.CompletedProcess(command, int(failing), "", "no space")

    monkeypatch.setattr(venvs, "run_uv", run)
    monkeypatch.setattr(venvs, "find_interpreter", lambda python: Path(f"/python{python}"))
    return commands


def test_ensure_venv_creates_once_with_bytecode(uv, tmp_path):
    python = ensure_venv(ENVIRONMENT, LOCK, tmp_path)
    assert python == tmp_path / "environments" / venv_name(ENVIRONMENT, LOCK) / "bin" / "python"
    assert ensure_venv(ENVIRONMENT, LOCK, tmp_path) == python
    assert [command[:2] for command in uv] == [["venv", "--no-project"], ["pip", "sync"]]
    assert {"--require-hashes", "--compile-bytecode"} <= set(uv[1])
    assert uv.installed == [LOCK.content]


def test_ensure_venv_with_sources_builds_with_locked_packages(uv, tmp_path):
    ensure_venv(ENVIRONMENT, SOURCES, tmp_path)
    _, build, sources, rest = uv
    assert build[:2] == ["pip", "sync"]
    assert sources[:2] == ["pip", "install"]
    assert {"--no-build-isolation", "--no-cache", "--no-deps"} <= set(sources)
    assert rest[:2] == ["pip", "sync"]
    assert all("--require-hashes" in command for command in (build, sources, rest))
    builders, built, whole = uv.installed
    assert (builders, whole) == (SOURCES.build, SOURCES.content)
    assert "wrapt==1.12.1" in built
    assert "numpy" not in built


def test_ensure_venv_installs_what_its_digest_names(uv, tmp_path):
    path = tmp_path / "tf2.4.txt"
    path.write_text(LOCK.content)
    lock = read_lock(tmp_path, ENVIRONMENT)
    path.write_text("tensorflow-cpu==2.4.5 --hash=sha256:99\n")  # as a pull during the run would
    ensure_venv(ENVIRONMENT, lock, tmp_path / "cache")
    assert uv.installed == [LOCK.content]


def test_ensure_venv_other_lock_is_another_venv(uv, tmp_path):
    other = Lock(LOCK.path, LOCK.content.replace("2.4.4", "2.4.3"))
    assert ensure_venv(ENVIRONMENT, LOCK, tmp_path) != ensure_venv(ENVIRONMENT, other, tmp_path)


def test_venv_of_another_python_is_another(uv, tmp_path):
    later = ENVIRONMENT.model_copy(update={"python": "3.9"})
    first, second = (ensure_venv(each, LOCK, tmp_path) for each in (ENVIRONMENT, later))
    assert first != second
    assert [command[command.index("--python") + 1] for command in uv if command[0] == "venv"] == [
        "/python3.8", "/python3.9",
    ]  # fmt: skip


@pytest.mark.parametrize(
    "change",
    [
        lambda monkeypatch: monkeypatch.setattr(venvs, "RECIPE", "uv venv && pip install"),
        lambda monkeypatch: monkeypatch.setattr(sysconfig, "get_platform", lambda: "linux-riscv"),
    ],
    ids=["recipe", "platform"],
)
def test_venv_name_changes_with_the_recipe(monkeypatch, change):
    before = venv_name(ENVIRONMENT, LOCK)
    change(monkeypatch)
    assert venv_name(ENVIRONMENT, LOCK) != before


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("pyvenv.cfg", "version_info = 3.11.7\n"),
        ("pyvenv.cfg", "nothing"),
        (venvs.COMPLETE, "ab" * 32),
    ],
)
def test_ensure_venv_wrong_content_is_created_again(uv, tmp_path, name, content):
    folder = ensure_venv(ENVIRONMENT, LOCK, tmp_path).parent.parent
    (folder / name).write_text(content)
    ensure_venv(ENVIRONMENT, LOCK, tmp_path)
    assert len(uv) == 4
    assert "version_info = 3.8." in (folder / "pyvenv.cfg").read_text()


def test_ensure_venv_edited_lock_file_is_not_used(uv, tmp_path):
    path = tmp_path / "tf2.4.txt"
    path.write_text(LOCK.content)
    lock = read_lock(tmp_path, ENVIRONMENT)
    path.write_text(LOCK.content.replace("2.4.4", "2.4.3"))
    ensure_venv(ENVIRONMENT, lock, tmp_path)
    assert uv.installed == [LOCK.content]


def test_ensure_venv_interrupted_is_created_again(uv, tmp_path):
    python = ensure_venv(ENVIRONMENT, LOCK, tmp_path)
    (python.parent.parent / venvs.COMPLETE).unlink()
    (python.parent / "half").touch()
    ensure_venv(ENVIRONMENT, LOCK, tmp_path)
    assert not (python.parent / "half").exists()
    assert len(uv) == 4


def test_ensure_venv_failure_of_uv_is_infrastructure(uv, tmp_path):
    uv.append(["fails"])
    with pytest.raises(InfrastructureError, match="`uv venv` failed: no space"):
        ensure_venv(ENVIRONMENT, LOCK, tmp_path)
    assert not list(tmp_path.rglob(venvs.COMPLETE))


def test_default_cache_is_set_by_a_variable(monkeypatch, tmp_path):
    monkeypatch.setenv("KERASMATRIX_CACHE", str(tmp_path))
    assert default_cache() == tmp_path


def test_ensure_venv_reports_downloads_of_a_new_environment_only(uv, tmp_path):
    downloads = []
    ensure_venv(ENVIRONMENT, LOCK, tmp_path, downloads.append)
    assert downloads == [(0, 0)]
    ensure_venv(ENVIRONMENT, LOCK, tmp_path, downloads.append)
    assert downloads == [(0, 0)]
