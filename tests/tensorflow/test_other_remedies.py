"""Remedies that take another program, another environment or another version, with TensorFlow."""

import shutil

import pytest

from kerasmatrix.config.matrix import load_matrix
from kerasmatrix.config.project import Project
from kerasmatrix.files.check import check, taken_in
from kerasmatrix.files.model_input import Companions
from kerasmatrix.files.session import open_setup
from kerasmatrix.results.observations import Status
from tests.real import ROOT, cell, measure

pytestmark = pytest.mark.tensorflow

LOAD = """\
{before}
import tensorflow as tf


def load(path):
    return tf.keras.models.load_model(path)
"""
# What a program does before it loads, what that costs it in tf2.21, and what helps.
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
def test_a_program_that_hinders_itself_is_repaired(engine, tmp_path, before, cause, remedy):
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


def test_the_same_tensorflow_with_tf_keras_is_tried(engine, tmp_path):
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


def test_a_version_in_between_loads_it_and_saves_it_again(engine, tmp_path):
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


def test_hdf5_called_keras_is_loaded_under_its_true_name(engine, tmp_path):
    results = measure(
        engine, tmp_path / "store", scenarios=("import_path",), environments=("tf2.15",)
    )
    saved = cell(results, "import_path", "h5", "tf2.15", "tf2.15")
    path = tmp_path / "model.keras"
    shutil.copy(tmp_path / "store" / "artifacts" / saved.artifact / "model.h5", path)
    whole = load_matrix(ROOT / "matrix.yaml")
    names = ("tf2.15", "tf2.16")
    with (
        open_setup(
            Project(ROOT / "matrix.yaml"), whole, engine, trust=True, store=tmp_path / "other"
        ) as setup,
        taken_in([path], setup.store, Companions()) as (given, _),
    ):
        environments = setup.select(names).environments
        checked = check(setup, given, environments, reference="tf2.15")
    found = next(each for each in checked.results.cells if each.loaded_with == "tf2.16")
    assert (found.status, found.cause) == (Status.FAIL, "container-mismatch"), found.summary
    assert found.repaired_by.id.split(" + ")[0] == "true-name", found.remedies
