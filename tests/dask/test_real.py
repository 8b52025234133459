"""Real TensorFlow over a cluster and S3, a machine lost meanwhile: the table of one machine."""

import contextlib

import pytest

from kerasmatrix.engines.dask.engine import DaskEngine
from kerasmatrix.results.observations import Status
from tests.dask.real import NotingLocalRecipe, noted
from tests.dask.table import After, table
from tests.real import local_engine, measure

pytestmark = pytest.mark.tensorflow

SELECTION = {
    "environments": ("tf2.2", "tf2.4"),
    "scenarios": ("import_path", "v1_vs_v2_compat_keras"),
    "formats": ("h5", "weights"),
    # Which of two equal files is loaded depends on which is there first.
    "infer": False,
}
# Where something was, and how its file came out to the byte: HDF5 has the time of writing in it.
UNLIKE = {"artifact", "log", "traceback", "peak_memory_mb"}


def plain(value):
    if isinstance(value, dict):
        return {key: plain(each) for key, each in value.items() if key not in UNLIKE}
    return [plain(each) for each in value] if isinstance(value, list) else value


def test_real_models_over_a_cluster_that_loses_a_machine_come_to_the_table_of_one(
    cluster, s3, notes, tmp_path
):
    alone = measure(local_engine(*SELECTION["environments"]), tmp_path / "alone", **SELECTION)
    # A machine that has an answer ready when some are there takes it with it.
    doom = After(6, (notes / "kill").touch)
    recipe = NotingLocalRecipe(notes=notes)
    with contextlib.closing(
        DaskEngine(cluster.address, s3, recipe, tick=0.2, patience=30, tasks_per_order=4)
    ) as engine:
        together = measure(engine, tmp_path / "together", **SELECTION, listener=doom)
    assert doom.left < 0
    assert not (notes / "kill").exists()
    assert len({line["process"] for line in noted(notes, "opened")}) > 1
    assert plain(table(together)) == plain(table(alone))
    assert {cell.status for cell in alone.cells} >= {Status.PASS, Status.FAIL, Status.DRIFT}
    # What was lost was the machine, and not a worker: no outcome was seen twice for that.
    assert together.run.retries == alone.run.retries == 0
