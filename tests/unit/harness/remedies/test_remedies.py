"""Remedies on a fake Keras: what each changes about a load, and what it leaves alone."""

import contextlib
import sys
from types import ModuleType, SimpleNamespace

import pytest

from kerasmatrix.harness.remedies import architecture, classes, remedies, weights
from tests.unit.harness.remedies.fake_keras import tfsm_layer

LOAD = """
class models:
    def load_model(path, custom_objects=None, compile=True, safe_mode=True):
        return dict(path=path, custom_objects=custom_objects, compile=compile, safe=safe_mode)

class keras:
    models = models

load_model = models.load_model

def load(path):
    return {call}
"""
SAVE = """
import math
from collections import OrderedDict

class MyLayer:
    pass

def my_loss(a, b):
    return a - b

def build():
    return "built"
"""


@pytest.fixture
def case(tmp_path):
    def case(call="keras.models.load_model(path)", save=SAVE, form="h5"):
        scenario = tmp_path / "scenario"
        scenario.mkdir()
        (scenario / "load.py").write_text(LOAD.replace("{call}", call))
        (scenario / "save.py").write_text(save)
        artifact = tmp_path / "artifact"
        artifact.mkdir()
        return remedies.Case(form, str(artifact), str(scenario), str(tmp_path))

    return case


def test_load_without_fix_calls_the_script(case):
    loaded = remedies.load(case(), [])
    assert loaded["path"].endswith("artifact/model.h5")
    assert (loaded["compile"], loaded["custom_objects"], loaded["safe"]) == (True, None, True)


@pytest.mark.parametrize("call", ["keras.models.load_model(path)", "load_model(path)"])
def test_load_model_arguments_reach_call_by_any_name(case, call):
    made = case(call)
    loaded = remedies.load(made, ["no-compile", "trust-the-lambda"])
    assert (loaded["compile"], loaded["safe"]) == (False, False)
    assert made.did == ["loaded without compiling", "trusted the file"]


def test_weights_apart_decodes_lambdas_where_they_are_trusted(case, monkeypatch):
    modes = []

    class SafeModeScope(contextlib.nullcontext):
        def __init__(self, safe_mode):
            super().__init__(safe_mode)
            modes.append(safe_mode)

    made = case()
    made.keras.models.load_model.__module__ = "own_keras.saving.saving_api"
    library = ModuleType("own_keras.saving.serialization_lib")
    library.SafeModeScope = SafeModeScope
    for module in (ModuleType("own_keras"), ModuleType("own_keras.saving"), library):
        module.__path__ = []
        monkeypatch.setitem(sys.modules, module.__name__, module)
    monkeypatch.setattr(architecture, "read", lambda _: SimpleNamespace(config={}))
    monkeypatch.setattr(classes.Reader, "__init__", lambda *_: None)
    monkeypatch.setattr(classes.Reader, "deserialize", lambda *_: "model")
    monkeypatch.setattr(weights, "load_into", lambda *_: "read")
    monkeypatch.setattr(remedies, "_compile_as_stored", lambda *_: None)
    assert remedies.load(made, ["weights-apart"]) == "model"
    assert modes == []
    assert remedies.load(made, ["trust-the-lambda", "weights-apart"]) == "model"
    assert modes == [False]


def test_load_model_restores_patched_function(case):
    made = case()
    before = made.keras.models.load_model
    remedies.load(made, ["no-compile"])
    assert made.keras.models.load_model is before


def test_custom_objects_are_added_to_those_of_script(case):
    made = case("keras.models.load_model(path, custom_objects={'Other': 1})")
    loaded = remedies.load(made, ["custom-objects"])
    assert set(loaded["custom_objects"]) == {"Other", "MyLayer", "my_loss"}
    assert made.did == ["passed MyLayer, my_loss"]


def test_custom_objects_omit_imports_and_build(case):
    assert set(case().custom_objects()) == {"MyLayer", "my_loss"}


def test_custom_objects_without_any_does_not_apply(case):
    with pytest.raises(remedies.NotApplicable, match="no classes or functions of its own"):
        remedies.load(case(save="def build(): pass"), ["custom-objects"])


def test_trust_the_lambda_without_safe_mode_does_not_apply(case):
    made = case()
    made.keras.models.load_model = lambda path: path
    with pytest.raises(remedies.NotApplicable, match="has no safe_mode"):
        remedies.load(made, ["trust-the-lambda"])


def test_build_prefers_code_of_load_script(case):
    made = case()
    assert made.build() == "built"
    made.loader["build"] = lambda: "built by load.py"
    assert made.build() == "built by load.py"


def test_tfsm_layer_calls_the_serving_signature(case):
    made = case(form="savedmodel")
    made.keras.layers = SimpleNamespace(TFSMLayer=tfsm_layer("x", serve=("x",)))
    layer = remedies.load(made, ["tfsm-layer"])
    assert (layer.path, layer.call_endpoint) == (made.path, "serving_default")
    assert made.did == ["loaded it as a layer, TFSMLayer, that calls serving_default"]


def test_tfsm_layer_without_such_a_layer_does_not_apply(case):
    made = case(form="savedmodel")
    made.keras.layers = SimpleNamespace()
    with pytest.raises(remedies.NotApplicable, match="has no TFSMLayer"):
        remedies.load(made, ["tfsm-layer"])


def test_savedmodel_goes_through_the_scripts_load(case):
    made = case(form="savedmodel")
    assert remedies.load(made, ["no-compile"])["path"] == made.path


def test_load_fixes_of_catalogue_have_functions():
    from kerasmatrix.diagnosis.catalogue import the_catalogue

    named = {remedy.id for remedy in the_catalogue().remedies if remedy.by == "load"}
    assert named == set(remedies.REMEDIES)
