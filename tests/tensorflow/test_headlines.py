import json
import subprocess

import pytest

from kerasmatrix.config.matrix import load_matrix
from kerasmatrix.environments.locks import read_lock
from kerasmatrix.environments.variables import worker_variables
from kerasmatrix.environments.venvs import ensure_venv
from kerasmatrix.results.observations import Status
from tests.real import ROOT, cell, check_headlines, measure

pytestmark = pytest.mark.tensorflow


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    return tmp_path_factory.mktemp("store")


@pytest.fixture(scope="module")
def results(engine, store):
    return measure(
        engine,
        store,
        scenarios=("import_path", "missing_custom_layer", "v1_vs_v2", "v1_vs_v2_compat_keras"),
        formats=("h5", "keras", "savedmodel", "weights"),
    )


def test_what_is_known_to_be_so_is_measured_so(results):
    check_headlines(results)


@pytest.mark.parametrize(
    ("saved", "loaded"),
    [("tf2.4", "tf2.2"), ("tf2.4", "tf2.4"), ("tf2.2", "tf2.16"), ("tf2.16", "tf2.4")],
)
def test_a_plain_program_sees_the_same(engine, results, store, tmp_path, saved, loaded):
    """Runs load.py by hand, as a user would, and compares its end with the cell."""
    found = cell(results, "import_path", "h5", saved, loaded)
    environment = load_matrix(ROOT / "matrix.yaml").environments[loaded]
    lock = read_lock(ROOT / "images" / "locks", environment)
    python = ensure_venv(environment, lock, engine.cache)
    script = ROOT / "scenarios" / "import_path" / "load.py"
    artifact = store / "artifacts" / found.artifact / "model.h5"
    done = subprocess.run(
        [python, script, artifact],
        env=worker_variables(environment, str(tmp_path)),
        capture_output=True,
        text=True,
        check=False,
    )
    if found.status is Status.PASS:
        assert done.returncode == 0, done.stderr
        assert "Total params: 897" in done.stdout
    else:
        last = done.stderr.strip().splitlines()[-1]
        assert last.startswith(f"{found.error.type}: ")
        assert found.error.message.splitlines()[0] in last


def test_the_artifact_says_what_was_saved(results, store):
    found = cell(results, "import_path", "h5", "tf2.4", "tf2.4")
    folder = store / "artifacts" / found.artifact
    manifest = json.loads((folder / "manifest.json").read_text())
    assert manifest["scenario"] == "import_path"
    assert sum(len(weight["shape"]) > 0 for weight in manifest["weights"]) == 6
    assert {path.name for path in folder.iterdir()} == {"manifest.json", "model.h5", "probe.npz"}
