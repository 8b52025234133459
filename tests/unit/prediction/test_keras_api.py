import pytest

from kerasmatrix.prediction.keras_api import KerasApi, measured_api

TOLD = {
    "releases": {"2.2": "2.3.0-tf", "2.9": "2.9.0", "3.4": "3.4.1"},
    "classes": {
        "layers": {
            "Dense": {
                "in": "2.2-3.4",
                "takes": {"2.2-2.9": ["dtype"], "2.2-3.4": ["units"], "3.4": ["lora_rank"]},
                "needs": {"2.2-3.4": ["units"]},
            },
            "Old": {"in": "2.2,3.4", "takes": {"2.2": ["*"]}},
        }
    },
    "functions": {"activations": {"gelu": "2.9-3.4"}},
    "operations": {"GetItem": "3.4"},
}


@pytest.fixture
def api():
    return KerasApi(TOLD)


def test_has_class_only_in_its_releases(api):
    assert [api.has("layers", "Old", each) for each in ("2.2", "2.9", "3.4")] == [
        True,
        False,
        True,
    ]
    assert not api.has("layers", "Nothing", "3.4")
    assert api.is_known("layers", "Old")
    assert not api.is_known("losses", "Old")


def test_has_function_unsurveyed_uses_earlier_release(api):
    assert api.has_function("activations", "gelu", "2.16")
    assert not api.has_function("activations", "gelu", "2.8")
    assert api.takes("layers", "Dense", "3.99") == {"units", "lora_rank"}
    assert api.takes("layers", "Dense", "1.15") == {"dtype", "units"}
    assert api.knows("2.9")
    assert not api.knows("2.16")


def test_takes_any_key_is_none(api):
    assert api.takes("layers", "Old", "2.2") is None


def test_needs_required_keys(api):
    assert api.needs("layers", "Dense", "2.9") == {"units"}


def test_has_operation_only_in_keras_3(api):
    assert api.has_operation("GetItem", "3.4")
    assert not api.has_operation("GetItem", "2.9")
    assert api.is_operation("GetItem")
    assert api.is_function("activations", "gelu")


def test_measured_api_has_well_known_facts():
    measured = measured_api()
    assert not measured.has("layers", "Functional", "2.2")
    assert measured.has("layers", "Functional", "2.3")
    assert "batch_shape" not in (measured.takes("layers", "InputLayer", "2.15") or ())
    assert measured.takes("layers", "InputLayer", "3.4") is None
    assert "time_major" in (measured.takes("layers", "LSTM", "2.15") or ())
    assert "time_major" not in (measured.takes("layers", "LSTM", "3.4") or ())
