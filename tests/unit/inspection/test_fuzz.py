"""A little of ``nox -s fuzz``: what was damaged by chance is read or refused in words."""

import random
import shutil

import pytest

from tests.fuzz.__main__ import fuzz, place_neighbour
from tests.fuzz.mutation import ADDITIONS, mutate, seeds


def test_mutate_same_seed_is_same_file(tmp_path):
    (tmp_path / "seeds").mkdir()
    original = seeds(tmp_path / "seeds")[0]
    made = [mutate(original, tmp_path / name, random.Random("1/2")) for name in ("a", "b")]
    assert made[0].read_bytes() == made[1].read_bytes() != original.read_bytes()


def test_additions_same_seed_is_same_folder(tmp_path):
    place_neighbour(tmp_path)
    (tmp_path / "seeds").mkdir()
    original = next(path for path in seeds(tmp_path / "seeds") if path.is_dir())
    for addition in {each.__name__: each for each in ADDITIONS}.values():
        looks = []
        for name in ("a", "b"):
            shutil.copytree(original, tmp_path / name)
            addition(tmp_path / name, random.Random(addition.__name__))
            found = (tmp_path / name).rglob("*")
            looks.append(
                [(str(each.relative_to(tmp_path / name)), each.lstat().st_mode) for each in found]
            )
            shutil.rmtree(tmp_path / name)
        assert sorted(looks[0]) == sorted(looks[1]), addition.__name__
        assert len(looks[0]) > 0


@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_fuzz_files_are_read_or_refused(tmp_path):
    found = fuzz(120, 7, seeds(tmp_path))
    assert found["faults"] == []
    assert found["read"] + found["refused"] + found.get("not made", 0) == found["files"] == 120
    assert min(found["read"], found["refused"]) > 10  # neither is all there is
