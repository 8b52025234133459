import io
import tarfile
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import docker.errors
import pytest

from kerasmatrix.config.matrix import Environment
from kerasmatrix.environments.identity import read_dockerfile
from kerasmatrix.environments.images import (
    base_of,
    build_context,
    build_log,
    ensure_image,
    image_mark,
    image_tag,
)
from kerasmatrix.environments.locks import Lock, read_lock
from kerasmatrix.environments.uses import InUse, removing, uses_of
from kerasmatrix.errors import InfrastructureError

ENVIRONMENT = Environment(name="tf2.2", python="3.8", tensorflow="2.2.3", as_of="2021-07-15")


class FakeApi:
    def __init__(self, images, messages):
        self.images = images
        self.messages = messages
        self.builds = []

    def build(self, **options):
        self.builds.append(options)
        if not any("error" in message for message in self.messages):
            self.images.add(options["tag"])
        return iter(self.messages)


class FakeImages:
    def __init__(self, names):
        self.names = names

    def get(self, name):
        if name not in self.names:
            raise docker.errors.ImageNotFound(name)

    def pull(self, name):
        raise docker.errors.APIError(f"no route to the registry of {name}")


class FakeClient:
    def __init__(self, *names, messages=()):
        self.names = set(names)
        self.images = FakeImages(self.names)
        self.api = FakeApi(self.names, list(messages))


@pytest.fixture
def project(tmp_path, monkeypatch):
    monkeypatch.setenv("KERASMATRIX_CACHE", str(tmp_path / "cache"))
    (tmp_path / "images" / "locks").mkdir(parents=True)
    (tmp_path / "images" / "Dockerfile").write_text("FROM scratch\n")
    (tmp_path / "images" / "locks" / "tf2.2.txt").write_text("tensorflow-cpu==2.2.3\n")
    return tmp_path


@pytest.fixture
def lock(project):
    return read_lock(project / "images" / "locks", ENVIRONMENT)


def make(client, lock, project):
    dockerfile = read_dockerfile(project)
    return ensure_image(client, ENVIRONMENT, lock, "mirror/python:{python}-slim", dockerfile)


def test_image_tag_changes_with_the_content(lock):
    tag = image_tag(ENVIRONMENT, lock, "python:3.8-slim", b"FROM x")
    assert tag.startswith("kerasmatrix/tf2.2:")
    other = Lock(lock.path, "tensorflow-cpu==2.2.2\n")
    assert tag != image_tag(ENVIRONMENT, other, "python:3.8-slim", b"FROM x")
    assert tag != image_tag(ENVIRONMENT, lock, "mirror/python:3.8-slim", b"FROM x")
    assert tag != image_tag(ENVIRONMENT, lock, "python:3.8-slim", b"FROM y")
    later = ENVIRONMENT.model_copy(update={"python": "3.9"})
    assert tag != image_tag(later, lock, "python:3.8-slim", b"FROM x")


def test_image_edited_lock_file_is_not_used(project, lock):
    client = FakeClient("mirror/python:3.8-slim")
    lock.path.write_text("tensorflow-cpu==2.2.2\n")
    make(client, lock, project)
    with tarfile.open(fileobj=client.api.builds[0]["fileobj"]) as archive:
        content = archive.extractfile("images/locks/tf2.2.txt").read()
    assert content == b"tensorflow-cpu==2.2.3\n"


def test_read_dockerfile_missing_names_it(project):
    (project / "images" / "Dockerfile").unlink()
    with pytest.raises(InfrastructureError, match="images/Dockerfile: cannot be read"):
        read_dockerfile(project)


def test_build_context_is_dockerfile_lock_and_uv():
    lock = Lock(Path("tf2.2.txt"), "lock")
    context = io.BytesIO(build_context(b"FROM x", lock, "tf2.2"))
    with tarfile.open(fileobj=context) as archive:
        assert archive.getnames() == ["images/Dockerfile", "images/locks/tf2.2.txt", "uv"]
        assert archive.getmember("uv").mode == 0o700
        assert archive.extractfile("images/locks/tf2.2.txt").read() == b"lock"


