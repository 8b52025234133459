"""Verbs about a file that was saved elsewhere, with real TensorFlow."""

import importlib.metadata
import shutil
import subprocess
import sys

import pytest

from kerasmatrix.config.matrix import load_matrix
from kerasmatrix.config.project import Project
from kerasmatrix.environments.locks import read_lock
from kerasmatrix.environments.variables import worker_variables
from kerasmatrix.environments.venvs import ensure_venv
from kerasmatrix.files.bisect import Bisector
from kerasmatrix.files.check import check, taken_in
from kerasmatrix.files.convert import Converted, Converter
from kerasmatrix.files.manifest import Manifest
from kerasmatrix.files.model_input import Companions
from kerasmatrix.files.output import write_file
from kerasmatrix.files.session import open_setup
from kerasmatrix.results.observations import Status
from tests.real import ENVIRONMENTS, REPAIRED, ROOT

pytestmark = pytest.mark.tensorflow

PLUGIN_MODULE = "kerasmatrix.pytest_plugin"
# Named where the package was installed before it had the plugin.
INSTALLED = importlib.metadata.entry_points(group="pytest11").select(value=PLUGIN_MODULE)
PLUGIN = () if INSTALLED else ("-p", PLUGIN_MODULE)
# What other tests make anyway.
MADE = {*ENVIRONMENTS, *REPAIRED}


@pytest.fixture(scope="module")
def matrix():
    whole = load_matrix(ROOT / "matrix.yaml")
    kept = {name: env for name, env in whole.environments.items() if name in MADE}
    return whole.model_copy(update={"environments": kept})


@pytest.fixture(scope="module")
def model(engine, matrix, tmp_path_factory):
    """A Functional model that TensorFlow 2.4 saved as HDF5, by hand."""
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
def setup(engine, matrix, tmp_path):
    with open_setup(
        Project(ROOT / "matrix.yaml"), matrix, engine, trust=True, store=tmp_path / "store"
    ) as opened:
        yield opened


def test_a_converted_file_is_loaded_by_a_plain_program(setup, engine, matrix, model, tmp_path):
    target, output = matrix.environments["tf2.2"], tmp_path / "converted.h5"
    before = model.read_bytes()
    with taken_in([model], setup.store, Companions()) as (given, _):
        converter = Converter(setup, given[0], target, [matrix.environments["tf2.4"]])
        converted = converter.make("h5", str(output))
        assert isinstance(converted, Converted), converted
        write_file(converted.made, converted.manifest, output, tmp_path / "told.json")
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


def test_three_files_with_two_versions_are_two_imports(
    setup, engine, matrix, model, tmp_path, monkeypatch
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
    with taken_in(paths, setup.store, Companions()) as (given, _):
        checked = check(setup, given, environments)
    # Each was loaded twice, to be compared with and to be compared, and repaired where it fails.
    found = [(cell.loaded_with, cell.status, bool(cell.remedies)) for cell in checked.results.cells]
    assert sorted(found) == [("tf2.2", Status.FAIL, True)] * 3 + [("tf2.4", Status.PASS, False)] * 3
    assert sorted(opened) == ["tf2.2", "tf2.4"]


def test_the_first_version_that_loads_a_functional_model_is_found(setup, matrix, model, tmp_path):
    with taken_in([model], setup.store, Companions()) as (given, _):
        bisector = Bisector(setup, given[0], cache=tmp_path, within_matrix=True)
        found = bisector.find(matrix.environments["tf2.21"], matrix.environments["tf2.2"])
    assert (found.last_good.environment, found.first_bad.environment) == ("tf2.4", "tf2.2")
    assert found.first_bad.cause == "unknown-functional"
    assert "Unknown layer: Functional" in found.first_bad.summary
    assert found.candidates == len(MADE)
    assert found.loads == 4  # both ends, and log2 of what lies between
    assert [(change.package, change.newer) for change in found.releases] == [
        ("tensorflow", "2.4.4")
    ]


def test_a_release_of_keras_3_is_named_with_what_an_older_one_does_not_take(
    setup, engine, matrix, tmp_path
):
    older, newer = matrix.environments["tf2.16"], matrix.environments["tf2.21"]
    lock = read_lock(ROOT / "images" / "locks", newer)
    subprocess.run(
        [ensure_venv(newer, lock, engine.cache), ROOT / "scenarios" / "import_path" / "save.py",
         tmp_path / "model.keras"],
        env=worker_variables(newer, str(tmp_path)), check=True, capture_output=True,
    )  # fmt: skip
    with taken_in([tmp_path / "model.keras"], setup.store, Companions()) as (given, _):
        found = Bisector(setup, given[0], cache=tmp_path, within_matrix=True).find(newer, older)
    assert (found.last_good.keras, found.first_bad.keras) == ("3.15.1", "3.4.1")
    assert found.first_bad.cause == "config-key-too-new"
    # What an older Keras is given of a newer one's, and not the config of the whole model.
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


def test_check_says_that_the_steps_in_a_saved_model_are_lost(setup, matrix, trained):
    with taken_in([trained / "saved"], setup.store, Companions()) as (given, _):
        checked = check(setup, given, [matrix.environments["tf2.15"]])
    (cell,) = checked.results.cells
    assert (cell.status, cell.lost) == (Status.DEGRADED, ("the optimizer state",))


def test_convert_lists_what_the_new_file_has_lost(setup, matrix, trained):
    environments = [matrix.environments["tf2.15"]]
    with taken_in([trained / "model.h5"], setup.store, Companions()) as (given, _):
        converter = Converter(setup, given[0], matrix.environments["tf2.21"], environments)
        converted = converter.make("keras", "new.keras")
        assert isinstance(converted, Converted), converted
    verified = converted.manifest.verified
    assert verified.status is Status.DEGRADED
    assert "the optimizer state" in verified.lost
    assert any(lost.startswith("the loss's delta (0.5 became") for lost in verified.lost)


SUITE = """
import pytest

@pytest.mark.loads_in("tf2.4")
def test_it_loads_where_it_was_saved(model_check):
    assert list(model_check("model.h5").frame["status"]) == ["pass"]

@pytest.mark.loads_in("tf2.4", "tf2.2")
def test_it_loads_in_both(model_check):
    model_check("model.h5")
"""


def test_a_suite_of_ones_own_is_told_cause_and_remedy(engine, model, tmp_path):
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
    for said in (
        "model.h5 does not come back as it was in 1 of 2 environments",
        "tf2.2: fail: unknown-functional: ValueError: Unknown layer: Functional",
        "what was seen to help there: rewrite-config",
    ):
        assert said in done.stdout
