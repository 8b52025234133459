"""Exports: which converter is asked, what it lacks, and the order of inputs and outputs."""

import sys
import types

import numpy as np
import pytest

from kerasmatrix.harness import exports


class Converter:
    """TFLite's converter; it needs TensorFlow's operations if its model does."""

    def __init__(self, model):
        self.model = model
        self.target_spec = types.SimpleNamespace(supported_ops=["builtins"])

    def convert(self):
        said = self.model.said
        if said and "select" not in self.target_spec.supported_ops:
            raise RuntimeError(said)
        return b"tflite"


class Runner:
    """An interpreter's signature: doubles each input, in an order of its own."""

    names = ("args_10", "args_2")

    def __init__(self, **_):
        pass

    def get_signature_runner(self):
        return self

    def get_input_details(self):
        return {name: {"dtype": np.float32} for name in self.names}

    def __call__(self, **given):
        return {name.replace("args", "output"): array * 2 for name, array in given.items()}


@pytest.fixture
def tensorflow(monkeypatch):
    lite = types.SimpleNamespace(
        TFLiteConverter=types.SimpleNamespace(from_keras_model=Converter),
        OpsSet=types.SimpleNamespace(TFLITE_BUILTINS="builtins", SELECT_TF_OPS="select"),
        Interpreter=Runner,
    )
    module = types.ModuleType("tensorflow")
    module.__version__ = "2.21.0"
    module.lite = lite
    module.keras = types.SimpleNamespace(__version__="3.15.1")
    monkeypatch.setitem(sys.modules, "tensorflow", module)
    return module


@pytest.fixture
def tflite(monkeypatch, tensorflow):
    monkeypatch.setenv("KERASMATRIX_EXPORT", "tflite")


def model(said=None, **more):
    return types.SimpleNamespace(said=said, layers=[], **more)


def test_wanted_without_variable_is_none(monkeypatch):
    monkeypatch.delenv("KERASMATRIX_EXPORT", raising=False)
    assert exports.wanted() is None


@pytest.mark.usefixtures("tflite")
def test_export_tflite_plain_runtime_is_enough():
    facts = exports.export(model(), "folder").facts
    assert facts == {
        "format": "tflite",
        "converter": "TFLiteConverter of TensorFlow 2.21.0",
        "bytes": 6,
        "needs": None,
    }


@pytest.mark.usefixtures("tflite")
def test_export_tflite_needs_operations_of_tensorflow():
    refused = "Some ops are not supported by the native TFLite runtime, enable TF Select"
    assert "SELECT_TF_OPS" in exports.export(model(refused), "folder").facts["needs"]


@pytest.mark.usefixtures("tflite")
def test_export_other_error_is_raised():
    with pytest.raises(RuntimeError, match="no _get_save_spec"):
        exports.export(model("no _get_save_spec"), "folder")


@pytest.mark.parametrize(
    "said",
    [
        "Tensorflow op [functional/unique/Unique: UniqueV2] is not supported",
        "error: 'tf.Lookup' op is neither a custom op nor a flex op",
    ],
)
def test_export_lacking_operation_is_unsupported(monkeypatch, tensorflow, said):
    def from_keras(*_, **__):
        raise ValueError(f"many words. {said}")

    tensorflow.keras.__version__ = "2.15.0"
    converter = types.ModuleType("tf2onnx")
    converter.__version__ = "1.17.0"
    converter.convert = types.SimpleNamespace(from_keras=from_keras)
    monkeypatch.setitem(sys.modules, "tf2onnx", converter)
    monkeypatch.setenv("KERASMATRIX_EXPORT", "onnx")
    with pytest.raises(exports.Unsupported) as caught:
        exports.export(model(), "folder")
    assert str(caught.value) == said.removeprefix("error: ")


def test_outputs_operation_without_runtime_is_unsupported(tflite, monkeypatch):
    def refuse(*_, **__):
        raise RuntimeError("INVALID_GRAPH: Error No Op registered for StaticRegexReplace with")

    exported = exports.export(model(), "folder")
    monkeypatch.setattr(Runner, "__call__", refuse)
    with pytest.raises(exports.Unsupported, match=r"^No Op registered for StaticRegexReplace$"):
        exports.outputs(exported, model(), [np.ones(1)], None)


@pytest.mark.usefixtures("tflite")
def test_outputs_are_in_the_order_of_the_model():
    exported = exports.export(model(), "folder")
    inputs = [np.full((1, 2), 1, "float64"), np.full((1, 2), 2, "float64")]
    counted = exports.outputs(exported, model(), inputs, None)  # args_2 is before args_10
    assert [array[0, 0] for array in counted] == [2, 4]
    named = model(input_names=["args_10", "args_2"], output_names=["output_10", "output_2"])
    assert [array[0, 0] for array in exports.outputs(exported, named, inputs, None)] == [2, 4]
    assert counted[0].dtype == np.float32


def test_outputs_further_input_gets_no_array(tflite, monkeypatch):
    monkeypatch.setattr(Runner, "names", ("x", "constant"))
    monkeypatch.setattr(Runner, "__call__", lambda _, **given: {"missing": np.array(len(given))})
    exported = exports.export(model(), "folder")
    given = exports.outputs(exported, model(input_names=["x"]), [np.ones(1)], None)
    assert given == [1]  # the runtime is not given an array for the constant
