"""Files that are exported to ONNX and TFLite, with real converters and runtimes."""

import subprocess

import pytest

from kerasmatrix.config.matrix import load_matrix
from kerasmatrix.config.project import Project
from kerasmatrix.environments.locks import read_lock
from kerasmatrix.environments.variables import worker_variables
from kerasmatrix.environments.venvs import ensure_venv
from kerasmatrix.errors import InfrastructureError
from kerasmatrix.files.check import check
from kerasmatrix.files.import_models import import_models
from kerasmatrix.files.model_assets import ModelAssets
from kerasmatrix.files.session import SessionOptions, open_session
from tests.real import ROOT

pytestmark = pytest.mark.tensorflow

BASE = "tf2.15"
OUTPUTS = "exported with the same outputs"
# The scenario, the way out, the status and the cause.
EXPORTED = [
    ("baseline_sequential", "tf2.15-onnx", "pass", None),
    ("baseline_sequential", "tf2.15-tflite", "pass", None),
    ("lstm", "tf2.15-onnx", "pass", None),
    ("preprocessing_text", "tf2.15-onnx", "unsupported", None),
    ("lstm", "tf2.15-tflite", "degraded", "export-needs-tensorflow"),
]


@pytest.fixture(scope="module")
def cells(engine, tmp_path_factory):
    """Return the cells of the scenarios' models, by file and column."""
    matrix, folder = load_matrix(ROOT / "matrix.yaml"), tmp_path_factory.mktemp("models")
    base = matrix.environments[BASE]
    try:
        for environment in matrix.exporting:
            if environment.tensorflow == base.tensorflow:
                engine.prepare(environment, read_lock(ROOT / "images" / "locks", environment))
    except InfrastructureError as error:
        pytest.skip(f"no environments that export: {error.message}")
    python = ensure_venv(base, read_lock(ROOT / "images" / "locks", base), engine.cache)
    paths = [folder / f"{scenario}.keras" for scenario in dict.fromkeys(row[0] for row in EXPORTED)]
    for path in paths:
        subprocess.run(
            [python, ROOT / "scenarios" / path.stem / "save.py", path],
            env=worker_variables(base, str(folder)),
            check=True,
            capture_output=True,
        )
    with (
        open_session(
            Project(ROOT / "matrix.yaml"), matrix, engine, options=SessionOptions(trust=True),
            store=folder / "store",
        ) as session,
        import_models(paths, session.store, ModelAssets()) as (models, _),
    ):  # fmt: skip
        columns = (base, *session.exporting(("onnx", "tflite"), [base]))
        results = check(session, models, columns).results
    return {(cell.scenario, cell.loaded_with): cell for cell in results.cells}


@pytest.mark.parametrize(("scenario", "way_out", "status", "cause"), EXPORTED)
def test_check_exports_are_run_and_compared(cells, scenario, way_out, status, cause):
    cell = cells[f"{scenario}.keras", way_out]
    assert (cell.status, cell.cause) == (status, cause)
    assert (OUTPUTS if status != "unsupported" else "No Op registered") in cell.summary
