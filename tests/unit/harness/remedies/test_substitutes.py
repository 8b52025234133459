import pytest

from kerasmatrix.harness.remedies import architecture, rewrite
from kerasmatrix.harness.remedies.substitutes import find_substitute, is_never_usable

from .readers import FakeReader


@pytest.mark.parametrize(
    ("name", "config", "wanted"),
    [
        ("CuDNNLSTM", {"units": 3}, ("LSTM", "recurrent_activation", "sigmoid")),
        ("CuDNNGRU", {"units": 3}, ("GRU", "reset_after", True)),
        ("ThresholdedReLU", {"theta": 0.2}, ("ReLU", "threshold", 0.2)),
        ("RandomHeight", {"factor": 0.1}, ("Activation", "activation", "linear")),
        ("Identity", {"name": "i"}, ("Activation", "activation", "linear")),
        ("HeNormal", {"seed": None}, ("VarianceScaling", "scale", 2.0)),
    ],
)
def test_find_substitute_returns_a_class_with_arguments(name, config, wanted):
    found = find_substitute(name, config)
    kind, argument, value = wanted
    assert (found.name, found.config[argument]) == (kind, value)


@pytest.mark.parametrize(
    ("name", "config", "text"),
    [
        ("Rescaling", {"scale": 2.0, "offset": 1.0}, "* 2.0 + 1.0"),
        ("Normalization", {"mean": [[1]], "variance": [[4]], "axis": [-1]}, "(x - [1.0])"),
        ("UnitNormalization", {"axis": 1}, "axis=1"),
        ("Resizing", {"height": 4, "width": 5}, "[4, 5], method='bilinear'"),
    ],
)
def test_find_substitute_returns_a_function(name, config, text):
    assert text in find_substitute(name, config).source


@pytest.mark.parametrize(
    ("name", "config"),
    [
        ("Normalization", {"mean": None, "variance": None}),
        ("Resizing", {"height": 4, "width": 5, "crop_to_aspect_ratio": True}),
        ("Dense", {}),
    ],
)
def test_find_substitute_of_another_computation_is_none(name, config):
    assert find_substitute(name, config) is None


def test_rewrite_layer_without_its_class_is_replaced():
    layer = {"class_name": "CuDNNLSTM", "config": {"name": "l", "units": 3}}
    config = {"class_name": "Sequential", "config": {"name": "s", "layers": [layer]}}
    reader = FakeReader(2, {"LSTM": ("recurrent_activation",), "CuDNNLSTM": ("units",)})
    rewritten = rewrite.rewrite(architecture.Stored(config, None, archive=False), reader)
    written = rewritten.config["config"]["layers"][0]
    assert (written["class_name"], written["config"]["units"]) == ("LSTM", 3)
    assert "wrote CuDNNLSTM as LSTM" in rewritten.changes
    assert is_never_usable("CuDNNLSTM")
