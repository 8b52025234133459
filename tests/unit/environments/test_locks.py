import hashlib
import subprocess
from pathlib import Path

import pytest

from kerasmatrix.config.matrix import Environment, Matrix
from kerasmatrix.environments import locks
from kerasmatrix.environments.locks import PINNED, Lock, read_lock, resolve
from kerasmatrix.errors import InfrastructureError, UsageError

ENVIRONMENT = Environment(
    name="tf2.16-legacy",
    python="3.12",
    tensorflow="2.16.2",
    tf_keras="2.16.0",
    as_of="2024-07-31",
    source_packages=("gast", "wrapt"),
)
BODY = (
    "gast==0.3.3 \\\n    --hash=sha256:22 \\\n    --hash=sha256:33\n"
    "tensorflow-cpu==2.16.2 \\\n    --hash=sha256:00\ntf-keras==2.16.0 --hash=sha256:11\n"
)
BUILD = "setuptools==72.1.0 \\\n    --hash=sha256:44\n"
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
    """A fake uv: records its command and input, and behaves as configured."""
    seen = {}

    def run(command, **_):
        if "stderr" in seen:
            return subprocess.CompletedProcess(command, 1, "", seen["stderr"])
        made = Path(command[command.index("--output-file") + 1])
        assert not made.exists()  # uv keeps to the versions that it finds there
        if "--excludes" not in command:
            seen["build"] = command
            seen["build requirements"] = Path(command[-1]).read_text()
            made.write_text(BUILD)
            return subprocess.CompletedProcess(command, 0, "", "")
        seen["command"] = command
        seen["requirements"] = Path(command[-1]).read_text()
        seen["excludes"] = Path(command[command.index("--excludes") + 1]).read_text()
        if "--build-constraints" in command:
            seen["constraints"] = Path(
                command[command.index("--build-constraints") + 1]
            ).read_text()
        made.write_text(BODY)
        return subprocess.CompletedProcess(command, 0, "", "")

    monkeypatch.setattr(locks.subprocess, "run", run)
    return seen


def test_resolve_uses_day_hashes_and_wheels(uv, tmp_path):
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


def test_resolve_of_a_backend_asks_the_second_index(uv, tmp_path):
    environment = Environment(
        name="keras3.15-torch", backend="torch", python="3.13", keras="3.15.1", as_of="2026-08-15",
        index="https://wheels.example/cpu",
    )  # fmt: skip
    path = resolve(MATRIX, environment, tmp_path)
    assert "--index https://wheels.example/cpu" in " ".join(uv["command"])
    assert uv["requirements"].split() == ["keras==3.15.1", "torch"]
    assert "--extra-index-url https://wheels.example/cpu" in path.read_text().splitlines()


def test_read_lock_returns_packages(uv, tmp_path):
    resolve(MATRIX, ENVIRONMENT, tmp_path)
    lock = read_lock(tmp_path, ENVIRONMENT)
    assert lock.packages == {"gast": "0.3.3", "tensorflow-cpu": "2.16.2", "tf-keras": "2.16.0"}
    assert lock.content == lock.path.read_text()


def test_resolve_with_sources_writes_a_build_lock(uv, tmp_path):
    resolve(MATRIX, ENVIRONMENT, tmp_path)
    command = " ".join(uv["build"])
    for option in ("--exclude-newer 2024-07-31", "--generate-hashes", "--only-binary :all:",
                   "--python-version 3.12"):  # fmt: skip
        assert option in command
    assert "--no-binary" not in command
    assert uv["build requirements"].split() == ["setuptools", "wheel"]
    assert uv["constraints"] == BUILD
    lock = read_lock(tmp_path, ENVIRONMENT)
    assert lock.build.endswith(BUILD)
    assert lock.build == (tmp_path / "build" / "tf2.16-legacy.txt").read_text()


def test_resolve_without_sources_writes_no_build_lock(uv, tmp_path):
    plain = ENVIRONMENT.model_copy(update={"source_packages": ()})
    resolve(MATRIX, plain, tmp_path)
    lock = read_lock(tmp_path, plain)
    assert (lock.build, lock.sources) == ("", "")
    assert "build" not in uv
    assert [path.name for path in tmp_path.iterdir()] == ["tf2.16-legacy.txt"]


def test_sources_are_the_lock_entries_of_source_packages(uv, tmp_path):
    resolve(MATRIX, ENVIRONMENT, tmp_path)
    assert read_lock(tmp_path, ENVIRONMENT).sources == (
        "--no-binary gast\n--no-binary wrapt\n"
        "gast==0.3.3 \\\n    --hash=sha256:22 \\\n    --hash=sha256:33\n"
    )


