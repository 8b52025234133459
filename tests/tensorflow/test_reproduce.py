"""The smallest model that fails alike, as a script that is run with the real version."""

import subprocess

import pytest

from kerasmatrix.config.matrix import load_matrix
from kerasmatrix.config.project import Project
from kerasmatrix.environments.locks import read_lock
from kerasmatrix.environments.variables import worker_variables
from kerasmatrix.environments.venvs import ensure_venv
from kerasmatrix.files.import_models import import_model
from kerasmatrix.files.model_assets import ModelAssets
from kerasmatrix.files.reproduce import reproduce
from kerasmatrix.files.session import SessionOptions, open_session
from tests.real import ROOT
from tests.unit.files import models

pytestmark = pytest.mark.tensorflow


@pytest.fixture(scope="module")
def matrix():
    return load_matrix(ROOT / "matrix.yaml")


@pytest.fixture
def reproduced(engine, matrix, tmp_path):
    def run(path, version):
        with (
            open_session(
                Project(ROOT / "matrix.yaml"),
                matrix,
                engine,
                options=SessionOptions(trust=True),
                store=tmp_path / "store",
            ) as session,
            import_model(path, session.store, ModelAssets()) as model_input,
        ):
            return reproduce(session, model_input, matrix.environments[version])

    return run


def run_by_hand(engine, environment, folder, script):
    python = ensure_venv(
        environment, read_lock(ROOT / "images" / "locks", environment), engine.cache
    )
    return subprocess.run(
        [python, "-c", script],
        cwd=folder,
        env=worker_variables(environment, str(folder)),
        check=False,
        capture_output=True,
        text=True,
    )


def test_reproduce_argument_of_newer_keras(reproduced, engine, matrix, tmp_path):
    config = models.config()
    models.layer_of(config, "norm")["config"]["synchronized"] = False
    path = models.hdf5(tmp_path / "model.h5", architecture=config, training=None, keras="2.12.0")
    found = reproduced(path, "tf2.4")
    assert found.layers == (7, 1)
    assert found.script.count("\n") <= 30
    assert "'synchronized': False" in found.script
    done = run_by_hand(engine, matrix.environments["tf2.4"], tmp_path, found.script)
    assert done.returncode == 1
    assert "Keyword argument not understood:', 'synchronized'" in done.stderr


def test_reproduce_wiring_of_keras_2(reproduced, engine, matrix, tmp_path):
    """A node that refers to a call that its layer does not have."""
    config = models.config()
    models.layer_of(config, "out")["inbound_nodes"] = [[["drop", 1, 0, {}]]]
    path = models.hdf5(tmp_path / "model.h5", architecture=config, training=None)
    found = reproduced(path, "tf2.21")
    assert found.script, found.why
    assert found.layers[1] <= 4
    done = run_by_hand(engine, matrix.environments["tf2.21"], tmp_path, found.script)
    assert done.returncode == 1
    assert found.failure.root.rpartition(".")[2] in done.stderr


def test_reproduce_file_that_loads_says_so(reproduced, tmp_path):
    found = reproduced(models.hdf5(tmp_path / "model.h5", training=None), "tf2.4")
    assert (found.script, found.why) == (None, "the file loads in tf2.4")
