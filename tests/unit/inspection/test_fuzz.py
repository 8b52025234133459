"""A little of ``nox -s fuzz``: what was damaged by chance is read or refused in words."""

import random

import pytest

from tests.fuzz.__main__ import fuzz
from tests.fuzz.mutation import mutate, seeds


def test_the_same_chance_makes_the_same_file(tmp_path):
    (tmp_path / "seeds").mkdir()
    original = seeds(tmp_path / "seeds")[0]
    made = [mutate(original, tmp_path / name, random.Random("1/2")) for name in ("a", "b")]
    assert made[0].read_bytes() == made[1].read_bytes() != original.read_bytes()


@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_changed_files_are_read_or_refused_and_nothing_else(tmp_path):
    found = fuzz(120, 7, seeds(tmp_path))
    assert found["faults"] == []
    assert found["read"] + found["refused"] + found.get("not made", 0) == found["files"] == 120
    assert min(found["read"], found["refused"]) > 10  # neither is all there is
