"""A check over a cluster equals that of one machine, and files see nothing of each other there."""

import importlib
import json

import pytest

from kerasmatrix import cli
from kerasmatrix.engines.dask.engine import DaskEngine
from tests.dask.fake import FakeRecipe, noted
from tests.dask.table import plain
from tests.unit.fakes import FakeEngine, make_project
from tests.unit.inspection import files

ENVIRONMENTS = (
    "good", "good2", "fails", "drifts", "crashes", "kills-workers", "absent",
    "fails-unless-rewrite-config",
)  # fmt: skip
FILES = 5


@pytest.fixture
def engine(cluster, s3, notes):
    # Two tasks are an order, so that the files make several of them.
    opened = DaskEngine(
        cluster.address, s3, FakeRecipe(notes), tick=0.2, patience=30, tasks_per_order=2
    )
    yield opened
    opened.close()


@pytest.fixture
def check(tmp_path, monkeypatch, capsys):
    """``kerasmatrix check`` of all files with some engine: returns the cells."""
    monkeypatch.chdir(tmp_path)
    make_project(tmp_path, *ENVIRONMENTS)
    (tmp_path / "models").mkdir()
    for number in range(FILES):
        files.hdf5_model(tmp_path / "models" / f"model-{number}.h5")
    setups = importlib.import_module("kerasmatrix.cli.session")

    def call(engine, name):
        monkeypatch.setattr(setups, "open_engine", lambda *_: engine)
        with pytest.raises(SystemExit):
            cli.main(["check", "models", "--store", name, "--output", name])
        assert "Report" in capsys.readouterr().out
        results = json.loads((tmp_path / name / "check" / "results.json").read_text())
        return results["cells"]

    return call


def test_a_check_of_many_files_is_that_of_one_machine(check, engine, notes):
    alone = check(FakeEngine(), "alone")
    together = check(engine, "together")
    assert plain(together) == plain(alone)
    assert len(alone) == FILES * len(ENVIRONMENTS)
    assert {cell["status"] for cell in alone} == {"pass", "drift", "fail", "crash", "infra"}
    assert len({line["process"] for line in noted(notes, "task")}) == 3


def test_each_file_is_seen_by_its_own_tasks_alone(check, engine, notes):
    check(engine, "together")
    seen = noted(notes, "sees")
    assert {line["tasks"] for line in seen} == {1}
    assert {tuple(line["of"]) for line in seen} == {
        (f"model-{number}.h5",) for number in range(FILES)
    }
    assert all(line["scenarios"] == line["of"] for line in seen)
    assert all(len(line["artifacts"]) <= 1 for line in seen)
    # ... and not by one machine for each environment.
    places = {(line["environment"], line["process"]) for line in seen}
    assert len(places) > len({environment for environment, _ in places})
