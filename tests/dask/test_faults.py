"""Machines and the scheduler are killed in the middle of a run: the table is the same."""

import contextlib
import os
import random
import signal

import pytest

from kerasmatrix.engines.base import EngineLost
from kerasmatrix.engines.dask.engine import DaskEngine
from kerasmatrix.results.observations import Status
from kerasmatrix.store.store import Store
from tests.dask.fake import FakeRecipe, noted, until
from tests.dask.table import After, measure, table
from tests.unit.fakes import FakeEngine, make_project

NAMES = ("good", "good2", "fails", "cannot-save", "picky-good")
SCENARIOS = ("first", "second")


@pytest.fixture
def alone(tmp_path):
    """The project, and the run of it on one machine that nothing disturbs."""
    matrix = make_project(tmp_path, *NAMES, scenarios=SCENARIOS)
    return matrix, measure(matrix, FakeEngine(), tmp_path / "alone")


def opened(cluster, tmp_path, notes, **options):
    """An engine on the cluster, closed afterwards."""
    settings = {"tick": 0.2, "patience": 60, **options}
    engine = DaskEngine(cluster.address, str(tmp_path / "parcels"), FakeRecipe(notes), **settings)
    return contextlib.closing(engine)


def rows(store):
    """How many observations a run has filed."""
    with Store(store) as held:
        return len(held.rows("observations"))


def test_workers_killed_at_random_change_nothing(cluster, alone, tmp_path, notes):
    matrix, undisturbed = alone
    dice = random.Random(7)
    # Every kind of job is hit, whoever does it: the first process that begins one dies with it.
    loads = [f"load-{c.scenario}-h5-{c.artifact[:6]}" for c in undisturbed.cells if c.artifact]
    doomed = ["save-first-h5-", "save-second-h5-", *dice.sample(sorted(set(loads)), 6)]
    for name in doomed:
        (notes / f"kill-{name}").touch()
    with opened(cluster, tmp_path, notes) as engine:
        found = measure(matrix, engine, tmp_path / "together")
    assert not list(notes.glob("kill-*"))
    assert table(found) == table(undisturbed)
    assert rows(tmp_path / "together") == rows(tmp_path / "alone")


def test_a_scheduler_that_is_killed_and_comes_back_changes_nothing(cluster, alone, tmp_path, notes):
    matrix, undisturbed = alone
    listener = After(25, cluster.restart_scheduler)
    with opened(cluster, tmp_path, notes) as engine:
        found = measure(matrix, engine, tmp_path / "together", listener=listener)
    assert listener.left < 0
    assert table(found) == table(undisturbed)
    assert rows(tmp_path / "together") == rows(tmp_path / "alone")


def test_a_scheduler_that_stays_away_ends_the_run_and_the_next_goes_on(
    cluster, alone, tmp_path, notes
):
    matrix, undisturbed = alone
    listener = After(25, cluster.kill_scheduler)
    with (
        opened(cluster, tmp_path, notes, patience=2) as engine,
        pytest.raises(EngineLost, match="no Dask scheduler answers at tcp://127"),
    ):
        measure(matrix, engine, tmp_path / "together", listener=listener)
    before = rows(tmp_path / "together")
    assert 15 < before < rows(tmp_path / "alone")
    cluster.restart_scheduler()
    with opened(cluster, tmp_path, notes) as engine:
        found = measure(matrix, engine, tmp_path / "together")
    assert found.run.known == before
    assert table(found) == table(undisturbed)
    assert rows(tmp_path / "together") == rows(tmp_path / "alone")


def test_a_task_that_takes_every_machine_with_it_is_no_outcome(cluster, tmp_path, notes):
    matrix = make_project(tmp_path, "good", scenarios=SCENARIOS)
    (notes / "kill-always-save-first-h5-").touch()
    with opened(cluster, tmp_path, notes) as engine:
        found = measure(matrix, engine, tmp_path / "together")
    first, second = found.cells
    assert first.status is Status.INFRA
    assert "Dask workers in a row" in first.summary
    assert second.status is Status.PASS


def test_a_worker_that_stands_still_is_done_without(cluster, tmp_path, notes):
    matrix = make_project(tmp_path, *NAMES[:2], scenarios=SCENARIOS)
    alone = measure(matrix, FakeEngine(), tmp_path / "alone")
    stopped = []

    def stop():
        process = noted(notes, "task")[-1]["process"]
        os.kill(process, signal.SIGSTOP)
        stopped.append(process)

    with opened(cluster, tmp_path, notes) as engine:
        found = measure(matrix, engine, tmp_path / "together", listener=After(4, stop))
    assert stopped
    assert table(found) == table(alone)


def test_closing_the_engine_leaves_no_worker_open(cluster, tmp_path, notes):
    matrix = make_project(tmp_path, "good", "fails")
    with opened(cluster, tmp_path, notes) as engine:
        measure(matrix, engine, tmp_path / "together")
        assert not noted(notes, "closed")
    at_work = {line["process"] for line in noted(notes, "opened")}
    until(
        lambda: {line["process"] for line in noted(notes, "closed")} >= at_work,
        "all machines have closed their engines",
    )
    assert not any(line["open"] for line in noted(notes, "closed"))
