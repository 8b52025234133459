import pytest

from kerasmatrix.prediction.keras_api import Surface, the_surface

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
def surface():
    return Surface(TOLD)


def test_a_class_is_there_in_its_releases_only(surface):
    assert [surface.has("layers", "Old", each) for each in ("2.2", "2.9", "3.4")] == [
        True,
        False,
        True,
    ]
    assert not surface.has("layers", "Nothing", "3.4")
    assert surface.is_known("layers", "Old")
    assert not surface.is_known("losses", "Old")


def test_of_a_release_that_was_not_asked_the_nearest_before_speaks(surface):
    assert surface.has_function("activations", "gelu", "2.16")
    assert not surface.has_function("activations", "gelu", "2.8")
    assert surface.takes("layers", "Dense", "3.99") == {"units", "lora_rank"}
    assert surface.takes("layers", "Dense", "1.15") == {"dtype", "units"}
    assert surface.knows("2.9")
    assert not surface.knows("2.16")


def test_a_class_that_takes_anything_has_no_list(surface):
    assert surface.takes("layers", "Old", "2.2") is None


def test_what_a_config_must_have(surface):
    assert surface.needs("layers", "Dense", "2.9") == {"units"}


def test_operations_are_of_keras_3(surface):
    assert surface.has_operation("GetItem", "3.4")
    assert not surface.has_operation("GetItem", "2.9")
    assert surface.is_operation("GetItem")
    assert surface.is_function("activations", "gelu")


def test_what_was_measured_says_what_is_well_known():
    measured = the_surface()
    assert not measured.has("layers", "Functional", "2.2")
    assert measured.has("layers", "Functional", "2.3")
    assert "batch_shape" not in (measured.takes("layers", "InputLayer", "2.15") or ())
    assert measured.takes("layers", "InputLayer", "3.4") is None
    assert "time_major" in (measured.takes("layers", "LSTM", "2.15") or ())
    assert "time_major" not in (measured.takes("layers", "LSTM", "3.4") or ())
