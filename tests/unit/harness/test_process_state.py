"""Changes that a task makes to its process, in real children, with a fake TensorFlow."""

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

from kerasmatrix.harness import batch, process_state
from kerasmatrix.harness.child_process import Settings
from tests.unit.harness.batches import MEMORY, Task


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
    """Return a function that runs two tasks in one batch and returns their results."""
    state = process_state.ProcessState((str(tmp_path / "scenarios"),))

    def after(first, second=os.getpid):
        tasks = [Task(lambda: (first(), os.getpid())[1]), Task(second)]
        return list(batch.run(tasks, Settings(MEMORY, state=state)))

    return after


def test_restore_nothing_changed_keeps_child(after):
    first, second = after(lambda: None)
    assert first["replaced"] is None
    assert first["value"] == second["value"]


def describe_process():
    return [
        str(Path.cwd()),
        os.environ.get("KERAS_BACKEND"),
        list(sys.path),
        tempfile.tempdir,
        [str(line) for line in warnings.filters],
        signal.getsignal(signal.SIGUSR1) == signal.SIG_DFL,
        logging.getLogger("tensorflow").level,
        len(logging.root.handlers),
    ]


def test_restore_settings_undoes_changes(after, tmp_path):
    before = describe_process()

    def change():
        os.chdir(tmp_path)
        os.environ["KERAS_BACKEND"] = "jax"
        sys.path.insert(0, str(tmp_path))
        tempfile.tempdir = str(tmp_path)
        warnings.simplefilter("ignore")
        signal.signal(signal.SIGUSR1, signal.SIG_IGN)
        logging.getLogger("tensorflow").setLevel(50)
        logging.root.addHandler(logging.StreamHandler())

    first, second = after(change, describe_process)
    assert first["replaced"] is None
    assert second["value"] == before


def test_restore_module_of_scenario_is_imported_again(after, tmp_path):
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


def test_restore_keras_undoes_names_graphs_and_registry(after, keras):
    def register():
        keras.registered["mine"] = object
        keras.backend.names["dense"] = 1
        keras.graphs.append("one")

    def describe():
        return [sorted(keras.registered), keras.backend.names, keras.graphs]

    first, second = after(register, describe)
    assert first["replaced"] is None
    assert second["value"] == [["ours"], {}, []]


def test_restore_new_cache_or_new_name_keeps_child(after, keras):
    def work():
        keras.cache = [object(), object()]
        keras.added = "late"

    first, _ = after(work)
    assert first["replaced"] is None


@pytest.mark.parametrize(
    ("change", "reported"),
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
def test_restore_change_that_stays_is_reported(after, keras, change, reported):
    first, second = after(lambda: change(keras))
    assert first["ended"] == "returned"
    assert reported in first["replaced"]
    assert second["value"] != first["value"]
