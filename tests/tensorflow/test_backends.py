"""A backend of Keras 3 without TensorFlow, and the same Keras on TensorFlow, with real packages."""

import pytest

from kerasmatrix.config.matrix import load_matrix
from kerasmatrix.environments.locks import read_lock
from kerasmatrix.errors import InfrastructureError
from tests.real import ROOT, cell, measure

pytestmark = pytest.mark.tensorflow

TF, NUMPY = "tf2.21", "keras3.15-numpy"
# Scenario, format, saved with, loaded with, status, and a part of the reason.
CELLS = [
    ("baseline_functional", "keras", TF, NUMPY, "pass", ""),
    ("baseline_functional", "keras", NUMPY, TF, "pass", ""),
    ("baseline_functional", "savedmodel", TF, NUMPY, "unsupported", "needs TensorFlow"),
    ("trained_adam", "keras", TF, NUMPY, "pass", ""),
    ("trained_adam", "keras", NUMPY, TF, "unsupported", "only predicts"),
]


@pytest.fixture(scope="module")
def results(engine, tmp_path_factory):
    try:
        environment = load_matrix(ROOT / "matrix.yaml").environments[NUMPY]
        engine.prepare(environment, read_lock(ROOT / "images" / "locks", environment))
    except InfrastructureError as error:
        pytest.skip(f"no environment with the backend NumPy: {error.message}")
    return measure(
        engine,
        tmp_path_factory.mktemp("store"),
        scenarios=("baseline_functional", "trained_adam"),
        formats=("keras", "savedmodel"),
        environments=(TF, NUMPY),
    )


@pytest.mark.parametrize(("scenario", "form", "saved", "loaded", "status", "reason"), CELLS)
def test_cell_with_another_backend(results, scenario, form, saved, loaded, status, reason):
    found = cell(results, scenario, form, saved, loaded)
    assert found.status == status
    assert reason in found.summary


def test_backend_that_predicts_is_not_trained(results):
    found = cell(results, "trained_adam", "keras", TF, NUMPY)
    assert any("numpy only predicts" in reason for reason in found.not_compared)
