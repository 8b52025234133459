"""The difference of files that real versions wrote: one model in each layout of its weights."""

import subprocess

import pytest

from kerasmatrix.config.matrix import load_matrix
from kerasmatrix.environments.locks import read_lock
from kerasmatrix.environments.variables import worker_variables
from kerasmatrix.environments.venvs import ensure_venv
from kerasmatrix.files.diff import diff
from tests.real import ROOT

pytestmark = pytest.mark.tensorflow

SCRIPT = """
import sys
import numpy as np
import tensorflow as tf

layers = tf.keras.layers
start = tf.keras.Input((6, 4), name="series")
x = layers.Conv1D(5, 3, padding="same", activation="relu", name="conv")(start)
x = layers.BatchNormalization(name="norm")(x)
x = layers.Bidirectional(layers.LSTM(2, return_sequences=True), name="both")(x)
inner_start = tf.keras.Input((6, 4), name="inner_start")
y = layers.BatchNormalization(name="inner_norm")(inner_start)
inner = tf.keras.Model(inner_start, layers.Dense(3, name="inner_dense")(y), name="inner")
x = layers.GRU(3, name="gru")(inner(x))
model = tf.keras.Model(start, layers.Dense(1, name="out")(x), name="model")
random = np.random.RandomState(0)
for layer in model.layers:
    layer.set_weights([random.rand(*array.shape) for array in layer.get_weights()])
for path in sys.argv[1:]:
    save = model.save_weights if ".weights." in path or path.endswith("_tf") else model.save
    save(path)
gru = model.get_layer("gru")
gru.set_weights([array + 0.5 for array in gru.get_weights()])
model.save(sys.argv[1].replace("model", "trained"))
"""
FILES = {
    "tf2.4": ("model.h5", "model.weights.h5", "model_tf", "model_saved"),
    "tf2.15": ("model.keras", "model.h5", "model.weights.h5", "model_tf"),
    "tf2.21": ("model.keras", "model.h5", "model.weights.h5"),
}
ALL = [(version, name) for version, names in FILES.items() for name in names]


@pytest.fixture(scope="module")
def folder(engine, tmp_path_factory):
    """A folder for each version with the files that it wrote of one model."""
    matrix = load_matrix(ROOT / "matrix.yaml")
    root = tmp_path_factory.mktemp("diff")
    for version, names in FILES.items():
        environment = matrix.environments[version]
        python = ensure_venv(
            environment, read_lock(ROOT / "images" / "locks", environment), engine.cache
        )
        (root / version).mkdir()
        subprocess.run(
            [python, "-c", SCRIPT, *(str(root / version / name) for name in names)],
            env=worker_variables(environment, str(root)),
            check=True,
            capture_output=True,
        )
    return root


@pytest.mark.parametrize(("version", "name"), ALL)
def test_diff_one_model_has_equal_weights(folder, version, name):
    found = diff(folder / "tf2.4" / "model.h5", folder / version / name)
    assert found.same_bytes or found.weights == "equal", found.verdict
    assert found.same_bytes or found.architecture in {"equal", "missing in b"}
    assert not any(layer.arguments or layer.wiring for layer in found.layers)


@pytest.mark.parametrize("name", ["tf2.4/trained.h5", "tf2.15/trained.keras"])
def test_diff_trained_model_differs_in_one_layer(folder, name):
    found = diff(folder / "tf2.21" / "model.keras", folder / name)
    states = {layer.a: layer.weights.state for layer in found.layers if layer.weights}
    assert [layer for layer, state in states.items() if state != "equal"] == ["gru"]
    assert found.verdict.startswith(
        "same architecture, 1 of 7 layers with weights retrained (largest change 0.5)"
    )
