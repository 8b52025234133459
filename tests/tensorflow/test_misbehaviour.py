"""Scenarios that do everything wrong, in one real worker: each is one cell's outcome."""

import pytest

from kerasmatrix.config.matrix import Limits
from kerasmatrix.results.observations import Status
from tests.real import cell, measure

pytestmark = pytest.mark.tensorflow

GOOD_SAVE = """
from tensorflow import keras

def build():
    return keras.Sequential([keras.layers.Dense(2, input_shape=(3,))])
"""
GOOD_LOAD = """
from tensorflow import keras

def load(path):
    return keras.models.load_model(path)
"""
TRAINED = """
import numpy as np
from tensorflow import keras

def build():
    model = keras.Sequential([keras.layers.Dense(2, input_shape=(3,))])
    model.compile(keras.optimizers.Adam(0.007), "mean_squared_error")
    model.fit(np.ones((4, 3)), np.ones((4, 2)), verbose=0)
    return model
"""
LINEAR = """
@tf.custom_gradient
def double(x):
    return tf.identity(x), lambda upstream: 2 * upstream

def linear(x):
    return double(x)
"""
SCENARIOS = {
    "works": (GOOD_SAVE, GOOD_LOAD),
    "save_syntax_error": ("def build(:\n", GOOD_LOAD),
    "save_is_random": (
        GOOD_SAVE.replace("import keras", "import keras\nimport tensorflow as tf").replace(
            "input_shape=(3,))",
            "input_shape=(3,)), keras.layers.Lambda(lambda x: x + tf.random.normal((4, 2)))",
        ),
        GOOD_LOAD,
    ),
    "save_is_nan": (
        GOOD_SAVE.replace(
            "(3,))]", "(3,), kernel_initializer=keras.initializers.Constant(float('nan')))]"
        ),
        GOOD_LOAD,
    ),
    "save_raises": (GOOD_SAVE + "\nraise RuntimeError('no model today')\n", GOOD_LOAD),
    "load_segfaults": (
        GOOD_SAVE,
        "import ctypes\n\ndef load(path):\n    ctypes.string_at(0)\n",
    ),
    "load_exits": (GOOD_SAVE, "import sys\n\ndef load(path):\n    sys.exit(4)\n"),
    "load_hangs": (
        GOOD_SAVE,
        "import signal\n\ndef load(path):\n    print('waiting')\n    signal.pause()\n",
    ),
    "load_eats_memory": (
        GOOD_SAVE,
        "def load(path):\n    return bytearray(2 ** 40)\n",
    ),
    "load_other_numbers": (
        GOOD_SAVE,
        GOOD_LOAD.replace("    return", "    model =")
        + "    model.set_weights([w + 1 for w in model.get_weights()])\n    return model\n",
    ),
    "load_nan": (
        GOOD_SAVE,
        GOOD_LOAD.replace("    return", "    model =")
        + "    model.set_weights([w * float('nan') for w in model.get_weights()])\n"
        "    return model\n",
    ),
    "load_prints_garbage": (
        GOOD_SAVE,
        GOOD_LOAD.replace("    return", '    print(\'{"kind": "result"}\' * 9)\n    return'),
    ),
    "load_uncompiled": (
        TRAINED,
        GOOD_LOAD.replace("load_model(path)", "load_model(path, compile=False)"),
    ),
    "load_trained": (TRAINED, GOOD_LOAD),
    "load_with_another_setting": (
        TRAINED.replace("Dense(2, input_shape=(3,))", "Dense(2, input_shape=(3,), name='first')"),
        GOOD_LOAD.replace("    return", "    model =")
        + "    model.layers[0].kernel_regularizer = keras.regularizers.l2(0.1)\n    return model\n",
    ),
    # A function of the same name, which has another gradient.
    # Adam would take the same step.
    "load_trains_otherwise": (
        TRAINED.replace("Adam(0.007)", "SGD(0.1)"),
        GOOD_LOAD.replace("    return", "    model =")
        .replace("import keras", "import keras\nimport tensorflow as tf")
        .replace("def load", LINEAR + "\ndef load")
        + "    model.layers[0].activation = linear\n    return model\n",
    ),
}

# Causes that no version is to blame for: any shows them.
CAUSES = [
    ("save_is_random", "scenario-says-nothing"),
    ("save_is_nan", "scenario-says-nothing"),
    ("load_eats_memory", "killed-for-memory"),
    ("load_uncompiled", "compile-state-lost"),
    ("load_with_another_setting", "layer-settings-changed"),
    ("load_trains_otherwise", "trains-otherwise"),
]


@pytest.fixture(scope="module")
def results(engine, tmp_path_factory):
    folder = tmp_path_factory.mktemp("scenarios")
    for name, (save, load) in SCENARIOS.items():
        (folder / name).mkdir()
        (folder / name / "save.py").write_text(save)
        (folder / name / "load.py").write_text(load)
        (folder / name / "scenario.yaml").write_text(f"title: {name}\nshows: {name}\n")
    return measure(
        engine,
        tmp_path_factory.mktemp("store"),
        scenarios=tuple(SCENARIOS),
        environments=("tf2.4",),
        folder=folder,
        limits=Limits(task_seconds=20),
    )


@pytest.mark.parametrize(
    ("scenario", "status", "words"),
    [
        ("works", Status.PASS, ""),
        ("save_syntax_error", Status.SAVE_FAILED, "SyntaxError"),
        ("save_is_random", Status.SAVE_FAILED, "not deterministic"),
        ("save_is_nan", Status.SAVE_FAILED, "every output is NaN"),
        ("save_raises", Status.SAVE_FAILED, "no model today"),
        ("load_segfaults", Status.CRASH, "killed by signal 11"),
        ("load_exits", Status.CRASH, "exit code 4"),
        ("load_hangs", Status.TIMEOUT, "no answer within 20 s"),
        ("load_eats_memory", Status.CRASH, "MemoryError"),
        ("load_other_numbers", Status.DRIFT, "outputs differ"),
        ("load_nan", Status.DRIFT, "NaN"),
        ("load_prints_garbage", Status.PASS, ""),
        ("load_uncompiled", Status.DEGRADED, "the compile state"),
        ("load_trained", Status.PASS, ""),
        ("load_with_another_setting", Status.DEGRADED, "the kernel_regularizer of layer first"),
        ("load_trains_otherwise", Status.DEGRADED, "the way it goes on training"),
    ],
)
def test_each_is_one_cells_outcome_and_nothing_elses(results, scenario, status, words):
    found = cell(results, scenario, "h5", "tf2.4", "tf2.4")
    assert found.status is status, found.summary
    assert words in found.summary


@pytest.mark.parametrize(("scenario", "cause"), CAUSES)
def test_what_a_program_does_wrong_has_its_cause(results, scenario, cause):
    found = cell(results, scenario, "h5", "tf2.4", "tf2.4")
    assert found.cause == cause, found.summary


def test_what_a_hanging_load_printed_is_kept(results):
    assert "waiting" in cell(results, "load_hangs", "h5", "tf2.4", "tf2.4").load.log


def test_the_source_line_of_a_syntax_error_is_in_the_traceback(results):
    error = cell(results, "save_syntax_error", "h5", "tf2.4", "tf2.4").error
    assert "save.py" in error.traceback
    assert "line 1" in error.traceback
