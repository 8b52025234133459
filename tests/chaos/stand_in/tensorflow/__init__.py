"""A TensorFlow of a page: enough for the harness to save and to load, in milliseconds.

The generation of an environment stands in ``STAND_IN_GENERATION``. The fate of a model is in
its name: ``plain`` always loads, ``newer`` does not load what a later generation saved, ``drifts``
computes something else elsewhere, ``dies`` and ``stuck`` do so in one generation, ``unsavable``
cannot be saved by the first. Every task leaves a line in ``STAND_IN_JOURNAL``, and one that finds
a file of its name in ``STAND_IN_GATES`` waits until that is gone.
"""

import json
import os
import signal
import sys
import time
import types
import zipfile  # noqa: F401 - as below

import h5py  # noqa: F401 - what a forked child would import for itself
import numpy as np
import numpy.random

GENERATION = int(os.environ["STAND_IN_GENERATION"])
JOURNAL = os.environ["STAND_IN_JOURNAL"]
GATES = os.environ["STAND_IN_GATES"]
FATAL, STUCK, FIRST = 3, 1, 1

__version__ = f"2.{GENERATION}.0"


def executing_eagerly():
    return True


def note(what, name):
    """Write into the journal, and wait where the way is barred."""
    told = f"{what} {name} {GENERATION}"
    handle = os.open(JOURNAL, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    os.write(handle, f"{os.getpid()} {told}\n".encode())
    os.close(handle)
    while os.path.exists(os.path.join(GATES, told.replace(" ", "-"))):
        time.sleep(0.005)


class Variable:
    def __init__(self, name, array):
        self.name = name
        self.array = np.asarray(array, "float32")

    def numpy(self):
        return self.array


class Model:
    optimizer = None

    def __init__(self, name):
        self.name = name
        self.weights = [
            Variable("kernel", np.random.uniform(size=(3, 2))),
            Variable("bias", np.zeros(2)),
        ]

    @property
    def trainable_weights(self):
        return self.weights

    def get_weights(self):
        return [variable.array for variable in self.weights]

    def set_weights(self, arrays):
        for variable, array in zip(self.weights, arrays, strict=True):
            variable.array = np.asarray(array, "float32")

    def __call__(self, batch, *, training=False):
        kernel, bias = self.get_weights()
        return np.asarray(batch) @ kernel + bias

    def save(self, path):
        if self.name == "unsavable" and GENERATION == FIRST:
            raise NotImplementedError("Layers with arguments must override get_config")
        content = {
            "name": self.name,
            "generation": GENERATION,
            "weights": [array.tolist() for array in self.get_weights()],
        }
        # In two pieces, so that there is a moment at which half a file is there.
        text = json.dumps(content)
        with open(path, "w") as file:
            file.write(text[: len(text) // 2])
            file.flush()
            file.write(text[len(text) // 2 :])

    save_weights = save

    def load_weights(self, path):
        note("load", self.name)
        with open(path) as file:
            content = json.load(file)
        self._become(content)

    def _become(self, content):
        if self.name == "newer" and content["generation"] > GENERATION:
            raise ValueError("Unknown layer: Functional")
        if self.name == "dies" and GENERATION == FATAL:
            os.kill(os.getpid(), signal.SIGSEGV)
        if self.name == "stuck" and GENERATION == STUCK:
            signal.pause()
        self.set_weights(content["weights"])
        if self.name == "drifts" and content["generation"] != GENERATION:
            self.set_weights([array + 0.5 for array in self.get_weights()])


def build(name):
    note("save", name)
    return Model(name)


def load_model(path):
    with open(path) as file:
        content = json.load(file)
    model = Model(content["name"])
    note("load", model.name)
    model._become(content)
    return model


keras = types.ModuleType("tensorflow.keras")
keras.__version__ = f"2.{GENERATION}.0"
keras.Model = Model
keras.build = build
keras.models = types.SimpleNamespace(load_model=load_model)
compat = types.SimpleNamespace(v1=types.SimpleNamespace(set_random_seed=lambda _: None))
sys.modules["tensorflow.keras"] = keras
