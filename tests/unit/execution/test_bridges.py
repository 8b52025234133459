import pytest

from kerasmatrix.execution.bridges import ARRIVALS, ON_ARRIVAL, Hop, find_chains, presume_chains
from kerasmatrix.execution.plan import Save
from kerasmatrix.results.cells import Cell, Status

NAMES = ("a", "b", "c", "d")
PASS, FAIL, DEGRADED = Status.PASS, Status.FAIL, Status.DEGRADED


def search(crossings, formats=("h5",), unsaved=()):
    """Chains from a to d as h5; ``crossings`` are 'writer format reader' with their status."""
    statuses = {Cell("s", "h5", "a", "d"): FAIL}
    for text, status in crossings.items():
        writer, form, reader = text.split()
        statuses[Cell("s", form, writer, reader)] = status
    saved = {Save("s", form, name): name not in unsaved for form in formats for name in NAMES}
    return find_chains(Cell("s", "h5", "a", "d"), NAMES, formats, statuses, saved.get)


def test_find_chains_returns_the_shortest():
    found = search({"a h5 b": PASS, "b h5 c": PASS, "c h5 d": PASS, "a h5 c": PASS})
    assert found == [(Hop("c", "h5"),)]


def test_find_chains_without_a_short_one_returns_a_longer():
    found = search({"a h5 b": PASS, "b h5 c": PASS, "c h5 d": PASS})
    assert found == [(Hop("b", "h5"), Hop("c", "h5"))]


def test_find_chains_may_change_the_format():
    crossings = {"a h5 b": PASS, "b h5 d": FAIL, "b keras d": PASS}
    assert search(crossings, formats=("h5", "keras")) == [(Hop("b", "keras"),)]


def test_find_chains_skips_versions_that_cannot_save():
    assert search({"a h5 b": PASS, "b h5 d": PASS}, unsaved=("b",)) == []


def test_find_chains_only_the_last_load_may_lose_something():
    assert search({"a h5 b": DEGRADED, "b h5 d": PASS}) == []
    assert search({"a h5 b": PASS, "b h5 d": DEGRADED}) == [(Hop("b", "h5"),)]


def test_find_chains_prefers_no_loss_then_the_own_format():
    crossings = {
        "a h5 b": PASS, "b h5 d": DEGRADED, "b keras d": PASS, "a h5 c": PASS, "c h5 d": PASS,
    }  # fmt: skip
    found = search(crossings, formats=("keras", "h5"))
    assert found == [(Hop("c", "h5"),), (Hop("b", "keras"),)]


def test_find_chains_without_a_way_returns_none():
    assert search({}) == []


def presume(loads_with, **more):
    cell = Cell("s", "h5", "a", "d")
    return presume_chains(cell, NAMES, ("h5",), loads_with, lambda save: True, **more)


def test_presume_chains_tries_plain_loads_first():
    found = presume({"a": (), "b": (), "c": ("rewrite-config",)})
    assert found[:2] == [(Hop("b", "h5"),), (Hop("a", "h5"),)]


def test_presume_chains_goes_through_a_fixed_load():
    first = Hop("c", "h5", ("rewrite-config",))
    arrival = Hop("d", "h5", ON_ARRIVAL, saved=False)
    assert presume({"c": ("rewrite-config",)}) == [(first,), (first, arrival)]


@pytest.mark.parametrize(("cause", "fixes"), ARRIVALS.items())
def test_presume_chains_fixes_the_cause_on_arrival(cause, fixes):
    arrival = (Hop("c", "h5"), Hop("d", "h5", fixes))
    assert presume({"c": ()}, causes={cause})[-1] == arrival
    assert arrival not in presume({"c": ()}, causes={None, "timeout"})


def test_presume_chains_without_a_load_returns_none():
    assert presume({}) == []
