"""The backend that tasks use, with packages that stand in for Keras and TensorFlow."""

import sys
import types

import numpy as np
import pytest

from kerasmatrix.harness import backend


@pytest.fixture
def keras(monkeypatch):
    """Let Keras have the backend numpy, and TensorFlow be absent."""
    seeds, cleared = [], []
    module = types.ModuleType("keras")
    module.ops = types.SimpleNamespace(convert_to_numpy=lambda tensor: tensor.content)
    module.utils = types.SimpleNamespace(set_random_seed=seeds.append)
    module.backend = types.SimpleNamespace(
        clear_session=lambda *, free_memory: cleared.append(free_memory)
    )
    module.seeds, module.cleared = seeds, cleared
    monkeypatch.setenv("KERAS_BACKEND", "numpy")
    monkeypatch.setitem(sys.modules, "keras", module)
    monkeypatch.setitem(sys.modules, "tensorflow", None)
    return module


@pytest.mark.parametrize("variable", [None, "", "tensorflow"])
def test_current_without_another_is_tensorflow(monkeypatch, variable):
    monkeypatch.delenv("KERAS_BACKEND", raising=False)
    if variable is not None:
        monkeypatch.setenv("KERAS_BACKEND", variable)
    used = backend.current()
    assert isinstance(used, backend.TensorFlow)
    assert used.trains
    assert backend.name() == "tensorflow"


def test_current_other_backend_needs_no_tensorflow(keras):
    used = backend.current()
    assert used.keras is keras
    assert used.version() == ""
    assert used.is_eager()
    used.seed(3)
    used.restart()
    assert (keras.seeds, keras.cleared) == ([3], [False])
    tensor = types.SimpleNamespace(content=[1.0, 2.0])
    assert isinstance(used.array(tensor), np.ndarray)
    assert used.value(tensor).tolist() == [1.0, 2.0]


def test_current_other_backend_gets_arrays_as_they_are(keras):
    array = np.asarray(["a", "b"])
    assert backend.current().tensor(array, None) is array


@pytest.mark.parametrize(
    ("name", "trains"), [("jax", True), ("torch", True), ("numpy", False), ("openvino", False)]
)
def test_current_knows_what_trains(monkeypatch, name, trains):
    monkeypatch.setenv("KERAS_BACKEND", name)
    assert backend.current().trains is trains
