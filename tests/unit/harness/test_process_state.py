"""What a task leaves behind, in real children, with something that looks like TensorFlow."""

import builtins
import logging
import os
import signal
import sys
import tempfile
import threading
import types
import warnings
from pathlib import Path

import pytest

from kerasmatrix.harness import child, process_state


class Task:
    deadline = 20
    group = "all"
    stage = None

    def __init__(self, function):
        self.function = function

    def __call__(self):
        return self.function()


@pytest.fixture
def keras(monkeypatch):
    """A Keras with a flag, a registry and automatic names, in a TensorFlow with a graph."""
    tensorflow = types.ModuleType("tensorflow")
    keras = types.ModuleType("keras")
    backend = types.ModuleType("keras.backend")
    backend.names = {}
    backend.clear_session = backend.names.clear
    graphs = []

    class Dense:
        def call(self):
            return "dense"

    keras.backend = backend
    keras.Dense = Dense
    Dense.__module__ = "keras"
    keras.registered = {"ours": 1}
    keras.eager = True
    keras.policy = None
    keras.cache = [object()]
    keras.load_model = lambda: "a model"
    keras.graphs = graphs
    tensorflow.keras = keras
    reset = types.SimpleNamespace(reset_default_graph=graphs.clear)
    tensorflow.compat = types.SimpleNamespace(v1=reset)
    for name, module in (
        ("tensorflow", tensorflow),
        ("keras", keras),
        ("keras.backend", backend),
    ):
        monkeypatch.setitem(sys.modules, name, module)
    return keras


@pytest.fixture
def after(keras, tmp_path):
    """Do one thing, and another after it in the same batch; returns their results."""
    # pytest's own modules are not what is looked at here.
    baseline = process_state.Baseline((str(tmp_path / "scenarios"),))

    def after(first, second=os.getpid):
        tasks = [Task(lambda: (first(), os.getpid())[1]), Task(second)]
        return list(child.run(tasks, 512, baseline=baseline))

    return after


def test_nothing_left_behind_is_no_reason_for_another_child(after):
    first, second = after(lambda: None)
    assert first["replaced"] is None
    assert first["value"] == second["value"]


def tell_process():
    return [
        str(Path.cwd()),
        os.environ.get("KERAS_BACKEND"),
        list(sys.path),
        tempfile.tempdir,
        [str(each) for each in warnings.filters],
        signal.getsignal(signal.SIGUSR1) == signal.SIG_DFL,
        logging.getLogger("tensorflow").level,
        len(logging.root.handlers),
    ]


def test_what_a_process_is_like_is_put_back(after, tmp_path):
    before = tell_process()

    def change():
        os.chdir(tmp_path)
        os.environ["KERAS_BACKEND"] = "jax"
        sys.path.insert(0, str(tmp_path))
        tempfile.tempdir = str(tmp_path)
        warnings.simplefilter("ignore")
        signal.signal(signal.SIGUSR1, signal.SIG_IGN)
        logging.getLogger("tensorflow").setLevel(50)
        logging.root.addHandler(logging.StreamHandler())

    first, second = after(change, tell_process)
    assert first["replaced"] is None
    assert second["value"] == before


def test_a_module_of_a_scenario_is_imported_anew(after, tmp_path):
    folder = tmp_path / "scenarios"
    folder.mkdir()
    (folder / "layers_of_this_scenario.py").write_text("count = []")

    def use():
        sys.path.insert(0, str(folder))
        import layers_of_this_scenario

        layers_of_this_scenario.count.append(1)
        return len(layers_of_this_scenario.count)

    first, second = after(use, use)
    assert first["replaced"] is None
    assert second["value"] == 1


def test_registered_objects_automatic_names_and_graphs_are_forgotten(after, keras):
    def register():
        keras.registered["mine"] = object
        keras.backend.names["dense"] = 1
        keras.graphs.append("one")

    def tell():
        return [sorted(keras.registered), keras.backend.names, keras.graphs]

    first, second = after(register, tell)
    assert first["replaced"] is None
    assert second["value"] == [["ours"], {}, []]


def test_a_cache_that_is_replaced_and_a_name_that_is_added_mean_nothing(after, keras):
    def work():
        keras.cache = [object(), object()]
        keras.added = "late"

    first, _ = after(work)
    assert first["replaced"] is None


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda keras: setattr(keras, "eager", False), "keras.eager"),
        (lambda keras: setattr(keras, "policy", "mixed_float16"), "keras.policy"),
        (lambda keras: setattr(keras, "load_model", print), "keras.load_model"),
        (lambda keras: delattr(keras, "load_model"), "keras.load_model"),
        (lambda keras: setattr(keras.Dense, "call", print), "keras.Dense.call"),
        (lambda keras: setattr(keras.Dense, "build", print), "keras.Dense.build"),
        (lambda keras: sys.modules.update(keras=keras.backend), "the module keras"),
        (lambda keras: sys.modules.pop("keras"), "the module keras, which is gone"),
        (
            lambda keras: sys.modules.update(tf_keras=types.ModuleType("tf_keras")),
            "the module tf_keras",
        ),
        (lambda keras: setattr(builtins, "print", len), "builtins.print"),
        (lambda keras: setattr(os.path, "exists", len), "exists"),
        (lambda keras: sys.setrecursionlimit(12345), "settings"),
        (lambda keras: os.umask(0o077), "settings"),
        (
            lambda keras: threading.Thread(target=signal.pause, name="mine", daemon=True).start(),
            "the thread mine",
        ),
        (lambda keras: os.fork() or signal.pause(), "a process"),
        (lambda keras: [os.dup(0) for _ in range(100)], "open files"),
    ],
)
def test_what_cannot_be_undone_is_noticed(after, keras, change, told):
    first, second = after(lambda: change(keras))
    assert first["ended"] == "returned"
    assert told in first["replaced"]
    assert second["value"] != first["value"]