def test_build_of_source_packages_gets_the_build_lock(project, lock):
    client = FakeClient("mirror/python:3.8-slim", messages=[{"stream": "done\n"}])
    make(client, replace(lock, build="setuptools==59.4.0\n"), project)
    (build,) = client.api.builds
    place = build["buildargs"]["BUILD_LOCK"]
    with tarfile.open(fileobj=build["fileobj"]) as archive:
        assert archive.extractfile(place).read() == b"setuptools==59.4.0\n"


def test_ensure_image_holds_the_image_until_closed(project, lock):
    in_use = InUse(project / "matrix.yaml")
    client = FakeClient("mirror/python:3.8-slim", messages=[{"stream": "done\n"}])
    dockerfile = read_dockerfile(project)
    tag = ensure_image(client, ENVIRONMENT, lock, "mirror/python:{python}-slim", dockerfile, in_use)
    with removing(image_mark(tag)) as reason:
        assert reason == "a process uses it"
    in_use.close()
    with removing(image_mark(tag)) as reason:
        assert reason is None
    assert [use.matrix for use in uses_of(image_mark(tag))] == [project / "matrix.yaml"]


def test_ensure_image_builds_once(project, lock):
    client = FakeClient("mirror/python:3.8-slim", messages=[{"stream": "done\n"}])
    tag = make(client, lock, project)
    assert make(client, lock, project) == tag
    (build,) = client.api.builds
    assert build["buildargs"] == {
        "BASE": "mirror/python:3.8-slim",
        "LOCK": "images/locks/tf2.2.txt",
    }
    assert build["labels"]["kerasmatrix.lock"] == lock.digest
    assert build["custom_context"] is True


def test_ensure_image_existing_needs_no_cache_folder(project, lock, monkeypatch):
    client = FakeClient("mirror/python:3.8-slim")
    tag = make(client, lock, project)
    (project / "file").touch()
    monkeypatch.setenv("KERASMATRIX_CACHE", str(project / "file"))
    assert make(client, lock, project) == tag


def test_ensure_image_concurrent_builds_once(project, lock):
    client = FakeClient("mirror/python:3.8-slim")
    with ThreadPoolExecutor(4) as pool:
        tags = list(pool.map(lambda _: make(client, lock, project), range(4)))
    assert len(set(tags)) == 1
    assert len(client.api.builds) == 1


def test_ensure_image_missing_base_names_the_setting(project, lock):
    with pytest.raises(InfrastructureError, match=r"mirror/python:3\.8-slim") as caught:
        make(FakeClient(), lock, project)
    assert "base_image" in caught.value.hint


def test_ensure_image_failure_shows_the_log(project, lock):
    messages = [
        {"stream": "Step 1\n"},
        {"stream": "ERROR: no matching distribution\n"},
        {"error": "returned a non-zero code: 1"},
    ]
    client = FakeClient("mirror/python:3.8-slim", messages=messages)
    with pytest.raises(InfrastructureError, match="no matching distribution") as caught:
        make(client, lock, project)
    assert caught.value.hint


def test_ensure_image_docker_error_is_infrastructure(project, lock):
    client = FakeClient()

    def get(name):
        raise docker.errors.APIError("the daemon is going down")

    client.images.get = get
    with pytest.raises(InfrastructureError, match="going down"):
        make(client, lock, project)


def test_build_log_returns_lines():
    assert build_log([{"stream": "a\n\nb\n"}, {"aux": {}}]) == (None, ["a", "b"])
    assert build_log([{"stream": "a"}, {"error": "x\n"}]) == ("x", ["a"])


def test_base_of_fills_in_the_python():
    assert base_of("registry.example/python:{python}-slim", ENVIRONMENT) == (
        "registry.example/python:3.8-slim"
    )


def test_dockerfile_of_the_project_is_at_its_path(pytestconfig):
    assert (Path(pytestconfig.rootpath) / "images" / "Dockerfile").read_text().startswith("#")
