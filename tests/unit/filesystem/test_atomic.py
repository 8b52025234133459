import concurrent.futures
import fcntl
import multiprocessing
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from kerasmatrix.filesystem import atomic
from kerasmatrix.filesystem.atomic import PREFIX, AtomicFile, write_atomic

WRITE_AND_DIE = """\
import os, sys
from pathlib import Path
from kerasmatrix.filesystem.atomic import AtomicFile
AtomicFile(Path(sys.argv[1]), [b"half of it"])
os._exit(1)
"""


def test_atomic_file_committed_replaces_and_is_readable(tmp_path):
    place = tmp_path / "report.html"
    place.write_bytes(b"old")
    file = AtomicFile(place, [b"new"])
    assert place.read_bytes() == b"old"
    file.commit()
    file.discard()
    assert place.read_bytes() == b"new"
    assert place.stat().st_mode & 0o777 == 0o644
    assert list(tmp_path.iterdir()) == [place]


def test_atomic_file_discarded_leaves_nothing(tmp_path):
    file = AtomicFile(tmp_path / "report.html", [b"new"])
    file.discard()
    file.discard()
    assert list(tmp_path.iterdir()) == []


def test_write_removes_files_of_dead_writers_only(tmp_path):
    place = tmp_path / "report.html"
    living = AtomicFile(place, [b"of a ", b"living writer"])
    subprocess.run([sys.executable, "-c", WRITE_AND_DIE, str(place)], check=False)
    assert len(list(tmp_path.glob(f"{PREFIX}*"))) == 2
    AtomicFile(tmp_path / "another", []).discard()
    assert len(list(tmp_path.glob(f"{PREFIX}*"))) == 1
    living.commit()
    living.discard()
    assert place.read_bytes() == b"of a living writer"


def test_atomic_file_write_fails_leaves_nothing(tmp_path):
    with pytest.raises(TypeError):
        AtomicFile(tmp_path / "report.html", ["no bytes"])
    assert list(tmp_path.iterdir()) == []


def test_write_file_removed_before_lock_is_created_again(tmp_path, monkeypatch):
    removed = []

    def remove_then_lock(handle, operation):
        if not removed:
            removed.extend(tmp_path.glob(f"{PREFIX}*"))
            for path in removed:
                path.unlink()
        fcntl_flock(handle, operation)

    fcntl_flock = fcntl.flock
    monkeypatch.setattr(atomic.fcntl, "flock", remove_then_lock)
    write_atomic(tmp_path / "report.html", [b"new"])
    assert len(removed) == 1
    assert (tmp_path / "report.html").read_bytes() == b"new"
    assert [path.name for path in tmp_path.iterdir()] == ["report.html"]


def test_orphans_removal_does_not_follow_links(tmp_path):
    private = tmp_path / "private"
    private.write_bytes(b"mine")
    (tmp_path / f"{PREFIX}x").symlink_to(private)
    write_atomic(tmp_path / "report.html", [b"new"])
    assert private.read_bytes() == b"mine"


def test_write_longest_name_succeeds(tmp_path):
    place = tmp_path / ("x" * 255)
    write_atomic(place, [b"new"])
    assert place.read_bytes() == b"new"


def write_many(folder, own, count):
    """Write ``count`` files, half of them under a name that others write too; return the errors."""
    errors = []
    for number in range(count):
        name = own if number % 2 else "shared"
        try:
            write_atomic(Path(folder, name), [b"x" * 10, b"y" * 10])
        except OSError as error:
            errors.append(repr(error))
    return errors


def write_for_ever(folder, started):
    while True:
        write_atomic(Path(folder, "of-the-killed"), [b"z"])
        started.set()


def test_write_by_many_processes_never_fails(tmp_path):
    context = multiprocessing.get_context("fork")
    killed = []
    with concurrent.futures.ProcessPoolExecutor(4, mp_context=context) as pool:
        results = [pool.submit(write_many, tmp_path, f"own-{n}", 150) for n in range(4)]
        for _ in range(4):
            started = context.Event()
            writer = context.Process(target=write_for_ever, args=(tmp_path, started))
            writer.start()
            assert started.wait(60)
            os.kill(writer.pid, signal.SIGKILL)
            writer.join()
            killed.append(writer.exitcode)
        errors = [error for result in results for error in result.result()]
    assert errors == []
    assert killed == [-signal.SIGKILL] * 4
    write_atomic(tmp_path / "shared", [b"x" * 10, b"y" * 10])
    assert not list(tmp_path.glob(f"{PREFIX}*"))
    assert (tmp_path / "shared").read_bytes() == b"x" * 10 + b"y" * 10
    assert len(list(tmp_path.iterdir())) == 6
