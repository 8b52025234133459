"""How a model is stored in a format, and that a plain load is the user's own."""

import sys
import types

import pytest

from kerasmatrix.harness import formats
from tests.unit.harness.remedies.fake_keras import tfsm_layer


class Model:
    """A model that notes how it is saved."""

    def __init__(self):
        self.saved = []

    def save(self, path, **arguments):
        self.saved.append((path, arguments))


@pytest.fixture
def tensorflow(monkeypatch):
    """Pretend that TensorFlow has a Keras of a version."""

    def pretend(keras_version):
        layers = types.SimpleNamespace(TFSMLayer=tfsm_layer("x"))
        keras = types.SimpleNamespace(__version__=keras_version, layers=layers)
        module = types.ModuleType("tensorflow")
        module.keras = keras
        monkeypatch.setitem(sys.modules, "tensorflow", module)
        return keras

    return pretend


def saved(form):
    model = Model()
    formats.save(model, form, "folder")
    ((path, arguments),) = model.saved
    return path.replace("\\", "/"), arguments


@pytest.mark.parametrize("version", ["2.4.0", "2.12.0", "2.15.0", "3.4.1"])
def test_save_keras_goes_by_the_ending_alone(tensorflow, version):
    tensorflow(version)
    assert saved("keras") == ("folder/model.keras", {})


def test_save_archive_asks_for_it_by_name_in_2_12(tensorflow):
    tensorflow("2.12.0")
    assert saved("keras-archive") == ("folder/model.keras", {"save_format": "keras_v3"})
    tensorflow("2.15.0")
    assert saved("keras-archive") == ("folder/model.keras", {})


@pytest.mark.parametrize("form", ["h5", "keras", "keras-archive", "savedmodel"])
@pytest.mark.parametrize("version", ["2.15.0", "3.4.1"])
def test_load_is_what_the_script_does(tensorflow, tmp_path, form, version):
    keras = tensorflow(version)
    names = {"keras": keras, "load": lambda path: ("loaded", path)}
    path = formats.find(form, str(tmp_path))
    assert formats.load(form, str(tmp_path), names, None) == ("loaded", path)


@pytest.mark.parametrize(
    ("version", "form", "through_layer"),
    [("3.4.1", "savedmodel", True), ("2.15.0", "savedmodel", False), ("3.4.1", "keras", False)],
)
def test_load_reference_of_a_savedmodel_in_keras_3(
    tensorflow, tmp_path, version, form, through_layer
):
    keras = tensorflow(version)
    names = {"keras": keras, "load": lambda path: ("loaded", path)}
    path = formats.find(form, str(tmp_path))
    loaded = formats.load_reference(form, str(tmp_path), names, None)
    if through_layer:
        assert (loaded.path, loaded.call_endpoint) == (path, "serving_default")
    else:
        assert loaded == ("loaded", path)


@pytest.mark.parametrize(
    ("serve", "endpoint", "takes"),
    [
        ((["b", "a"],), "serve", ["b", "a"]),
        (("b", "a"), "serve", None),
        (None, "serving_default", None),
    ],
)
def test_inference_layer_of_several_inputs_calls_serve(tensorflow, serve, endpoint, takes):
    keras = tensorflow("3.4.1")
    keras.layers.TFSMLayer = tfsm_layer("a", "b", serve=serve)
    layer = formats.inference_layer(keras, "path")
    assert layer.call_endpoint == endpoint
    assert getattr(layer, "_saved_model_inputs_spec", None) == takes
