import os
import types

import docker.errors
import pytest

from kerasmatrix.environments import pruning
from kerasmatrix.environments.pruning import Disk, MadeImages, MadeVenvs

BASE = "org.opencontainers.image.base.name"
MINE = {"kerasmatrix.environment": "tf2.2", BASE: "python:3.8-slim"}


class FakeImages:
    """Images by tag, with size and labels; those in `busy` have a container."""

    def __init__(self, images, busy=()):
        self.images = dict(images)
        self.busy = busy

    def _as_image(self, tag):
        size, labels = self.images[tag]
        return types.SimpleNamespace(
            id=f"sha256:{tag}", tags=[tag], labels=labels, attrs={"Size": size}
        )

    def list(self, filters):
        label = filters["label"]
        return [self._as_image(tag) for tag, (_, labels) in self.images.items() if label in labels]

    def get(self, tag):
        if not tag:
            raise docker.errors.NullResource("no name")
        if tag not in self.images:
            raise docker.errors.ImageNotFound(tag)
        return self._as_image(tag)

    def remove(self, tag):
        if tag in self.busy:
            response = types.SimpleNamespace(status_code=409, reason="Conflict")
            raise docker.errors.APIError("conflict", response=response)
        if tag not in self.images:
            raise docker.errors.ImageNotFound(tag)
        del self.images[tag]


@pytest.fixture
def images():
    def make(busy=(), **more):
        found = {
            "python:3.8-slim": (100, {}),
            "kerasmatrix/tf2.2:a": (1000, MINE),
            "kerasmatrix/tf2.3:b": (1100, MINE),
            "somebody/tf2.2:a": (5000, {"maintainer": "somebody"}),
            **more,
        }
        return MadeImages(types.SimpleNamespace(images=FakeImages(found, busy)))

    return make


def test_only_images_of_ours_are_seen(images):
    assert images().names() == ["kerasmatrix/tf2.2:a", "kerasmatrix/tf2.3:b"]


def test_a_base_image_is_counted_once_and_stays(images):
    made = images()
    assert made.disk(made.names()) == Disk(total=900 + 1000 + 100, freed=1900)
    assert made.disk([]) == Disk(0, 0)


def test_a_base_image_that_is_gone_is_freed_with_ours(images):
    made = images(**{"kerasmatrix/old:c": (700, {**MINE, BASE: "python:3.6-slim"})})
    assert made.disk(["kerasmatrix/old:c"]) == Disk(700, 700)
    unnamed = images(**{"kerasmatrix/old:c": (700, {"kerasmatrix.environment": "old"})})
    assert unnamed.disk(["kerasmatrix/old:c"]) == Disk(700, 700)


def test_an_image_is_removed_unless_a_container_uses_it(images):
    made = images(busy=("kerasmatrix/tf2.3:b",))
    assert made.remove("kerasmatrix/tf2.2:a") is None
    assert made.remove("kerasmatrix/tf2.2:a") is None
    assert made.remove("kerasmatrix/tf2.3:b") == "a container uses it"
    assert made.names() == ["kerasmatrix/tf2.3:b"]


OLD, NEW = "tf2.2-0123456789ab", "tf2.2-ba9876543210"
KILO = b"x" * 65536


@pytest.fixture
def venvs(tmp_path):
    for name in (OLD, NEW):
        (tmp_path / "environments" / name / "bin").mkdir(parents=True)
        (tmp_path / "environments" / name / "own").write_bytes(KILO)
        (tmp_path / "environments" / f"{name}.lock").touch()
    (tmp_path / "environments" / "notes").mkdir()
    return MadeVenvs(tmp_path)


def test_only_folders_of_environments_are_seen(venvs, tmp_path):
    assert venvs.names() == [OLD, NEW]
    assert MadeVenvs(tmp_path / "nowhere").names() == []


def test_what_uvs_cache_holds_too_is_not_freed(venvs, tmp_path):
    alone = venvs.disk([OLD])
    assert alone.total == alone.freed >= len(KILO)
    (tmp_path / "cache").write_bytes(KILO)
    os.link(tmp_path / "cache", tmp_path / "environments" / OLD / "linked")
    linked = venvs.disk([OLD])
    assert linked.freed == alone.freed
    assert linked.total == 2 * alone.total


def test_what_two_share_is_counted_once_and_freed_with_both(venvs, tmp_path):
    folder = tmp_path / "environments"
    before = venvs.disk([OLD, NEW])
    (folder / OLD / "shared").write_bytes(KILO)
    os.link(folder / OLD / "shared", folder / NEW / "shared")
    assert venvs.disk([OLD, NEW]).freed == before.freed + before.total // 2
    assert venvs.disk([OLD]).freed == before.freed // 2


def test_an_environment_is_removed_with_its_lock_unless_a_process_uses_it(
    venvs, tmp_path, monkeypatch
):
    processes = tmp_path / "proc" / "7"
    processes.mkdir(parents=True)
    folder = tmp_path / "environments"
    (processes / "cmdline").write_bytes(os.fsencode(folder / OLD / "bin" / "python") + b"\0-u\0x")
    monkeypatch.setattr(pruning, "PROCESSES", tmp_path / "proc")
    assert venvs.remove(OLD) == "a process uses it"
    assert venvs.remove(NEW) is None
    assert sorted(path.name for path in folder.iterdir()) == ["notes", OLD, f"{OLD}.lock"]


def test_what_cannot_be_removed_says_why(venvs):
    assert "No such file" in venvs.remove("tf2.9-000000000000")
