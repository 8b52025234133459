"""Workers and the scheduler are killed during a run, and the results are the same."""

import contextlib
import os
import random
import signal

import pytest

from kerasmatrix.engines.base import EngineDisconnected
from kerasmatrix.engines.dask.engine import DaskEngine
from kerasmatrix.results.cells import Status
from kerasmatrix.store.store import Store
from tests.dask.fake import FakeConfig, noted, until
from tests.dask.table import After, measure, table
from tests.unit.fakes import FakeEngine, make_project

NAMES = ("good", "good2", "fails", "cannot-save", "picky-good")
SCENARIOS = ("first", "second")


@pytest.fixture
def alone(tmp_path):
    """The project, and its results of an undisturbed local run."""
    matrix = make_project(tmp_path, *NAMES, scenarios=SCENARIOS)
    return matrix, measure(matrix, FakeEngine(), tmp_path / "alone")


def opened(cluster, tmp_path, notes, **options):
    """An engine on the cluster, closed afterwards."""
    settings = {"patience": 60, **options}
    engine = DaskEngine(cluster.address, str(tmp_path / "parcels"), FakeConfig(notes), **settings)
    return contextlib.closing(engine)


def rows(store):
    """Return the number of stored observations."""
    with Store(store) as held:
        return len(held.observations.rows("observations"))


def test_workers_killed_at_random_change_no_result(cluster, alone, tmp_path, notes):
    matrix, undisturbed = alone
    dice = random.Random(7)
    # The first process that starts one of these tasks is killed.
    loads = [f"load-{c.scenario}-h5-{c.artifact[:6]}" for c in undisturbed.cells if c.artifact]
    doomed = ["save-first-h5-", "save-second-h5-", *dice.sample(sorted(set(loads)), 6)]
    for name in doomed:
        (notes / f"kill-{name}").touch()
    with opened(cluster, tmp_path, notes) as engine:
        found = measure(matrix, engine, tmp_path / "together")
    assert not list(notes.glob("kill-*"))
    assert table(found) == table(undisturbed)
    assert rows(tmp_path / "together") == rows(tmp_path / "alone")


def test_scheduler_restarted_changes_no_result(cluster, alone, tmp_path, notes):
    matrix, undisturbed = alone
    listener = After(25, cluster.restart_scheduler)
    with opened(cluster, tmp_path, notes) as engine:
        found = measure(matrix, engine, tmp_path / "together", listener=listener)
    assert listener.remaining < 0
    assert table(found) == table(undisturbed)
    assert rows(tmp_path / "together") == rows(tmp_path / "alone")


def test_scheduler_gone_ends_the_run_resumably(cluster, alone, tmp_path, notes):
    matrix, undisturbed = alone
    listener = After(25, cluster.kill_scheduler)
    with (
        opened(cluster, tmp_path, notes, patience=2) as engine,
        pytest.raises(EngineDisconnected, match="no Dask scheduler answers at tcp://127"),
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


def test_task_killing_every_worker_is_infra(cluster, tmp_path, notes):
    matrix = make_project(tmp_path, "good", scenarios=SCENARIOS)
    (notes / "kill-always-save-first-h5-").touch()
    with opened(cluster, tmp_path, notes, tasks_per_job=1) as engine:
        found = measure(matrix, engine, tmp_path / "together")
    first, second = found.cells
    assert first.status is Status.INFRA
    assert "Dask workers in a row" in first.summary
    assert second.status is Status.PASS


def test_worker_stopped_is_replaced(cluster, tmp_path, notes):
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


def test_engine_close_closes_all_workers(cluster, tmp_path, notes):
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
