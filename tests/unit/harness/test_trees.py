"""Folders as a model's code may leave them."""

import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from kerasmatrix.filesystem.digests import HARNESS
from kerasmatrix.harness import trees

DEPTH = 1200  # well beyond Python's recursion limit and the longest path


@pytest.fixture
def folder(tmp_path):
    made = tmp_path / "folder"
    made.mkdir()
    return made


def dig(folder, depth, mode=0o755):
    """Make folders in one another, with a file in each; return nothing."""
    handle = os.open(folder, os.O_RDONLY)
    for _ in range(depth):
        os.close(os.open("file", os.O_CREAT | os.O_WRONLY, dir_fd=handle))
        os.mkdir("deeper", dir_fd=handle)
        below = os.open("deeper", os.O_RDONLY, dir_fd=handle)
        os.fchmod(handle, mode)
        os.close(handle)
        handle = below
    os.close(handle)


def test_remove_deep_folder_leaves_nothing(folder):
    dig(folder, DEPTH)
    assert trees.remove(str(folder))
    assert not folder.exists()


def test_remove_wide_folder_leaves_nothing(folder):
    for number in range(50):
        (folder / f"{number}" / "a" / "b").mkdir(parents=True)
        (folder / f"{number}" / "a" / "file").write_text("x")
    assert trees.remove(str(folder))
    assert not folder.exists()


@pytest.mark.parametrize("mode", [0o000, 0o500, 0o400])
def test_remove_folders_without_rights_leaves_nothing(folder, mode):
    dig(folder, 5, mode)
    assert as_another_user(folder.parent, f"trees.remove({str(folder)!r})") == "True"
    assert not folder.exists()


def as_another_user(folder, expression):
    """Evaluate it as a user who is not root, to whom all in ``folder`` belongs."""
    if os.getuid() != 0:
        return str(eval(expression, {"trees": trees}))
    for root, folders, files in os.walk(folder):
        for name in (".", *folders, *files):
            os.chown(Path(root, name), 65534, 65534)
    # The parents of a temporary folder are closed to others: it is entered before.
    program = (
        f"import os, sys; os.chdir({str(folder)!r}); sys.path.insert(0, {str(HARNESS)!r}); "
        f"import trees; os.setgroups([]); os.setgid(65534); os.setuid(65534); "
        f"print({expression.replace(str(folder) + '/', '')})"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], check=True, capture_output=True, text=True
    )
    return done.stdout.strip()


def test_remove_link_keeps_its_target(folder, tmp_path):
    target = tmp_path / "private"
    target.mkdir(mode=0o700)
    (target / "key").write_text("secret")
    (target / "key").chmod(0o600)
    (folder / "inner").mkdir()
    (folder / "inner" / "link").symlink_to(target)
    (folder / "file").symlink_to(target / "key")
    link = tmp_path / "link"
    link.symlink_to(target)
    assert trees.remove(str(folder))
    assert trees.remove(str(link))
    assert (target / "key").read_text() == "secret"
    assert stat.S_IMODE((target / "key").stat().st_mode) == 0o600
    assert stat.S_IMODE(target.stat().st_mode) == 0o700
    assert not link.is_symlink()


def test_remove_special_files_waits_for_none(folder):
    os.mkfifo(folder / "pipe")
    (folder / os.fsdecode(b"not \xff utf-8")).write_text("x")
    assert trees.remove(str(folder))


def test_remove_missing_folder_is_done(tmp_path):
    assert trees.remove(str(tmp_path / "none"))


def test_measure_counts_what_is_written_and_no_link(folder, tmp_path):
    (folder / "inner").mkdir()
    (folder / "inner" / "file").write_bytes(b"x" * 10_000)
    with (folder / "sparse").open("wb") as sparse:
        sparse.truncate(1 << 40)
    (folder / "root").symlink_to("/")
    size, count = trees.measure(str(folder), 100)
    assert 10_000 <= size < 100_000
    assert count == 4


def test_measure_stops_counting_at_the_most(folder):
    for number in range(20):
        (folder / f"{number}").mkdir()
        for inner in range(20):
            (folder / f"{number}" / f"{inner}").touch()
    assert 10 < trees.measure(str(folder), 10)[1] < 60
