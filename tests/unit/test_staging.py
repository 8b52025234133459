import subprocess
import sys

import pytest

from kerasmatrix.staging import MARK, Staged

WRITE_AND_DIE = """\
import os, sys
from pathlib import Path
from kerasmatrix.staging import Staged
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