def test_digest_covers_the_build_lock(uv, tmp_path):
    resolve(MATRIX, ENVIRONMENT, tmp_path)
    before = read_lock(tmp_path, ENVIRONMENT).digest
    build = tmp_path / "build" / "tf2.16-legacy.txt"
    build.write_text("# a comment\n" + build.read_text())
    assert read_lock(tmp_path, ENVIRONMENT).digest == before
    build.write_text(build.read_text().replace("sha256:44", "sha256:45"))
    assert read_lock(tmp_path, ENVIRONMENT).digest != before


def test_read_lock_missing_build_lock_has_a_hint(uv, tmp_path):
    resolve(MATRIX, ENVIRONMENT, tmp_path)
    (tmp_path / "build" / "tf2.16-legacy.txt").unlink()
    with pytest.raises(UsageError, match=r"build/tf2\.16-legacy\.txt.*source packages") as caught:
        read_lock(tmp_path, ENVIRONMENT)
    assert "nox -s lock -- tf2.16-legacy" in caught.value.hint


def test_digest_ignores_comments(uv, tmp_path):
    path = resolve(MATRIX, ENVIRONMENT, tmp_path)
    before = read_lock(tmp_path, ENVIRONMENT).digest
    path.write_text("# another comment\n" + path.read_text())
    assert read_lock(tmp_path, ENVIRONMENT).digest == before
    path.write_text(path.read_text().replace("sha256:00", "sha256:01"))
    assert read_lock(tmp_path, ENVIRONMENT).digest != before


def test_resolve_unknown_version_is_a_usage_error(uv, tmp_path):
    uv["stderr"] = "error: No solution found when resolving dependencies: no tensorflow-cpu==2.16.9"
    with pytest.raises(UsageError, match=r"tf2\.16-legacy.*Python 3\.12") as caught:
        resolve(MATRIX, ENVIRONMENT, tmp_path)
    assert "no tensorflow-cpu==2.16.9" in caught.value.message
    assert "matrix.yaml" in caught.value.hint
    assert list(tmp_path.iterdir()) == []


def test_resolve_without_network_is_infrastructure(uv, tmp_path):
    uv["stderr"] = "error: Failed to fetch: connection refused"
    with pytest.raises(InfrastructureError, match="connection refused"):
        resolve(MATRIX, ENVIRONMENT, tmp_path)


def test_locks_of_the_project_fit_their_environments(pytestconfig):
    from kerasmatrix.config.matrix import load_matrix

    root = pytestconfig.rootpath
    matrix = load_matrix(root / "matrix.yaml")
    environments = (*matrix.environments.values(), *matrix.exporting)
    for environment in environments:
        lock = read_lock(root / "images" / "locks", environment)
        text = lock.path.read_text()
        assert text.count("--hash=sha256:") >= len(lock.packages)
        assert {"numpy", "h5py"} <= lock.packages.keys()
        assert bool(lock.build) == bool(environment.source_packages)
        built = dict(PINNED.findall(lock.build))
        assert lock.build.count("--hash=sha256:") >= len(built)
        if built:
            named = {each[0] for each in PINNED.findall(lock.sources)}
            assert named == set(environment.source_packages)
            assert set(environment.build_packages) <= built.keys()
    folder = root / "images" / "locks"
    assert {path.stem for path in folder.glob("*.txt")} == {env.name for env in environments}
    assert {path.stem for path in (folder / "build").iterdir()} == {
        environment.name for environment in environments if environment.source_packages
    }


def test_locks_without_source_packages_keep_their_identity(pytestconfig):
    """Their results stay known: the digest is that of the lock's text alone."""
    from kerasmatrix.config.matrix import load_matrix

    root = pytestconfig.rootpath
    environments = load_matrix(root / "matrix.yaml").environments
    lock = read_lock(root / "images" / "locks", environments["tf2.15"])
    lines = [line for line in lock.content.splitlines() if not line.startswith("#")]
    assert lock.digest == hashlib.sha256("\n".join(lines).encode()).hexdigest()


def test_lock_of_nightly_builds_has_keras(tmp_path):
    lock = Lock(tmp_path / "x.txt", "keras-nightly==3.16.0.dev2026102704\n")
    assert (lock.keras_major, "keras" in lock.importable) == (3, True)


@pytest.mark.parametrize(
    ("keras", "excluded"),
    [
        ("3.15.1", ["tensorflow", "keras-nightly"]),
        ("3.16.0.dev2026102704", ["tensorflow", "keras"]),
    ],
)
def test_resolve_leaves_out_the_other_keras(tmp_path, monkeypatch, keras, excluded):
    asked = {}

    def run(command, **_):
        asked["excludes"] = Path(command[command.index("--excludes") + 1]).read_text().split()
        Path(command[command.index("--output-file") + 1]).write_text("numpy==2.1.0\n")
        return subprocess.CompletedProcess(command, 0, "", "")

    monkeypatch.setattr("kerasmatrix.environments.locks.subprocess.run", run)
    environment = Environment(
        name="x", tensorflow="2.21.0", keras=keras, python="3.13", as_of="2026-12-01"
    )
    resolve(MATRIX, environment, tmp_path)
    assert asked["excludes"] == excluded
