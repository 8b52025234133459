"""A run on a cluster of three workers equals a local run."""

import contextlib
import socket
import threading

import pytest

from kerasmatrix import cli
from kerasmatrix.engines.base import EngineDisconnected
from kerasmatrix.engines.dask.engine import DaskEngine
from tests.dask.fake import FakeConfig, noted, until
from tests.dask.table import After, measure, table
from tests.unit.fakes import FakeEngine, make_project

EVERYTHING = (
    "good", "good2", "dies-once", "fails", "drifts", "crashes", "hangs", "answers-garbage",
    "kills-workers", "eats-memory", "cannot-save", "absent", "picky-good",
    "fails-rewrite-config", "disk-full",
)  # fmt: skip


@pytest.fixture
def engine(cluster, tmp_path, notes):
    opened = DaskEngine(cluster.address, str(tmp_path / "parcels"), FakeConfig(notes), patience=30)
    yield opened
    opened.close()


@pytest.fixture
def over_s3(cluster, notes, s3):
    opened = DaskEngine(cluster.address, s3, FakeConfig(notes), patience=30)
    yield opened
    opened.close()


def test_run_on_cluster_equals_local_run(engine, tmp_path, notes):
    matrix = make_project(tmp_path, *EVERYTHING)
    alone = measure(matrix, FakeEngine(), tmp_path / "alone")
    together = measure(matrix, engine, tmp_path / "together")
    assert table(together) == table(alone)
    assert {cell["status"] for cell in table(alone)} >= {
        "pass", "fail", "drift", "crash", "timeout", "save-failed", "infra",
    }  # fmt: skip
    assert len({line["machine"] for line in noted(notes, "task")}) == 3


def test_run_with_s3_equals_local_run(over_s3, tmp_path):
    matrix = make_project(tmp_path, "good", "picky-good", "fails", formats=("h5", "weights"))
    alone = measure(matrix, FakeEngine(), tmp_path / "alone")
    together = measure(matrix, over_s3, tmp_path / "together")
    assert table(together) == table(alone)
    assert {cell["status"] for cell in table(alone)} == {"pass", "fail"}


def test_run_damaged_artifact_is_sent_again(engine, tmp_path, notes):
    matrix = make_project(tmp_path, "good", "good2")
    alone = measure(matrix, FakeEngine(), tmp_path / "alone")
    parcels = tmp_path / "parcels"

    def spoil():
        for path in parcels.iterdir():
            path.write_bytes(path.read_bytes()[:-1])

    found = measure(matrix, engine, tmp_path / "together", listener=After(2, spoil))
    assert table(found) == table(alone)


def test_job_prefers_worker_with_the_environment(engine, tmp_path, notes):
    measure(make_project(tmp_path, "good"), engine, tmp_path / "together", jobs=1)
    assert len(noted(notes, "task")) == 2
    assert len({line["machine"] for line in noted(notes, "task")}) == 1
    assert len(noted(notes, "opened")) == 1


def test_job_without_room_goes_to_another_worker(engine, tmp_path, notes, monkeypatch):
    # No task of the first worker ends before a second worker has one.
    monkeypatch.setattr(engine, "tasks_per_job", 1)
    (notes / "hold").touch()

    def let_go():
        until(lambda: len({line["machine"] for line in noted(notes, "task")}) > 1, "two at work")
        (notes / "hold").unlink()

    matrix = make_project(tmp_path, "good", scenarios=tuple(f"s{n}" for n in range(12)))
    watching = threading.Thread(target=let_go)
    watching.start()
    found = measure(matrix, engine, tmp_path / "together", jobs=1)
    watching.join()
    assert not (notes / "hold").exists()
    assert {cell.status.value for cell in found.cells} == {"pass"}


def test_run_no_able_worker_says_why(cluster, tmp_path, notes):
    matrix = make_project(tmp_path, "good")
    inner = FakeConfig(notes, trouble_in="there is none")
    engine = DaskEngine(cluster.address, str(tmp_path / "parcels"), inner, patience=1)
    with contextlib.closing(engine), pytest.raises(EngineDisconnected, match="none can use fake"):
        measure(matrix, engine, tmp_path / "together")


def test_run_too_little_memory_says_why(cluster, tmp_path, notes):
    matrix = make_project(tmp_path, "good")
    matrix.write_text(f"{matrix.read_text()}limits: {{memory_mb: 16000000}}\n")
    inner = FakeConfig(notes)
    engine = DaskEngine(cluster.address, str(tmp_path / "parcels"), inner, patience=1)
    with (
        contextlib.closing(engine),
        pytest.raises(EngineDisconnected, match="MB of memory: the largest"),
    ):
        measure(matrix, engine, tmp_path / "together")


@pytest.mark.parametrize("inner", ["auto", "local"])
def test_run_absent_scheduler_is_infrastructure(tmp_path, monkeypatch, capsys, inner):
    monkeypatch.chdir(tmp_path)
    make_project(tmp_path, "good")
    monkeypatch.setattr("kerasmatrix.engines.dask.cluster.CONNECT_SECONDS", 0.5)
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # a port without a listener
        address = f"tcp://127.0.0.1:{taken.getsockname()[1]}"
        options = ("--scheduler", address, "--artifacts", "parcels", "--on-workers", inner)
        with pytest.raises(SystemExit) as leaving:
            cli.main(["run", "--engine", "dask", *options])
    said = capsys.readouterr().err
    assert leaving.value.code == 3
    assert f"no Dask scheduler answers at {address}" in said
    assert "dask scheduler" in said
