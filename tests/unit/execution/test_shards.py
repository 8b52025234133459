"""Who does what: every scenario once, about the same time each, always the same answer."""

import pytest

from kerasmatrix.execution.shards import share_out, weigh
from kerasmatrix.results.observations import Status
from kerasmatrix.results.schema import RemedyResult
from tests.unit.report.factory import make_results

WEIGHTS = {"a": 9.0, "b": 7.0, "c": 6.0, "d": 5.0, "e": 3.0}


@pytest.mark.parametrize("count", range(1, 8))
def test_every_scenario_is_in_exactly_one_part(count):
    parts = share_out(WEIGHTS, count)
    assert len(parts) == count
    assert sorted(name for part in parts for name in part) == sorted(WEIGHTS)


def test_parts_have_about_the_same_weight():
    parts = share_out(WEIGHTS, 2)
    assert sorted(sum(WEIGHTS[name] for name in part) for part in parts) == [14.0, 16.0]


def test_the_order_of_the_names_does_not_matter():
    backwards = dict(reversed(WEIGHTS.items()))
    assert share_out(WEIGHTS, 3) == share_out(backwards, 3)


def test_what_weighs_nothing_is_spread_too():
    parts = share_out(dict.fromkeys("abcd", 0.0), 2)
    assert [len(part) for part in parts] == [2, 2]


def test_without_earlier_results_cells_count_alike():
    assert weigh({"first": 8, "second": 4}, []) == {"first": 8.0, "second": 4.0}


def timed(results, seconds, *, remedy=0.0):
    """Return `results` in which each load took so long, and each save nothing."""
    cells = []
    for cell in results.cells:
        save = cell.save.but(seconds=0.0)
        load = cell.load.but(seconds=seconds[cell.scenario])
        tried = RemedyResult(id="x", status="failed", summary="", seconds=remedy)
        cells.append(cell.but(save=save, load=load, remedies=(tried,) if remedy else ()))
    return results.model_copy(update={"cells": tuple(cells)})


def test_what_took_long_weighs_more_and_the_unknown_is_like_the_rest():
    earlier = timed(make_results(scenarios=2), {"first": 1.0, "scenario2": 3.0})
    cells = {"first": 10, "scenario2": 10, "new": 10}
    assert weigh(cells, [earlier]) == {"first": 10.0, "scenario2": 30.0, "new": 20.0}


def test_remedies_take_time_too():
    earlier = timed(make_results(), {"first": 1.0}, remedy=4.0)
    assert weigh({"first": 2}, [earlier]) == {"first": 10.0}


def test_a_save_is_counted_once_for_its_row():
    results = timed(make_results(environments=2), {"first": 0.0})
    cells = tuple(cell.but(save=cell.save.but(seconds=1.0)) for cell in results.cells)
    # Two environments and two formats: 4 saves of a second for 8 cells.
    assert weigh({"first": 8}, [results.model_copy(update={"cells": cells})]) == {"first": 4.0}


def test_the_newest_run_that_measured_a_scenario_counts_for_it():
    newest = timed(make_results(), {"first": 1.0})
    older = timed(make_results(scenarios=2), {"first": 5.0, "scenario2": 7.0})
    cells = {"first": 1, "scenario2": 1}
    assert weigh(cells, [newest, older]) == {"first": 1.0, "scenario2": 7.0}


def test_no_more_earlier_runs_are_read_than_tell_something():
    def earlier():
        yield timed(make_results(), {"first": 1.0})
        raise AssertionError("read on")

    assert weigh({"first": 3}, earlier()) == {"first": 3.0}


def test_cells_that_were_not_measured_tell_nothing():
    results = make_results()
    cells = tuple(cell.but(save=None, load=None, status=Status.NOT_RUN) for cell in results.cells)
    unmeasured = results.model_copy(update={"cells": cells})
    assert weigh({"first": 3}, [unmeasured]) == {"first": 3.0}
