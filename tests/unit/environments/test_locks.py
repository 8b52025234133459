import subprocess
from pathlib import Path

import pytest

from kerasmatrix.environments import locks
from kerasmatrix.environments.locks import read_lock, resolve
from kerasmatrix.errors import InfrastructureError, UsageError
from kerasmatrix.matrix import Environment, Matrix

ENVIRONMENT = Environment(
    name="tf2.16-legacy",
    python="3.12",
    tensorflow="2.16.2",
    tf_keras="2.16.0",
    as_of="2024-07-31",
    source_packages=("gast", "wrapt"),
)
BODY = "tensorflow-cpu==2.16.2 \\\n    --hash=sha256:00\ntf-keras==2.16.0 --hash=sha256:11\n"
MATRIX = Matrix.model_validate(
    {
        "schema_version": 1,
        "environments": {"tf2.16-legacy": ENVIRONMENT.model_dump(exclude={"name"})},
        "groups": {"default": {"environments": "*"}},
        "scenarios": ["first"],
    }
)


@pytest.fixture
def uv(monkeypatch):
    """Stands for uv: notes its command and what it read, and does what it is told to."""
    seen = {}

    def run(command, **_):
        seen["command"] = command
        seen["requirements"] = Path(command[-1]).read_text()
        seen["excludes"] = Path(command[command.index("--excludes") + 1]).read_text()
        if "stderr" in seen:
            return subprocess.CompletedProcess(command, 1, "", seen["stderr"])
        Path(command[command.index("--output-file") + 1]).write_text(BODY)
        return subprocess.CompletedProcess(command, 0, "", "")

    monkeypatch.setattr(locks.subprocess, "run", run)
    return seen


def test_a_lock_is_resolved_as_of_its_day_with_hashes_and_wheels_only(uv, tmp_path):
    path = resolve(MATRIX, ENVIRONMENT, tmp_path / "locks")
    command = " ".join(uv["command"])
    for option in ("--exclude-newer 2024-07-31", "--generate-hashes", "--only-binary :all:",
                   "--no-binary gast", "--python-version 3.12",
                   "--python-platform x86_64-manylinux_2_28"):  # fmt: skip
        assert option in command
    assert uv["requirements"].split() == ["tensorflow-cpu==2.16.2", "tf_keras==2.16.0"]
    assert uv["excludes"] == "tensorflow\n"
    lines = path.read_text().splitlines()
    # pip heeds the last word on a package, so the names must come after `:all:`.
    assert lines[2:5] == ["--only-binary :all:", "--no-binary gast", "--no-binary wrapt"]


def test_a_lock_is_read_with_its_packages(uv, tmp_path):
    resolve(MATRIX, ENVIRONMENT, tmp_path)
    lock = read_lock(tmp_path, ENVIRONMENT)
    assert lock.packages == {"tensorflow-cpu": "2.16.2", "tf-keras": "2.16.0"}


def test_only_what_is_installed_makes_the_digest(uv, tmp_path):
    path = resolve(MATRIX, ENVIRONMENT, tmp_path)
    before = read_lock(tmp_path, ENVIRONMENT).digest
    path.write_text("# another comment\n" + path.read_text())
    assert read_lock(tmp_path, ENVIRONMENT).digest == before
    path.write_text(path.read_text().replace("sha256:00", "sha256:01"))
    assert read_lock(tmp_path, ENVIRONMENT).digest != before


def test_a_version_that_does_not_exist_is_the_users_to_mend(uv, tmp_path):
    uv["stderr"] = "error: No solution found when resolving dependencies: no tensorflow-cpu==2.16.9"
    with pytest.raises(UsageError, match=r"tf2\.16-legacy.*Python 3\.12") as caught:
        resolve(MATRIX, ENVIRONMENT, tmp_path)
    assert "no tensorflow-cpu==2.16.9" in caught.value.message
    assert "matrix.yaml" in caught.value.hint
    assert list(tmp_path.iterdir()) == []


def test_a_network_that_is_down_is_not_the_users_fault(uv, tmp_path):
    uv["stderr"] = "error: Failed to fetch: connection refused"
    with pytest.raises(InfrastructureError, match="connection refused"):
        resolve(MATRIX, ENVIRONMENT, tmp_path)


def test_every_lock_of_the_project_fits_its_environment(pytestconfig):
    from kerasmatrix.matrix import load_matrix

    root = pytestconfig.rootpath
    environments = load_matrix(root / "matrix.yaml").environments
    for environment in environments.values():
        lock = read_lock(root / "images" / "locks", environment)
        text = lock.path.read_text()
        assert text.count("--hash=sha256:") >= len(lock.packages)
        assert {"numpy", "h5py"} <= lock.packages.keys()
    files = {path.stem for path in (root / "images" / "locks").glob("*.txt")}
    assert files == set(environments)
