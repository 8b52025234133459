"""Models whose inputs cannot be just any numbers, with real TensorFlow."""

import subprocess

import numpy as np
import pytest

from kerasmatrix.config.matrix import load_matrix
from kerasmatrix.config.project import Project
from kerasmatrix.environments.locks import read_lock
from kerasmatrix.environments.variables import worker_variables
from kerasmatrix.environments.venvs import ensure_venv
from kerasmatrix.files.check import check, taken_in
from kerasmatrix.files.model_input import Companions
from kerasmatrix.files.session import open_setup
from kerasmatrix.results.observations import Status
from tests.real import ENVIRONMENTS, REPAIRED, ROOT

pytestmark = pytest.mark.tensorflow

MAKE = """
import sys
import numpy as np
import tensorflow as tf

keras, layers = tf.keras, tf.keras.layers
folder = sys.argv[1]


def save(name, inputs, outputs):
    keras.Model(inputs, outputs).save(folder + "/" + name + ".keras")


first, second = keras.Input((6,)), keras.Input((2,))
joined = layers.Reshape((4, 2))(layers.Concatenate()([first, second]))
indices = layers.Flatten()(layers.Embedding(9, 3)(joined))
save("embedding_behind", [first, second], layers.Dense(1)(indices))

image = keras.Input((None, None, 3))
wide = layers.Conv2D(4, 3, padding="same")(image)
deep = layers.UpSampling2D(8)(layers.MaxPooling2D(8)(wide))
save("u_net", image, layers.Concatenate()([deep, wide]))

text = keras.Input((1,), dtype="string")
vectorizer = layers.TextVectorization(max_tokens=20, output_sequence_length=4)
vectorizer.adapt(np.array(["the cat sat on the mat"]))
words = layers.Embedding(20, 3)(vectorizer(text))
save("text", text, layers.GlobalAveragePooling1D()(words))

channels = keras.Input((3, 12, 12))
conv = layers.Conv2D(4, 3, data_format="channels_first")(channels)
conv = layers.Conv2DTranspose(2, 3, dilation_rate=2, data_format="channels_first")(conv)
save("channels_first", channels, conv)

tree = {"b": keras.Input((2,), name="b"), "a": keras.Input((4,), name="a")}
save("dict_inputs", tree, {"c": layers.Dense(1)(layers.concatenate([tree["a"], tree["b"]]))})

for policy in ("mixed_float16", "mixed_bfloat16"):
    keras.mixed_precision.set_global_policy(policy)
    small = keras.Input((8, 8, 3))
    conv = layers.Flatten()(layers.Conv2D(4, 3)(small))
    save(policy, small, layers.Dense(2, dtype="float32")(layers.Dense(4, "relu")(conv)))
"""
ABORTS = """
import sys
import tensorflow as tf

keras = tf.keras
inputs = keras.Input((3,))
# When the model is put together it gets a tensor without a value.
end = keras.layers.Lambda(lambda x: x if not hasattr(x, "numpy") else __import__("os").abort())
keras.Model(inputs, end(inputs)).save(sys.argv[1])
"""
NAMES = (
    "channels_first", "dict_inputs", "embedding_behind", "mixed_bfloat16", "mixed_float16", "text",
    "u_net",
)  # fmt: skip


@pytest.fixture(scope="module")
def matrix():
    whole = load_matrix(ROOT / "matrix.yaml")
    kept = {name: whole.environments[name] for name in {*ENVIRONMENTS, *REPAIRED}}
    return whole.model_copy(update={"environments": kept})


@pytest.fixture(params=["tf2.15", "tf2.21"])
def models(request, engine, matrix, tmp_path):
    """Archives that a version saved, by a program of its own."""
    environment = matrix.environments[request.param]
    lock = read_lock(ROOT / "images" / "locks", environment)
    folder = tmp_path / "models"
    folder.mkdir()
    script = tmp_path / "make.py"
    script.write_text(MAKE)
    subprocess.run(
        [ensure_venv(environment, lock, engine.cache), script, folder],
        env=worker_variables(environment, str(tmp_path)),
        check=True,
        capture_output=True,
    )
    return request.param, [folder / f"{name}.keras" for name in NAMES]


@pytest.fixture
def setup(engine, matrix, tmp_path):
    with open_setup(
        Project(ROOT / "matrix.yaml"), matrix, engine, trust=True, store=tmp_path / "store",
        remedies="none",
    ) as opened:  # fmt: skip
        yield opened


def test_models_are_called_where_they_were_saved(setup, matrix, models):
    name, paths = models
    with taken_in(paths, setup.store, Companions()) as (given, _):
        checked = check(setup, given, [matrix.environments[name]])
    found = {cell.scenario: (cell.status, cell.summary) for cell in checked.results.cells}
    assert {status for status, _ in found.values()} == {Status.PASS}, found


def test_call_that_ends_the_process_everywhere_is_a_crash(setup, engine, matrix, tmp_path):
    environment = matrix.environments["tf2.15"]
    lock = read_lock(ROOT / "images" / "locks", environment)
    path, script = tmp_path / "aborts.h5", tmp_path / "make.py"
    script.write_text(ABORTS)
    subprocess.run(
        [ensure_venv(environment, lock, engine.cache), script, path],
        env=worker_variables(environment, str(tmp_path)), check=True, capture_output=True,
    )  # fmt: skip
    with taken_in([path], setup.store, Companions()) as (given, _):
        checked = check(setup, given, [environment])
    (cell,) = (each for each in checked.results.cells if each.loaded_with == "tf2.15")
    assert cell.status is Status.CRASH


def test_inputs_that_do_not_fit_are_not_comparable(setup, matrix, models, tmp_path):
    name, paths = models
    sample = tmp_path / "samples"
    sample.mkdir()
    np.savez(sample / "u_net.npz", image=np.zeros((2, 8, 8, 1), "float32"))
    np.savez(sample / "embedding_behind.keras.npz", np.ones((3, 6)), np.zeros((3, 2)))
    wanted = [path for path in paths if path.stem in {"u_net", "embedding_behind"}]
    with taken_in(wanted, setup.store, Companions(inputs=sample)) as (given, _):
        checked = check(setup, given, [matrix.environments[name]])
    found = {cell.scenario: cell for cell in checked.results.cells}
    assert found["embedding_behind.keras"].status is Status.PASS
    told = found["u_net.keras"]
    assert told.status is Status.NOT_COMPARABLE
    assert "float32 (any, any, any, 3): they are image: float32 (2, 8, 8, 1)" in told.summary
