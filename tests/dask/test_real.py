"""Real TensorFlow on a cluster with S3: a lost worker changes no result."""

import contextlib

import pytest

from kerasmatrix.engines.dask.engine import DaskEngine
from kerasmatrix.results.cells import Status
from tests.dask.real import NotingLocalConfig, noted
from tests.dask.table import After, table
from tests.real import local_engine, measure

pytestmark = pytest.mark.tensorflow

SELECTION = {
    "environments": ("tf2.2", "tf2.4"),
    "scenarios": ("import_path", "v1_vs_v2_compat_keras"),
    "formats": ("h5", "weights"),
    # Which of two equal files is loaded depends on their order of arrival.
    "infer": False,
}
# Paths, and digests of files: HDF5 files contain the time.
UNLIKE = {"artifact", "log", "traceback", "peak_memory_mb"}


def plain(value):
    if isinstance(value, dict):
        return {key: plain(each) for key, each in value.items() if key not in UNLIKE}
    return [plain(each) for each in value] if isinstance(value, list) else value


def test_real_models_lost_worker_changes_no_result(cluster, s3, notes, tmp_path):
    alone = measure(local_engine(*SELECTION["environments"]), tmp_path / "alone", **SELECTION)
    # A worker is killed with a result that it has not sent.
    doom = After(6, (notes / "kill").touch)
    inner = NotingLocalConfig(notes=notes)
    with contextlib.closing(
        DaskEngine(cluster.address, s3, inner, patience=30, tasks_per_job=4)
    ) as engine:
        together = measure(engine, tmp_path / "together", **SELECTION, listener=doom)
    assert doom.remaining < 0
    assert not (notes / "kill").exists()
    assert len({line["machine"] for line in noted(notes, "opened")}) > 1
    assert plain(table(together)) == plain(table(alone))
    assert {cell.status for cell in alone.cells} >= {Status.PASS, Status.FAIL, Status.DRIFT}
    # A lost machine is not a dead worker, so no task was repeated to confirm it.
    assert together.run.retries == alone.run.retries == 0
