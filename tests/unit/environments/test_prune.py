import contextlib
import datetime
import os
import subprocess
import sys
import time
import types

import docker.errors
import pytest

from kerasmatrix.environments import prune
from kerasmatrix.environments.prune import Disk, MadeImages, MadeVenvs, Others
from kerasmatrix.environments.uses import InUse
from kerasmatrix.environments.venvs import COMPLETE
from kerasmatrix.errors import UsageError

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


def test_remove_venv_leaves_its_empty_lock_files_alone(venvs, tmp_path):
    folder = tmp_path / "environments"
    (folder / NEW / COMPLETE).touch()
    assert venvs.remove(NEW) is None
    left = [path for path in folder.iterdir() if path.name.startswith(NEW)]
    assert sorted(path.name for path in left) == [f"{NEW}.in-use", f"{NEW}.lock"]
    assert all(path.stat().st_size == 0 for path in left)


def test_remove_venv_with_a_process_in_it_says_so(venvs, tmp_path, monkeypatch):
    processes = tmp_path / "proc" / "7"
    processes.mkdir(parents=True)
    folder = tmp_path / "environments"
    (processes / "cmdline").write_bytes(os.fsencode(folder / OLD / "bin" / "python") + b"\0-u\0x")
    monkeypatch.setattr(prune, "PROCESSES", tmp_path / "proc")
    assert venvs.remove(OLD) == "a process uses it"
    assert venvs.remove(NEW) is None
    assert (folder / OLD / "own").exists()


HOLD = """\
import sys
from pathlib import Path
from kerasmatrix.environments.uses import InUse, making
mark = Path(sys.argv[2])
if sys.argv[1] == "make":
    with making(mark):
        print("held", flush=True)
        sys.stdin.read()
else:
    InUse().take(mark)
    print("held", flush=True)
    sys.stdin.read()
"""


@contextlib.contextmanager
def another_process(what, mark):
    """Have another process make or use what ``mark`` names."""
    process = subprocess.Popen(
        [sys.executable, "-c", HOLD, what, mark], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    try:
        assert process.stdout.readline() == b"held\n"
        yield process
    finally:
        process.communicate()


@pytest.mark.parametrize(
    ("what", "reason"), [("make", "a process is making it"), ("use", "a process uses it")]
)
def test_remove_venv_that_another_process_holds_says_why(venvs, what, reason):
    with another_process(what, venvs.mark(OLD)):
        assert venvs.remove(OLD) == reason
        assert (venvs.mark(OLD) / "own").exists()
        assert venvs.mark(OLD).with_name(f"{OLD}.lock").exists()
    assert venvs.remove(OLD) is None
    assert not venvs.mark(OLD).exists()


def test_remove_venv_of_a_killed_user_works(venvs):
    with another_process("use", venvs.mark(OLD)) as process:
        process.kill()
    assert venvs.remove(OLD) is None


@pytest.mark.parametrize(
    ("what", "reason"), [("make", "a process is making it"), ("use", "a process uses it")]
)
def test_remove_image_that_another_process_holds_says_why(images, what, reason):
    made = images()
    with another_process(what, made.mark("kerasmatrix/tf2.2:a")):
        assert made.remove("kerasmatrix/tf2.2:a") == reason
        assert "kerasmatrix/tf2.2:a" in made.names()
    assert made.remove("kerasmatrix/tf2.2:a") is None


def test_mark_of_an_untagged_image_is_that_of_its_build(images):
    labels = {**MINE, "kerasmatrix.tag": "kerasmatrix/tf2.2:a"}
    made = images(**{"sha256:77": (1000, labels)})
    assert made.mark("sha256:77") == made.mark("kerasmatrix/tf2.2:a")


def test_what_cannot_be_removed_says_why(venvs):
    assert "No such file" in venvs.remove("tf2.9-000000000000")


WEEK = datetime.timedelta(days=7)


def others(venvs, own, wanted, grace=WEEK):
    """What other projects need; ``wanted`` maps their matrices to names, or to None."""

    def wanted_by(matrix):
        if wanted[matrix] is None:
            raise UsageError(f"{matrix}: damaged")
        return wanted[matrix]

    return Others(venvs, own, wanted_by, grace)


def use(venvs, name, matrix, days_ago=0):
    """Record a use of ``name`` so many days ago."""
    in_use = InUse(matrix)
    in_use.take(venvs.mark(name))
    in_use.close()
    then = time.time() - days_ago * 86400
    for path in (venvs.mark(name).with_name(f"{name}.users")).iterdir():
        if path.read_text() == str(matrix or ""):
            os.utime(path, (then, then))


@pytest.fixture
def projects(tmp_path):
    """Return the matrices of this project and of another one."""
    for name in ("own", "other"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "matrix.yaml").touch()
    return tmp_path / "own" / "matrix.yaml", tmp_path / "other" / "matrix.yaml"


def test_need_of_another_matrix_keeps_what_it_names(venvs, projects):
    own, other = projects
    use(venvs, OLD, other, days_ago=400)
    use(venvs, NEW, own)
    # It has not used NEW yet, and its locks name it.
    found = others(venvs, own, {other: {OLD, NEW}})
    assert found.need(OLD) == f"{other} needs it"
    assert found.need(NEW) == f"{other} needs it"


def test_need_of_another_matrix_ends_with_its_locks_and_time(venvs, projects):
    own, other = projects
    use(venvs, OLD, other, days_ago=3)
    use(venvs, NEW, other, days_ago=10)
    found = others(venvs, own, {other: set()})
    assert f"{other} used it on " in found.need(OLD)
    assert found.need(NEW) is None
    assert others(venvs, own, {other: set()}, datetime.timedelta()).need(OLD) is None


def test_need_of_a_matrix_that_cannot_be_read_keeps_all(venvs, projects):
    own, other = projects
    use(venvs, OLD, other, days_ago=400)
    use(venvs, NEW, own)
    found = others(venvs, own, {other: None}, datetime.timedelta())
    assert "cannot be read" in found.need(OLD)
    assert found.need(NEW) is None


def test_need_of_a_matrix_that_is_gone_is_none(venvs, projects):
    own, other = projects
    use(venvs, OLD, other)
    other.unlink()
    assert others(venvs, own, {}).need(OLD) is None


def test_need_of_the_own_matrix_is_not_counted(venvs, projects):
    own, _ = projects
    use(venvs, OLD, own)
    assert others(venvs, own, {}).need(OLD) is None


def test_need_without_a_matrix_ends_with_time(venvs, projects):
    own, _ = projects
    use(venvs, OLD, None, days_ago=3)
    use(venvs, NEW, None, days_ago=10)
    found = others(venvs, own, {})
    assert "a project without a matrix" in found.need(OLD)
    assert found.need(NEW) is None


def test_need_without_a_record_ends_with_age(venvs, projects):
    own, _ = projects
    then = time.time() - 10 * 86400
    os.utime(venvs.mark(OLD), (then, then))
    found = others(venvs, own, {})
    assert found.need(OLD) is None
    assert "no use of it is recorded" in found.need(NEW)
