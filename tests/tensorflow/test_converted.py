"""Converted files in plain programs: the next training step, and layers that a release lacks."""

import json
import subprocess

import pytest

from kerasmatrix.config.matrix import load_matrix
from kerasmatrix.config.project import Project
from kerasmatrix.environments.locks import read_lock
from kerasmatrix.environments.variables import worker_variables
from kerasmatrix.environments.venvs import ensure_venv
from kerasmatrix.files.convert import Conversion
from kerasmatrix.files.fix import OutputFolder, convert_files
from kerasmatrix.files.import_models import import_models
from kerasmatrix.files.model_assets import ModelAssets
from kerasmatrix.files.session import SessionOptions, open_session
from tests.real import ROOT

pytestmark = pytest.mark.tensorflow

# Trains models for three steps, saves them, and keeps the weights after the fourth.
SAVE = """
import sys
import numpy as np
import tensorflow as tf

keras = tf.keras
batch = np.random.RandomState(0).uniform(-1, 1, (8, 6, 2)).astype("float32")
targets = batch.sum(axis=(1, 2))[:, None]
OPTIMIZERS = {
    "adam": lambda: keras.optimizers.Adam(0.01, amsgrad=True),
    "sgd": lambda: keras.optimizers.SGD(0.01, momentum=0.9, nesterov=True),
    "rmsprop": lambda: keras.optimizers.RMSprop(0.01, momentum=0.5, centered=True),
    "adamax": lambda: keras.optimizers.Adamax(0.01),
}
for name, make in OPTIMIZERS.items():
    inputs = keras.Input((6, 2))
    tensor = keras.layers.Flatten()(inputs)
    if name == "adamax":
        tensor = keras.layers.Flatten()(keras.layers.LocallyConnected1D(3, 2)(inputs))
    tensor = keras.layers.Dense(4)(keras.layers.Dense(4, activation="tanh")(tensor))
    model = keras.Model(inputs, keras.layers.Dense(1)(tensor))
    model.compile(make(), "mse")
    for _ in range(3):
        model.train_on_batch(batch, targets)
    model.save(sys.argv[1] + "/" + name + ".h5")
    model.train_on_batch(batch, targets)
    np.savez(sys.argv[1] + "/" + name + ".npz", *model.get_weights())
"""
LOAD = """
import json
import sys
import numpy as np
{imports}
import keras

batch = np.random.RandomState(0).uniform(-1, 1, (8, 6, 2)).astype("float32")
targets = batch.sum(axis=(1, 2))[:, None]
model = keras.models.load_model(sys.argv[1])
before = model.get_weights()
model.train_on_batch(batch, targets)
after = model.get_weights()
with np.load(sys.argv[2]) as stored:
    expected = [stored[name] for name in stored.files]
step = max(float(np.abs(new - old).max()) for new, old in zip(after, before))
error = max(float(np.abs(new - wanted).max()) for new, wanted in zip(after, expected))
print(json.dumps([error, step]))
"""


@pytest.fixture(scope="module")
def matrix():
    return load_matrix(ROOT / "matrix.yaml")


