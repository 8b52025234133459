"""Remedies on a pretended Keras: what each changes about a load, and what it leaves alone."""

from types import SimpleNamespace

import pytest

from kerasmatrix.harness.remedies import remedies

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


def test_without_a_remedy_the_script_is_what_loads(case):
    loaded = remedies.load(case(), [])
    assert loaded["path"].endswith("artifact/model.h5")
    assert (loaded["compile"], loaded["custom_objects"], loaded["safe"]) == (True, None, True)


@pytest.mark.parametrize("call", ["keras.models.load_model(path)", "load_model(path)"])
def test_arguments_reach_the_scripts_own_call_by_whatever_name(case, call):
    made = case(call)
    loaded = remedies.load(made, ["no-compile", "trust-the-lambda"])
    assert (loaded["compile"], loaded["safe"]) == (False, False)
    assert made.did == ["loaded without compiling", "allowed the code in Lambda layers"]


def test_the_patched_function_is_put_back(case):
    made = case()
    before = made.keras.models.load_model
    remedies.load(made, ["no-compile"])
    assert made.keras.models.load_model is before


def test_the_models_own_classes_are_handed_over_beside_those_the_script_has(case):
    made = case("keras.models.load_model(path, custom_objects={'Other': 1})")
    loaded = remedies.load(made, ["custom-objects"])
    assert set(loaded["custom_objects"]) == {"Other", "MyLayer", "my_loss"}
    assert made.did == ["handed over MyLayer, my_loss"]


def test_what_was_only_imported_or_builds_the_model_is_not_handed_over(case):
    assert set(case().custom_objects()) == {"MyLayer", "my_loss"}


def test_where_there_is_nothing_to_hand_over_the_remedy_does_not_apply(case):
    with pytest.raises(remedies.NotApplicable, match="no classes or functions of its own"):
        remedies.load(case(save="def build(): pass"), ["custom-objects"])


def test_a_keras_without_safe_mode_needs_no_trust(case):
    made = case()
    made.keras.models.load_model = lambda path: path
    with pytest.raises(remedies.NotApplicable, match="has no safe_mode"):
        remedies.load(made, ["trust-the-lambda"])


def test_a_model_is_built_by_the_loading_scripts_code_if_it_has_some(case):
    made = case()
    assert made.build() == "built"
    made.loader["build"] = lambda: "built by load.py"
    assert made.build() == "built by load.py"


def test_tfsm_layer_calls_the_serving_signature(case):
    made = case(form="savedmodel")
    made.keras.layers = SimpleNamespace(TFSMLayer=lambda path, call_endpoint: (path, call_endpoint))
    assert remedies.load(made, ["tfsm-layer"]) == (made.path, "serving_default")
    assert made.did == ["loaded it as a layer, TFSMLayer, that calls serving_default"]


def test_tfsm_layer_without_such_a_layer_does_not_apply(case):
    made = case(form="savedmodel")
    made.keras.layers = SimpleNamespace()
    with pytest.raises(remedies.NotApplicable, match="has no TFSMLayer"):
        remedies.load(made, ["tfsm-layer"])


def test_savedmodel_goes_through_the_scripts_load(case):
    made = case(form="savedmodel")
    assert remedies.load(made, ["no-compile"])["path"] == made.path


def test_every_remedy_that_is_carried_out_by_a_load_has_its_function():
    from kerasmatrix.diagnosis.catalogue import the_catalogue

    named = {remedy.id for remedy in the_catalogue().remedies if remedy.by == "load"}
    assert named == set(remedies.REMEDIES)
