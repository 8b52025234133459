import math
import random

import pytest

from kerasmatrix.files.binary_search import next_place, the_change


def search(length, first_bad, absent=()):
    """Halve a line on which everything from ``first_bad`` on is bad; return change and looks."""
    found = {0: "good", length - 1: "bad"}
    looks = 0
    while (place := next_place(length, found)) is not None:
        looks += 1
        found[place] = "skipped" if place in absent else "bad" if place >= first_bad else "good"
    return the_change(length, found), looks


@pytest.mark.parametrize("length", [2, 3, 4, 7, 34, 100])
def test_the_change_is_found_wherever_it_is_in_as_many_looks_as_halving_takes(length):
    for first_bad in range(1, length):
        change, looks = search(length, first_bad)
        assert change == (first_bad - 1, first_bad)
        assert looks <= math.ceil(math.log2(length - 1)) if length > 2 else looks == 0


def test_what_cannot_be_had_is_passed_over():
    change, looks = search(9, 5, absent={4})
    assert change == (3, 5)
    assert looks <= 5


def test_nothing_but_what_cannot_be_had_is_left_between():
    chance = random.Random(7)
    for _ in range(200):
        length = chance.randrange(2, 30)
        first_bad = chance.randrange(1, length)
        inner = range(1, length - 1)
        absent = {place for place in inner if chance.random() < 0.4}
        (low, high), _ = search(length, first_bad, absent)
        assert low < first_bad <= high
        assert set(range(low + 1, high)) <= absent


def test_a_line_without_anything_between_is_done():
    assert next_place(2, {0: "good", 1: "bad"}) is None
    assert the_change(2, {0: "good", 1: "bad"}) == (0, 1)
