"""Commands about a file that was saved elsewhere, with real TensorFlow."""

import importlib.metadata
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from kerasmatrix.config.matrix import load_matrix
from kerasmatrix.config.project import Project
from kerasmatrix.environments.locks import read_lock
from kerasmatrix.environments.variables import worker_variables
from kerasmatrix.environments.venvs import ensure_venv
from kerasmatrix.files.bisect import Bisector
from kerasmatrix.files.check import check
from kerasmatrix.files.convert import Conversion, convert
from kerasmatrix.files.import_models import import_models
from kerasmatrix.files.manifest import Manifest
from kerasmatrix.files.model_assets import ModelAssets
from kerasmatrix.files.output import Output, write_file
from kerasmatrix.files.session import SessionOptions, open_session
from kerasmatrix.results.cells import Status
from tests.real import ENVIRONMENTS, REPAIRED, ROOT

pytestmark = pytest.mark.tensorflow

PLUGIN_MODULE = "kerasmatrix.pytest_plugin"
# A package that was installed before it had the plugin does not register it.
INSTALLED = importlib.metadata.entry_points(group="pytest11").select(value=PLUGIN_MODULE)
PLUGIN = () if INSTALLED else ("-p", PLUGIN_MODULE)
# Environments that other tests need, too.
INSTALLED_ENVIRONMENTS = {*ENVIRONMENTS, *REPAIRED}


@pytest.fixture(scope="module")
def matrix():
    whole = load_matrix(ROOT / "matrix.yaml")
    kept = {name: env for name, env in whole.environments.items() if name in INSTALLED_ENVIRONMENTS}
    return whole.model_copy(update={"environments": kept})


@pytest.fixture(scope="module")
def model(engine, matrix, tmp_path_factory):
    """A Functional model that a plain program saved as HDF5 with TensorFlow 2.4."""
    folder = tmp_path_factory.mktemp("model")
    environment = matrix.environments["tf2.4"]
    python = ensure_venv(
        environment, read_lock(ROOT / "images" / "locks", environment), engine.cache
    )
    script = ROOT / "scenarios" / "import_path" / "save.py"
    subprocess.run(
        [python, script, folder / "model.h5"],
        env=worker_variables(environment, str(folder)),
        check=True,
        capture_output=True,
    )
    return folder / "model.h5"


@pytest.fixture
def session(engine, matrix, tmp_path):
    with open_session(
        Project(ROOT / "matrix.yaml"),
        matrix,
        engine,
        options=SessionOptions(trust=True),
        store=tmp_path / "store",
    ) as opened:
        yield opened