def run(engine, environment, folder, *arguments):
    python = ensure_venv(
        environment, read_lock(ROOT / "images" / "locks", environment), engine.cache
    )
    done = subprocess.run(
        [python, *arguments], cwd=folder, env=worker_variables(environment, str(folder)),
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture(scope="module", params=["tf2.4", "tf2.15"])
def converted(request, engine, matrix, tmp_path_factory):
    """The folder of the original files, that of the new ones, and their manifests."""
    before, after = (tmp_path_factory.mktemp(name) for name in ("before", "after"))
    writer, target = matrix.environments[request.param], matrix.environments["tf2.21"]
    run(engine, writer, before, "-c", SAVE, before)
    with (
        open_session(
            Project(ROOT / "matrix.yaml"),
            matrix,
            engine,
            options=SessionOptions(trust=True),
            store=tmp_path_factory.mktemp("store"),
        ) as session,
        import_models(sorted(before.glob("*.h5")), session.store, ModelAssets()) as (
            model_inputs,
            _,
        ),
    ):
        outcomes = convert_files(
            session, model_inputs, target, [writer], OutputFolder(after, (before,))
        )
    assert all(isinstance(each.result, Conversion) for each in outcomes), outcomes
    return before, after, {each.file.source: each.result.manifest for each in outcomes}


@pytest.mark.parametrize("name", ["adam", "sgd", "rmsprop", "adamax"])
def test_converted_file_goes_on_training_alike(converted, engine, matrix, name):
    before, after, manifests = converted
    manifest = manifests[str(before / f"{name}.h5")]
    assert "the optimizer state" not in manifest.verified.lost
    # A layer that Keras 3 lacks is in a module next to the file.
    modules = ("keras_stand_ins.py",) if name == "adamax" else ()
    assert manifest.modules == modules
    imports = "".join(f"import {module[:-3]}\n" for module in modules)
    printed = run(
        engine, matrix.environments["tf2.21"], after, "-c",
        f"import sys; sys.path.insert(0, {str(after)!r})\n" + LOAD.format(imports=imports),
        manifest.output.path, before / f"{name}.npz",
    )  # fmt: skip
    error, step = json.loads(printed.splitlines()[-1])
    assert error < 1e-5 < step


# A wrapper that a release lacks, and a model of which only functions are left.
SAVE_OTHERS = """
import sys
import numpy as np
import tensorflow as tf

keras = tf.keras
layers = keras.layers
batch = np.random.RandomState(0).uniform(-1, 1, (8, 6, 2)).astype("float32")
wrapped = layers.SpectralNormalization(layers.Dense(3, activation="tanh"), power_iterations=2)
model = keras.Sequential([keras.Input((6, 2)), wrapped, layers.Flatten(), layers.Dense(1)])
model.compile(keras.optimizers.SGD(0.1), "mse")
targets = batch.sum(axis=(1, 2))[:, None]
model.train_on_batch(batch, targets)
model.save(sys.argv[1] + "/wrapped.keras")
model.train_on_batch(batch, targets)
np.savez(sys.argv[1] + "/wrapped.npz", model(batch))
left, right = keras.Input((6, 2), name="left"), keras.Input((4,), name="right")
outputs = layers.Dense(2)(layers.concatenate([layers.LSTM(3)(left), right]))
model = keras.Model([left, right], outputs)
model.export(sys.argv[1] + "/exported")
np.savez(sys.argv[1] + "/exported.npz", model([batch, np.ones((8, 4), "float32")]))
"""
LOAD_OTHERS = """
import json
import sys
import numpy as np
import tensorflow as tf
import {module}

batch = np.random.RandomState(0).uniform(-1, 1, (8, 6, 2)).astype("float32")
model = tf.keras.models.load_model(sys.argv[1])
if "wrapped" in sys.argv[1]:
    model.train_on_batch(batch, batch.sum(axis=(1, 2))[:, None])
    outputs = model(batch)
else:
    outputs = model({{"left": batch, "right": np.ones((8, 4), "float32")}})
with np.load(sys.argv[2]) as stored:
    print(json.dumps(float(np.abs(np.asarray(outputs) - stored["arr_0"]).max())))
"""


@pytest.mark.parametrize(
    ("name", "target", "module"),
    [
        ("wrapped.keras", "tf2.4", "keras_stand_in_wrappers"),
        ("exported", "tf2.21", "keras_saved_function"),
    ],
)
def test_converted_file_brings_what_a_release_lacks(engine, matrix, tmp_path, name, target, module):
    before, after = tmp_path / "before", tmp_path / "after"
    before.mkdir()
    writer, reader = matrix.environments["tf2.21"], matrix.environments[target]
    run(engine, writer, before, "-c", SAVE_OTHERS, before)
    project = Project(ROOT / "matrix.yaml")
    with (
        open_session(
            project, matrix, engine, options=SessionOptions(trust=True), store=tmp_path / "store"
        ) as session,
        import_models([before / name], session.store, ModelAssets()) as (inputs, _),
    ):
        place = OutputFolder(after, (before,))
        (outcome,) = convert_files(session, inputs, reader, [writer], place)
    manifest = outcome.result.manifest
    assert manifest.modules == (f"{module}.py",)
    printed = run(
        engine, reader, after, "-c",
        f"import sys; sys.path.insert(0, {str(after)!r})\n" + LOAD_OTHERS.format(module=module),
        manifest.output.path, (before / name).with_suffix(".npz"),
    )  # fmt: skip
    assert json.loads(printed.splitlines()[-1]) < 1e-5
