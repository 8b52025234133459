import pytest

from kerasmatrix.prediction.predictor import predict_contents
from kerasmatrix.prediction.zoo import Zoo
from tests.unit.prediction.made import h5, layer, model, target

TOLD = {
    "releases": {"2.3": "a", "2.4": "b", "2.9": "c", "2.15": "d", "3.4": "e"},
    "exhibits": {
        "layers/Dense": {"h5": {"2.4-2.15": {"pass": "2.4-2.15"}}},
        "layers/Dense/units=77": {
            "h5": {"2.9": {"fail config-key-removed": "2.15", "drift outputs": "2.4"}}
        },
        "layers/LSTM": {"h5": {"2.4": {"pass": "2.4-3.4"}}},
        "layers/MultiHeadAttention": {"h5": {"2.4": {"pass": "2.3-2.15"}}},
        "layers/Flatten": {"refused": {"ValueError": "2.15"}},
        "layers/Flatten/in-TimeDistributed": {"h5": {"2.9": {"pass": "2.15"}}},
    },
}


@pytest.fixture(autouse=True)
def _zoo(monkeypatch):
    zoo = Zoo(TOLD)
    monkeypatch.setattr("kerasmatrix.prediction.predictor.measured_zoo", lambda: zoo)


def told_for(one, release, custom_names=(), keras="2.9.0"):
    contents = h5(model(one), keras=keras)
    (told,) = predict_contents(contents, [target(release)], custom_names)
    return told


@pytest.mark.parametrize(
    ("release", "status", "cause"),
    [("2.15", "fail", "config-key-removed"), ("2.4", "drift", None)],
)
def test_predict_contents_names_exhibit(release, status, cause):
    told = told_for(layer("Dense", units=77), release)
    assert (told.status, told.cause) == (status, cause)
    assert told.rule == "zoo:layers/Dense/units=77"
    assert told.because.startswith("Dense(units=77) was measured")
    assert told.because.endswith("(layer 'dense')")


def test_predict_contents_ignores_other_values():
    assert told_for(layer("Dense", units=3), "2.15").rule == "nothing-against"
    assert told_for(layer("Dense", units=77), "2.9").rule == "nothing-against"


def test_predict_contents_own_class_is_not_exhibit():
    own = layer("Dense", module="mine", registered_name="mine>Dense", units=77)
    assert told_for(own, "2.15", {"Dense"}).status == "pass"


def test_predict_contents_measured_key_is_accepted():
    old = layer("LSTM", units=2, time_major=False)
    assert told_for(old, "3.4", keras="2.4.0").cause != "config-key-removed"
    assert told_for(old, "3.4").cause == "config-key-removed"


def test_predict_contents_layer_unlike_exhibit_is_refused():
    nested = layer("LSTM", module="keras.layers", units=2, time_major=False)
    assert told_for(nested, "3.4", keras="2.4.0").cause == "config-key-removed"


def test_predict_contents_measured_class_is_not_unknown():
    old = layer("MultiHeadAttention")
    assert told_for(old, "2.3", keras="2.4.0").status == "pass"
    assert told_for(old, "2.2", keras="2.4.0").cause == "not-there-yet"


def test_predict_contents_unusual_key_is_not_refuted():
    assert told_for(layer("Dense", units=3, unheard=None), "2.15").cause == "config-key-removed"


def test_predict_contents_class_that_release_cannot_build_fails():
    told = told_for(layer("Flatten"), "2.15")
    assert (told.status, told.rule) == ("fail", "zoo:layers/Flatten")
    assert told.because == "this Keras cannot build Flatten() (layer 'flatten')"
    wrapped = layer("TimeDistributed", layer=layer("Flatten"))
    assert told_for(wrapped, "2.15").status == "pass"