def test_convert_file_is_loaded_by_plain_program(session, engine, matrix, model, tmp_path):
    target, output = matrix.environments["tf2.2"], tmp_path / "converted.h5"
    before = model.read_bytes()
    with import_models([model], session.store, ModelAssets()) as (model_inputs, _):
        wanted = [(model_inputs[0], Output(output, ("h5",)))]
        (converted,) = convert(session, wanted, target, [matrix.environments["tf2.4"]])
        assert isinstance(converted, Conversion), converted
        write_file(converted.path, converted.manifest, output, tmp_path / "told.json")
    made = Manifest.model_validate_json((tmp_path / "told.json").read_text())
    assert (made.action, made.remedies) == ("rewritten", ("rewrite-config",))
    assert made.verified.status is Status.PASS
    assert made.verified.weights_equal
    assert made.verified.max_abs_reference
    assert model.read_bytes() == before
    script = ROOT / "scenarios" / "import_path" / "load.py"
    python = ensure_venv(target, read_lock(ROOT / "images" / "locks", target), engine.cache)
    for file, code in ((model, 1), (output, 0)):
        done = subprocess.run(
            [python, script, file], env=worker_variables(target, str(tmp_path)),
            capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert done.returncode == code, done.stderr
    assert "Total params: 897" in done.stdout


def test_check_three_files_two_versions_import_twice(
    session, engine, matrix, model, tmp_path, monkeypatch
):
    opened = []
    begin = engine.open

    def counted(environment, *more):
        opened.append(environment.name)
        return begin(environment, *more)

    monkeypatch.setattr(engine, "open", counted)
    paths = [tmp_path / f"{number}.h5" for number in range(3)]
    for path in paths:
        shutil.copyfile(model, path)
    environments = [matrix.environments[name] for name in ("tf2.2", "tf2.4")]
    with import_models(paths, session.store, ModelAssets()) as (model_inputs, _):
        checked = check(session, model_inputs, environments)
    # Each file was loaded as the reference and as a cell, and fixed if the load fails.
    found = [(cell.loaded_with, cell.status, bool(cell.remedies)) for cell in checked.results.cells]
    assert sorted(found) == [("tf2.2", Status.FAIL, True)] * 3 + [("tf2.4", Status.PASS, False)] * 3
    assert sorted(opened) == ["tf2.2", "tf2.4"]


def test_bisect_functional_model_finds_first_loader(session, matrix, model, tmp_path):
    with import_models([model], session.store, ModelAssets()) as (model_inputs, _):
        bisector = Bisector(session, model_inputs[0], cache=tmp_path, within_matrix=True)
        found = bisector.find(matrix.environments["tf2.21"], matrix.environments["tf2.2"])
    assert (found.last_good.environment, found.first_bad.environment) == ("tf2.4", "tf2.2")
    assert found.first_bad.cause == "unknown-functional"
    assert "Unknown layer: Functional" in found.first_bad.summary
    assert found.candidates == len(INSTALLED_ENVIRONMENTS)
    assert found.loads == 4  # both ends, and log2 of the number of environments between them
    assert [(change.package, change.newer) for change in found.releases] == [
        ("tensorflow", "2.4.4")
    ]


def test_bisect_keras_3_names_release_and_refused_argument(session, engine, matrix, tmp_path):
    older, newer = matrix.environments["tf2.16"], matrix.environments["tf2.21"]
    lock = read_lock(ROOT / "images" / "locks", newer)
    subprocess.run(
        [ensure_venv(newer, lock, engine.cache), ROOT / "scenarios" / "import_path" / "save.py",
         tmp_path / "model.keras"],
        env=worker_variables(newer, str(tmp_path)), check=True, capture_output=True,
    )  # fmt: skip
    with import_models([tmp_path / "model.keras"], session.store, ModelAssets()) as (
        model_inputs,
        _,
    ):
        found = Bisector(session, model_inputs[0], cache=tmp_path, within_matrix=True).find(
            newer, older
        )
    assert (found.last_good.keras, found.first_bad.keras) == ("3.15.1", "3.4.1")
    assert found.first_bad.cause == "config-key-too-new"
    # The argument that the older Keras refuses, not the config of the whole model.
    assert any(key in found.first_bad.summary for key in ("input_axes", "quantization_config"))
    keras = next(change for change in found.releases if change.package == "keras")
    assert (keras.older, keras.newer) == ("3.4.1", "3.15.1")
    assert keras.notes.endswith("/keras/releases/tag/v3.15.1")


TRAINED = """
import sys
import numpy as np
from tensorflow import keras

model = keras.Sequential([keras.layers.Dense(3, input_shape=(4,)), keras.layers.Dense(1)])
model.compile(keras.optimizers.Adam(0.01), keras.losses.Huber(delta=0.5))
model.fit(np.ones((4, 4)), np.ones((4, 1)), epochs=5, verbose=0)
for path in sys.argv[1:]:
    model.save(path)
"""


@pytest.fixture(scope="module")
def trained(engine, matrix, tmp_path_factory):
    """A folder with a model that TensorFlow 2.15 trained for five steps, in two formats."""
    folder, environment = tmp_path_factory.mktemp("trained"), matrix.environments["tf2.15"]
    lock = read_lock(ROOT / "images" / "locks", environment)
    subprocess.run(
        [ensure_venv(environment, lock, engine.cache), "-c", TRAINED, folder / "saved",
         folder / "model.h5"],
        env=worker_variables(environment, str(folder)), check=True, capture_output=True,
    )  # fmt: skip
    return folder


def test_check_saved_model_reports_lost_optimizer_state(session, matrix, trained):
    with import_models([trained / "saved"], session.store, ModelAssets()) as (model_inputs, _):
        checked = check(session, model_inputs, [matrix.environments["tf2.15"]])
    (cell,) = checked.results.cells
    assert (cell.status, cell.lost) == (Status.DEGRADED, ("the optimizer state",))


@pytest.mark.parametrize(
    ("name", "status", "lost"),
    [
        # Keras 3 leaves the loss's delta out when it saves; the file gets it nevertheless.
        ("model.h5", Status.PASS, ()),
        ("saved", Status.DEGRADED, ("the optimizer state",)),
    ],
)
def test_convert_lists_lost_features(session, matrix, trained, name, status, lost):
    environments = [matrix.environments["tf2.15"]]
    with import_models([trained / name], session.store, ModelAssets()) as (model_inputs, _):
        wanted = [(model_inputs[0], Output(Path("new.keras"), ("keras",)))]
        (converted,) = convert(session, wanted, matrix.environments["tf2.21"], environments)
        assert isinstance(converted, Conversion), converted
    verified = converted.manifest.verified
    assert (verified.status, verified.lost) == (status, lost)


SUITE = """
import pytest

@pytest.mark.loads_in("tf2.4")
def test_generated_scenario_loads_where_saved(model_check):
    assert list(model_check("model.h5").frame["status"]) == ["pass"]

@pytest.mark.loads_in("tf2.4", "tf2.2")
def test_generated_scenario_loads_in_both(model_check):
    model_check("model.h5")
"""


def test_pytest_suite_of_user_reports_cause_and_fix(engine, model, tmp_path):
    (tmp_path / "test_model.py").write_text(SUITE)
    (tmp_path / "pytest.ini").write_text(
        "[pytest]\nkerasmatrix_engine = local\nkerasmatrix_trust = true\n"
    )
    (tmp_path / "model.h5").write_bytes(model.read_bytes())
    (tmp_path / "matrix.yaml").write_text("schema_version: 1\nextends: kerasmatrix\n")
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "--kerasmatrix-require", *PLUGIN],
        cwd=tmp_path, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert "1 failed, 1 passed" in done.stdout, done.stdout + done.stderr
    for line in (
        "not good in 1 of 2 environments",
        "tf2.2: fail: unknown-functional: ValueError: Unknown layer: Functional",
        "verified fix: rewrite-config",
    ):
        assert line in done.stdout
