"""A published note says that Keras stores models with `pickle`. Python itself tells: it does not.

Every unpickling of an object raises the audit event `pickle.find_class` (PEP 578), from Python 3.8
on.
"""

import json
import subprocess

import pytest

from kerasmatrix.config.matrix import load_matrix
from kerasmatrix.environments.locks import read_lock
from kerasmatrix.environments.variables import worker_variables
from kerasmatrix.environments.venvs import ensure_venv
from tests.real import ROOT

pytestmark = pytest.mark.tensorflow

PROGRAM = """\
import fractions, json, pickle, sys
seen = []
sys.addaudithook(lambda event, told: seen.append(told) if event == "pickle.find_class" else None)
import tensorflow as tf
inputs = tf.keras.Input(shape=(4,))
model = tf.keras.Model(inputs, tf.keras.layers.Dense(2, activation="relu")(inputs))
def unpickled(work):
    del seen[:]
    work()
    return len(seen)
def save_and_load(path):
    model.save(path)
    tf.keras.models.load_model(path)
print(json.dumps({
    "a pickle": unpickled(lambda: pickle.loads(pickle.dumps(fractions.Fraction(1, 2)))),
    **{path: unpickled(lambda: save_and_load(path)) for path in sys.argv[1:]},
}))
"""


@pytest.mark.parametrize(
    ("name", "files"),
    [("tf2.4", ["model.h5", "model"]), ("tf2.21", ["model.h5", "model.keras"])],
)
def test_neither_saving_nor_loading_unpickles_anything(engine, tmp_path, name, files):
    environment = load_matrix(ROOT / "matrix.yaml").environments[name]
    lock = read_lock(ROOT / "images" / "locks", environment)
    done = subprocess.run(
        [ensure_venv(environment, lock, engine.cache), "-c", PROGRAM, *files],
        env=worker_variables(environment, str(tmp_path)),
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
    )
    counts = json.loads(done.stdout.splitlines()[-1])
    assert counts.pop("a pickle") > 0  # so the event is there to be seen
    assert counts == dict.fromkeys(files, 0)
