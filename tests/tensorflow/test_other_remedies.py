"""Fixes that use another program, environment or version, with real TensorFlow."""

import shutil

import pytest

from kerasmatrix.config.matrix import load_matrix
from kerasmatrix.config.project import Project
from kerasmatrix.files.check import check
from kerasmatrix.files.import_models import import_models
from kerasmatrix.files.model_assets import ModelAssets
from kerasmatrix.files.reference_candidates import ReferencePolicy
from kerasmatrix.files.session import SessionOptions, open_session
from kerasmatrix.results.cells import Status
from tests.real import ROOT, cell, measure

pytestmark = pytest.mark.tensorflow

LOAD = """\
{before}
import tensorflow as tf


def load(path):
    return tf.keras.models.load_model(path)
"""
# Code before the load, the cause of its failure in tf2.21, and the fix.
PROGRAMS = [
    (
        "from tensorflow.python.keras.layers import LayerNormalization",
        "keras-package-mix",
        "one-keras",
    ),
    (
        "import tensorflow\ntensorflow.compat.v1.disable_v2_behavior()",
        "v1-mode-in-keras-3",
        "no-v1-mode",
    ),
]


@pytest.mark.parametrize(("before", "cause", "remedy"), PROGRAMS, ids=[p[2] for p in PROGRAMS])
def test_fix_for_load_script_is_verified(engine, tmp_path, before, cause, remedy):
    folder = tmp_path / "scenarios" / "hindered"
    shutil.copytree(ROOT / "scenarios" / "import_path", folder)
    (folder / "load.py").write_text(LOAD.format(before=before))
    results = measure(
        engine,
        tmp_path / "store",
        scenarios=("hindered",),
        folder=folder.parent,
        environments=("tf2.21",),
        remedies="first",
    )
    found = cell(results, "hindered", "h5", "tf2.21", "tf2.21")
    assert (found.status, found.cause) == (Status.FAIL, cause), found.summary
    assert found.repaired_by.id == remedy, found.remedies


def test_fix_by_tf_keras_environment_is_tried(engine, tmp_path):
    results = measure(
        engine,
        tmp_path,
        scenarios=("v1_vs_v2_plain",),
        environments=("tf2.16-legacy", "tf2.16"),
        remedies="first",
    )
    found = cell(results, "v1_vs_v2_plain", "h5", "tf2.16-legacy", "tf2.16")
    assert found.cause == "config-key-removed"
    (tried,) = [each for each in found.remedies if each.id == "legacy-keras"]
    assert (tried.status, tried.lost) == ("verified", ()), tried
    assert tried.hops == ("tf2.16-legacy", "tf2.16-legacy")


def test_fix_by_intermediate_version_is_verified(engine, tmp_path):
    results = measure(
        engine,
        tmp_path,
        scenarios=("import_path_python_keras",),
        formats=("h5", "weights"),
        remedies="first",
    )
    found = cell(results, "import_path_python_keras", "weights", "tf2.4", "tf2.16")
    assert found.cause == "keras-package-mix"
    assert found.repaired_by.id == "bridge", found.remedies
    assert found.repaired_by.hops == ("tf2.4", "tf2.2", "tf2.16")


def test_fix_true_name_loads_hdf5_called_keras(engine, tmp_path):
    results = measure(
        engine, tmp_path / "store", scenarios=("import_path",), environments=("tf2.15",)
    )
    saved = cell(results, "import_path", "h5", "tf2.15", "tf2.15")
    path = tmp_path / "model.keras"
    shutil.copy(tmp_path / "store" / "artifacts" / saved.artifact / "model.h5", path)
    whole = load_matrix(ROOT / "matrix.yaml")
    names = ("tf2.15", "tf2.16")
    with (
        open_session(
            Project(ROOT / "matrix.yaml"),
            whole,
            engine,
            options=SessionOptions(trust=True),
            store=tmp_path / "other",
        ) as session,
        import_models([path], session.store, ModelAssets()) as (model_inputs, _),
    ):
        environments = session.select(names).environments
        checked = check(session, model_inputs, environments, policy=ReferencePolicy(only="tf2.15"))
    found = next(each for each in checked.results.cells if each.loaded_with == "tf2.16")
    assert (found.status, found.cause) == (Status.FAIL, "not-a-zip"), found.summary
    assert found.repaired_by.id.split(" + ")[0] == "true-name", found.remedies
