"""Causes that few models have, with real TensorFlow, each with a program that shows it.

The programs are as small as they can be, and what is said of them is what TensorFlow raises.
"""

import pytest

from kerasmatrix.config.matrix import Limits
from kerasmatrix.results.cells import Status
from tests.real import ROOT, OnePairAtATime, cell, measure

pytestmark = pytest.mark.tensorflow

LOAD = """\
from tensorflow import keras


def load(path):
    return keras.models.load_model(path)
"""
# The way to load a SavedModel in the manual of Keras 3.
AS_LAYER = """\
from tensorflow import keras


def load(path):
    return keras.layers.TFSMLayer(path, call_endpoint="serving_default")
"""
UNPICKLE = """\
import pickle


def load(path):
    with open(path, "rb") as file:
        return pickle.load(file)
"""


def save(layers, before=""):
    """Return a ``save.py`` of a Sequential, with definitions before it."""
    return (
        f"from tensorflow import keras\n\n\n{before}\n\n"
        f"def build():\n    return keras.Sequential([{layers}])\n"
    )


def save_as(method):
    """Return a ``save.py`` that writes another file than this Keras would."""
    body = "\n        ".join(method.splitlines())
    return (
        "import json\nimport pickle\n\nimport h5py\nfrom tensorflow import keras\n\n\n"
        f"class Sequential(keras.Sequential):\n    def save(self, path):\n        {body}\n\n\n"
        "def build():\n    return Sequential([keras.layers.Dense(2, input_shape=(3,))])\n"
    )


def rebuild(layer):
    """Return a ``load.py`` that builds a model with ``layer`` for the weights in the file."""
    return (
        "import tensorflow as tf\n\n\n"
        "def load(path):\n"
        f"    model = tf.keras.Sequential([{layer}])\n"
        "    model.load_weights(path)\n"
        "    return model\n"
    )


# It lacks the argument `name`, which every config has.
SCALED = """\
class Scaled(keras.layers.Layer):
    def __init__(self, factor):
        super().__init__()
        self.factor = factor

    def call(self, inputs):
        return inputs * self.factor

    def get_config(self):
        return {**super().get_config(), "factor": self.factor}
"""
# A Sequential as Keras 2.2 wrote it.
AS_LIST = """\
super().save(path)
with h5py.File(path, "r+") as file:
    config = json.loads(file.attrs["model_config"])
    config["config"] = config["config"]["layers"][1:]  # without an input layer
    file.attrs["model_config"] = json.dumps(config)"""
# A Dense with the names of Keras 1.
AS_KERAS_1 = """\
super().save(path)
with h5py.File(path, "r+") as file:
    config = json.loads(file.attrs["model_config"])
    dense = config["config"]["layers"][-1]["config"]
    dense["output_dim"] = dense.pop("units")
    dense["init"] = dense.pop("kernel_initializer")
    file.attrs["model_config"] = json.dumps(config)"""
