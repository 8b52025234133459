"""What comes first: a function of a plan and of earlier results."""

import datetime

import pytest

from kerasmatrix.execution.priority import NEVER, Rank, Urgency, rank_cells
from kerasmatrix.results.observations import Cell, Status
from tests.unit.plans import make_plan
from tests.unit.report.factory import WHEN, make_cell, make_results

LETTERS = {"p": Status.PASS, "f": Status.FAIL, "d": Status.DRIFT, "n": Status.NOT_RUN,
           "u": Status.UNSUPPORTED, "i": Status.INFRA}  # fmt: skip


def table(*rows, minutes=0):
    """Results of `first` as h5: a letter for each cell, a row for each version that saved."""
    base = make_results(environments=len(rows))
    when = WHEN + datetime.timedelta(minutes=minutes)
    cells = []
    for saved, row in enumerate(rows, start=1):
        for loaded, letter in enumerate(row, start=1):
            cell = make_cell("first", "h5", f"tf2.{saved}", f"tf2.{loaded}", LETTERS[letter])
            load = cell.load.but(measured_at=when)
            cells.append(cell.but(load=load))
    return base.model_copy(update={"cells": tuple(cells)})


def ranks(plan, *earlier):
    found = rank_cells(plan, earlier)
    return {(cell.saved_with[4:], cell.loaded_with[4:]): rank for cell, rank in found.items()}


def urgent(found, urgency):
    return {pair for pair, rank in found.items() if rank.urgency is urgency}


@pytest.fixture
def plan(tmp_path):
    def make(count, **more):
        return make_plan(tmp_path, *(f"tf2.{n}" for n in range(1, count + 1)), **more)

    return make


def test_without_earlier_runs_all_are_alike(plan):
    assert set(ranks(plan(3)).values()) == {Rank(Urgency.OTHER, 0, NEVER)}


def test_the_candidates_column_comes_first_and_in_it_the_files_of_the_current_version(plan):
    found = ranks(plan(3, current="tf2.1", candidate="tf2.3"), table("ppf", "ppf", "ppf"))
    assert urgent(found, Urgency.CANDIDATE) == {("1", "3"), ("2", "3"), ("3", "3")}
    assert min(found, key=found.get) == ("1", "3")


def test_both_sides_of_a_frontier_come_next(plan):
    found = ranks(plan(4), table("ppff", "ppff", "ppff", "ppff"))
    sides = {(row, column) for row in "1234" for column in "23"}
    assert urgent(found, Urgency.FRONTIER) == sides


def test_a_frontier_runs_along_columns_too(plan):
    found = ranks(plan(3), table("ppp", "ddd", "ddd"))
    assert urgent(found, Urgency.FRONTIER) == {(row, column) for row in "12" for column in "123"}


@pytest.mark.parametrize("unknown", ["n", "i", "u"])
def test_what_is_not_known_between_two_sides_is_at_the_frontier(plan, unknown):
    row = f"p{unknown}f"
    found = ranks(plan(3), table(row, row, row))
    assert urgent(found, Urgency.FRONTIER) == {(one, two) for one in "123" for two in "123"}


def test_a_new_version_is_at_the_frontier_between_its_neighbours(plan, tmp_path):
    earlier = table("ppf", "ppf", "ppf")
    without = [cell for cell in earlier.cells if "tf2.2" not in {cell.saved_with, cell.loaded_with}]
    found = ranks(plan(3), earlier.model_copy(update={"cells": tuple(without)}))
    assert ("1", "2") in urgent(found, Urgency.FRONTIER)
    assert found["2", "1"].urgency is Urgency.OTHER


def test_what_changed_with_the_last_run_comes_before_what_did_not(plan):
    before, after = table("ppp", "ppp", "ppp"), table("fff", "fff", "fff", minutes=9)
    wanted = plan(3)
    found = ranks(wanted, after, before, before)
    assert urgent(found, Urgency.CHANGED) == {(one, two) for one in "123" for two in "123"}
    # A change long ago is none.
    assert not urgent(ranks(wanted, after, after, before), Urgency.CHANGED)


def test_of_the_rest_the_oldest_results_come_first_and_none_is_older_than_any(plan):
    old, new = table("ppp", "ppp", "ppp"), table("pnn", "nnn", "nnn", minutes=9)
    wanted = plan(3)
    found = ranks(wanted, new, old)
    assert {rank.urgency for rank in found.values()} == {Urgency.OTHER}
    assert max(found, key=found.get) == ("1", "1")
    never = table("nnn", "ppp", "ppp")
    assert sorted(found := ranks(wanted, never), key=found.get)[:3] == [
        ("1", "1"), ("1", "2"), ("1", "3")
    ]  # fmt: skip


def test_the_order_is_the_same_however_often_it_is_asked_for(plan):
    wanted = plan(3, candidate="tf2.2")
    earlier = [table("pfp", "ffp", "pdp"), table("ppp", "ppp", "ppp")]
    assert rank_cells(wanted, earlier) == rank_cells(wanted, iter(earlier))
    assert Cell("first", "h5", "tf2.1", "tf2.2") in rank_cells(wanted, earlier)
