"""A check on a cluster equals a local one, and its files do not see each other."""

import importlib
import json

import pytest

from kerasmatrix import cli
from kerasmatrix.engines.dask.engine import DaskEngine
from tests.dask.fake import FakeConfig, noted
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
    # Two tasks per job, so that there are several jobs.
    opened = DaskEngine(cluster.address, s3, FakeConfig(notes), patience=30, tasks_per_job=2)
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


def test_check_on_cluster_equals_local_check(check, engine, notes):
    alone = check(FakeEngine(), "alone")
    together = check(engine, "together")
    assert plain(together) == plain(alone)
    assert len(alone) == FILES * len(ENVIRONMENTS)
    assert {cell["status"] for cell in alone} == {"pass", "drift", "fail", "crash", "infra"}
    assert len({line["machine"] for line in noted(notes, "task")}) == 3


def test_check_on_cluster_isolates_files(check, engine, notes):
    check(engine, "together")
    seen = noted(notes, "sees")
    assert {line["tasks"] for line in seen} == {1}
    assert {tuple(line["of"]) for line in seen} == {
        (f"model-{number}.h5",) for number in range(FILES)
    }
    assert all(line["scenarios"] == line["of"] for line in seen)
    assert all(len(line["artifacts"]) <= 1 for line in seen)
    # More than one Dask worker runs tasks of an environment.
    places = {(line["environment"], line["machine"]) for line in seen}
    assert len(places) > len({environment for environment, _ in places})
