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
from kerasmatrix.filesystem.atomic import MARK, Staged, put

WRITE_AND_DIE = """\
import os, sys
from pathlib import Path
from kerasmatrix.filesystem.atomic import Staged
Staged(Path(sys.argv[1]), [b"half of it"])
os._exit(1)
"""


def test_what_is_staged_takes_its_place_whole_and_for_everyone(tmp_path):
    place = tmp_path / "report.html"
    place.write_bytes(b"old")
    staged = Staged(place, [b"new"])
    assert place.read_bytes() == b"old"
    staged.take_place()
    staged.discard()
    assert place.read_bytes() == b"new"
    assert place.stat().st_mode & 0o777 == 0o644
    assert list(tmp_path.iterdir()) == [place]


def test_what_is_discarded_leaves_nothing(tmp_path):
    staged = Staged(tmp_path / "report.html", [b"new"])
    staged.discard()
    staged.discard()
    assert list(tmp_path.iterdir()) == []


def test_what_a_dead_writer_staged_is_taken_away_and_a_living_ones_is_not(tmp_path):
    place = tmp_path / "report.html"
    living = Staged(place, [b"of one ", b"who is at work"])
    subprocess.run([sys.executable, "-c", WRITE_AND_DIE, str(place)], check=False)
    assert len(list(tmp_path.glob(f"{MARK}*"))) == 2
    Staged(tmp_path / "another", []).discard()
    assert len(list(tmp_path.glob(f"{MARK}*"))) == 1
    living.take_place()
    living.discard()
    assert place.read_bytes() == b"of one who is at work"


def test_a_write_that_fails_leaves_nothing(tmp_path):
    with pytest.raises(TypeError):
        Staged(tmp_path / "report.html", ["no bytes"])
    assert list(tmp_path.iterdir()) == []


def test_a_file_swept_before_it_is_locked_is_made_again(tmp_path, monkeypatch):
    swept = []

    def sweep_then_lock(handle, operation):
        if not swept:
            swept.extend(tmp_path.glob(f"{MARK}*"))
            for path in swept:
                path.unlink()
        fcntl_flock(handle, operation)

    fcntl_flock = fcntl.flock
    monkeypatch.setattr(atomic.fcntl, "flock", sweep_then_lock)
    put(tmp_path / "report.html", [b"new"])
    assert len(swept) == 1
    assert (tmp_path / "report.html").read_bytes() == b"new"
    assert [path.name for path in tmp_path.iterdir()] == ["report.html"]


def test_sweep_leaves_a_file_that_a_link_leads_to(tmp_path):
    private = tmp_path / "private"
    private.write_bytes(b"mine")
    (tmp_path / f"{MARK}x").symlink_to(private)
    put(tmp_path / "report.html", [b"new"])
    assert private.read_bytes() == b"mine"


def test_a_name_of_the_longest_length_can_be_written(tmp_path):
    place = tmp_path / ("x" * 255)
    put(place, [b"new"])
    assert place.read_bytes() == b"new"


def write_many(folder, own, count):
    """Write ``count`` files, half of them under a name that others write too; return the errors."""
    errors = []
    for number in range(count):
        name = own if number % 2 else "shared"
        try:
            put(Path(folder, name), [b"x" * 10, b"y" * 10])
        except OSError as error:
            errors.append(repr(error))
    return errors


def write_for_ever(folder, started):
    while True:
        put(Path(folder, "of-the-killed"), [b"z"])
        started.set()


def test_put_by_many_processes_into_one_folder_never_fails(tmp_path):
    context = multiprocessing.get_context("fork")
    killed = []
    with concurrent.futures.ProcessPoolExecutor(4, mp_context=context) as pool:
        results = [pool.submit(write_many, tmp_path, f"own-{n}", 500) for n in range(4)]
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
    put(tmp_path / "shared", [b"x" * 10, b"y" * 10])  # sweeps what the killed ones left
    assert not list(tmp_path.glob(f"{MARK}*"))
    assert (tmp_path / "shared").read_bytes() == b"x" * 10 + b"y" * 10
    assert len(list(tmp_path.iterdir())) == 6