WRAPPED = "keras.layers.Bidirectional(keras.layers.LSTM(3, recurrent_activation='hard_sigmoid'))"
MAXIMUM = """\
import tensorflow as tf
from tensorflow import keras


def build():
    x = keras.Input((4, 3))
    y = keras.layers.Dense(2)(tf.reduce_max(x, axis=1) - 2.0 * x[:, 0])
    return keras.Model(x, y)
"""
DECODER = """\
from tensorflow import keras


def build():
    x, h, c = keras.Input((4, 3)), keras.Input((2,)), keras.Input((2,))
    y = keras.layers.LSTM(2)(x, initial_state=[h, c])
    return keras.Model([x, h, c], keras.layers.Dense(1)(y))
"""
ATTENTION = """\
from tensorflow import keras


def build():
    x = keras.Input((4, 3))
    return keras.Model(x, keras.layers.Attention()([x, x]))
"""
INNER_MODEL = """\
def inner():
    entry = keras.Input((4,))
    return keras.Model(entry, keras.layers.Dense(2)(entry))
"""
MODEL_IN_WRAPPER = "keras.Input((3, 4)), keras.layers.TimeDistributed(inner())"
# `save.py` and `load.py`.
PROGRAMS = {
    "attention": (ATTENTION, LOAD),
    "decoder": (DECODER, LOAD),
    "model_in_wrapper": (save(MODEL_IN_WRAPPER, INNER_MODEL), LOAD),
    "as_keras_1": (save_as(AS_KERAS_1), LOAD),
    "hard_sigmoid_wrapped": (save(f"keras.Input((4, 2)), {WRAPPED}"), LOAD),
    "function_of_tensorflow": (MAXIMUM, LOAD),
    "lambda_elsewhere": (
        save("keras.Input((3,)), keras.layers.Lambda(lambda x: x[:, 1:] ** 2 + 1)"),
        LOAD,
    ),
    # Keras 3 has no such layer.
    "locally_connected": (save("keras.layers.LocallyConnected1D(2, 1, input_shape=(3, 2))"), LOAD),
    # Keras 2 writes the axis as a list, of which Keras 3 makes an integer from 3.9 on. Without a
    # layer for the input the next one would have `batch_input_shape`, which is refused before.
    "list_as_axis": (save("keras.Input((3,)), keras.layers.BatchNormalization()"), LOAD),
    "name_out_of_scope": (
        save(
            "keras.layers.Dense(2, input_shape=(3,)), keras.layers.Lambda(lambda x: twice(x))",
            before="def twice(x):\n    return 2 * x\n",
        ),
        LOAD,
    ),
    # The name of a GRU in programs for TensorFlow 1.
    "gru_of_v1": (
        save("keras.layers.GRU(4, input_shape=(6, 3))"),
        rebuild("tf.compat.v1.keras.layers.GRU(4, input_shape=(6, 3))"),
    ),
    # It can be built without a GPU, which suffices for loading weights.
    "gru_of_cudnn": (
        save("keras.layers.GRU(4, reset_after=False, input_shape=(6, 3))"),
        rebuild("tf.compat.v1.keras.layers.CuDNNGRU(4, input_shape=(6, 3))"),
    ),
    "own_config_refused": (
        save("keras.layers.Dense(2, input_shape=(3,)), Scaled(2.0)", before=SCALED),
        "from save import Scaled\n"
        + LOAD.replace("(path)\n", '(path, custom_objects={"Scaled": Scaled})\n'),
    ),
    "weights_alone": (save_as("self.save_weights(path)"), LOAD),
    "pickled": (
        save_as('with open(path, "wb") as file:\n    pickle.dump(self, file)'),
        UNPICKLE,
    ),
    "list_as_sequential": (save_as(AS_LIST), LOAD),
    "as_layer": (save("keras.layers.Dense(2, input_shape=(3,))"), AS_LAYER),
    # A layer of Keras 3 casts its inputs, but the graph takes the original type.
    "half_as_layer": (
        (ROOT / "scenarios" / "mixed_precision" / "save.py").read_text(encoding="utf-8"),
        AS_LAYER,
    ),
    # Called directly it works; as a graph it is rewritten for oneDNN.
    "half_normalized": (
        save(
            "keras.layers.Dense(8, input_shape=(8,)), keras.layers.LayerNormalization(), "
            "keras.layers.Dense(2, dtype='float32')",
            "keras.mixed_precision.set_global_policy('mixed_float16')",
        ),
        LOAD,
    ),
    # A table of zeros, compressed, in an archive with another file.
    "zeros_in_archive": (
        save("keras.layers.Dense(2, input_shape=(3,))", "import zipfile")
        + "\n\ndef after_save(path):\n"
        "    with zipfile.ZipFile(path, 'a', zipfile.ZIP_DEFLATED) as archive:\n"
        "        archive.writestr('assets/table', bytes(300_000_000))\n",
        LOAD,
    ),
}
# Program, format, saved with, loaded with: the cause, and the fix that works, or None.
RARER = [
    ("name_out_of_scope", "h5", "tf2.15", "tf2.15", "lambda-scope-or-shape", "custom-objects"),
    ("gru_of_v1", "h5", "tf2.15", "tf2.15", "gru-reset-after", "rebuild-and-load-weights"),
    ("gru_of_cudnn", "h5", "tf2.15", "tf2.15", "weights-cudnn-layout", "rebuild-and-load-weights"),
    ("own_config_refused", "h5", "tf2.15", "tf2.15", "custom-config-contract",
     "rebuild-and-load-weights"),
    ("weights_alone", "h5", "tf2.15", "tf2.15", "weights-only-file", "rebuild-and-load-weights"),
    ("locally_connected", "h5", "tf2.15", "tf2.16", "builtin-layer-gone", "stand-ins"),
    # The pickle contains an archive with the weights.
    ("pickled", "h5", "tf2.15", "tf2.16", "pickle-module-path",
     "rewrite-config + weights-apart"),
    ("list_as_sequential", "h5", "tf2.15", "tf2.16", "sequential-as-list", "rewrite-config"),
    ("as_keras_1", "h5", "tf2.15", "tf2.15", "keras-1-file", "rewrite-config"),
    ("hard_sigmoid_wrapped", "h5", "tf2.15", "tf2.21", "config-key-removed",
     "same-function + rewrite-config"),
    ("function_of_tensorflow", "h5", "tf2.15", "tf2.21", "op-layer",
     "trust-the-lambda + rewrite-config"),
    ("lambda_elsewhere", "h5", "tf2.15", "tf2.21", "lambda-safe-mode",
     "trust-the-lambda + rewrite-config"),
    ("zeros_in_archive", "keras", "tf2.16", "tf2.21", "unpacks-too-large",
     "rebuild-and-load-weights"),
    ("model_in_wrapper", "h5", "tf2.16", "tf2.16", "wrapped-functional", "rewrite-config"),
    ("decoder", "h5", "tf2.15", "tf2.21", "config-key-removed", "rewrite-config"),
    ("attention", "h5", "tf2.21", "tf2.21", "name-taken-for-function", "rewrite-config"),
    ("list_as_axis", "keras", "tf2.15", "tf2.16", "shape-or-axis-type", "rewrite-config"),
    ("as_layer", "savedmodel", "tf2.16", "tf2.16", "inference-only", None),
    ("half_normalized", "h5", "tf2.15", "tf2.15", "kernel-of-other-type", None),
    ("half_as_layer", "savedmodel", "tf2.16", "tf2.16", "savedmodel-revival", "saved-model-load"),
]  # fmt: skip
NEVER_ENDS = "load-never-ends"


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Return a folder with each program as a scenario, in its one format."""
    folder = tmp_path_factory.mktemp("scenarios")
    forms = {case[0]: case[1] for case in RARER}
    for name, (saving, loading) in PROGRAMS.items():
        (folder / name).mkdir()
        (folder / name / "save.py").write_text(saving)
        (folder / name / "load.py").write_text(loading)
        (folder / name / "scenario.yaml").write_text(
            f"title: {name}\nshows: {name}\nformats: [{forms[name]}]\n"
        )
    return folder


@pytest.fixture(scope="module")
def rare(engine, folder, tmp_path_factory):
    """Measure all programs of one pair of versions at once."""
    store = tmp_path_factory.mktemp("store")
    return OnePairAtATime(engine, store, RARER, lambda case: case[2:4], folder)


@pytest.mark.parametrize(
    ("program", "form", "saved", "loaded", "cause", "remedy"),
    RARER,
    ids=[f"{case[4]}-{case[3]}-{case[0]}" for case in RARER],
)
def test_rare_failure_has_cause_and_fix(rare, program, form, saved, loaded, cause, remedy):
    found = rare(program, form, saved, loaded)
    assert found.status in {Status.FAIL, Status.DEGRADED}, found.summary
    assert found.cause == cause, found.summary
    repaired = found.repaired_by
    assert (repaired and repaired.id) == remedy, found.remedies


def test_load_without_end_times_out_and_is_fixed(engine, tmp_path):
    results = measure(
        engine,
        tmp_path,
        scenarios=("nested_models",),
        environments=("tf2.2", "tf2.16"),
        folder=ROOT / "scenarios",
        columns=("tf2.16",),
        # Processor time, used twice: a load that times out is repeated.
        limits=Limits(task_seconds=3),
        remedies="first",
    )
    found = cell(results, "nested_models", "h5", "tf2.2", "tf2.16")
    assert (found.status, found.cause) == (Status.TIMEOUT, NEVER_ENDS), found.summary
    assert found.repaired_by.id == "rewrite-config", found.remedies
