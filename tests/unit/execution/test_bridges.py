from kerasmatrix.execution.bridges import Hop, find_chains
from kerasmatrix.execution.plan import Save
from kerasmatrix.results.observations import Cell, Status

NAMES = ("a", "b", "c", "d")
PASS, FAIL, DEGRADED = Status.PASS, Status.FAIL, Status.DEGRADED


def search(crossings, formats=("h5",), unsaved=()):
    """Chains from a to d as h5; ``crossings`` are 'writer format reader' with their status."""
    statuses = {Cell("s", "h5", "a", "d"): FAIL}
    for text, status in crossings.items():
        writer, form, reader = text.split()
        statuses[Cell("s", form, writer, reader)] = status
    saved = {Save("s", form, name): name not in unsaved for form in formats for name in NAMES}
    return find_chains(Cell("s", "h5", "a", "d"), NAMES, formats, statuses, saved)


def test_the_shortest_chain_is_found():
    found = search({"a h5 b": PASS, "b h5 c": PASS, "c h5 d": PASS, "a h5 c": PASS})
    assert found == [(Hop("c", "h5"),)]


def test_a_longer_one_where_there_is_no_shorter():
    found = search({"a h5 b": PASS, "b h5 c": PASS, "c h5 d": PASS})
    assert found == [(Hop("b", "h5"), Hop("c", "h5"))]


def test_it_may_change_the_format_on_the_way():
    crossings = {"a h5 b": PASS, "b h5 d": FAIL, "b keras d": PASS}
    assert search(crossings, formats=("h5", "keras")) == [(Hop("b", "keras"),)]


def test_a_version_that_cannot_save_is_no_bridge():
    assert search({"a h5 b": PASS, "b h5 d": PASS}, unsaved=("b",)) == []


def test_only_whole_models_go_on_but_the_last_may_lose_something():
    assert search({"a h5 b": DEGRADED, "b h5 d": PASS}) == []
    assert search({"a h5 b": PASS, "b h5 d": DEGRADED}) == [(Hop("b", "h5"),)]


def test_a_landing_without_loss_comes_first_then_the_files_own_format():
    crossings = {
        "a h5 b": PASS, "b h5 d": DEGRADED, "b keras d": PASS, "a h5 c": PASS, "c h5 d": PASS,
    }  # fmt: skip
    found = search(crossings, formats=("keras", "h5"))
    assert found == [(Hop("c", "h5"),), (Hop("b", "keras"),)]


def test_where_nothing_leads_there_is_no_chain():
    assert search({}) == []
