"""Settings as data; with fake layers and losses."""

import types

import numpy as np
import pytest

from kerasmatrix.harness import configuration
from kerasmatrix.results.layer_settings import unpacked


class Huber:
    """A loss whose config leaves its argument out, as Keras 3's do."""

    def __init__(self, delta):
        self._fn_kwargs = {"delta": delta}

    def get_config(self):
        return {"name": "huber_loss"}


Huber.__module__ = "keras.src.losses"


class Mine:
    """A layer of a user's own that forgets an argument in `get_config`."""

    name = "mine"
    trainable = True

    def __init__(self, factor, slope=0.1):
        self.factor, self.slope = factor, slope

    def get_config(self):
        return {"name": self.name, "factor": self.factor}


class Broken(Mine):
    def get_config(self):
        raise NotImplementedError


def test_described_loss_has_argument_missing_in_config():
    assert configuration.described(Huber(0.5)) == {
        "class_name": "Huber",
        "config": {"delta": 0.5, "name": "huber_loss"},
    }


@pytest.mark.parametrize(
    ("value", "data"),
    [
        (np.float32(0.5), 0.5),
        (float("nan"), "nan"),
        (np.arange(3), [0, 1, 2]),
        ((1, (2,)), [1, [2]]),
        (np.dtype("float16"), "float16"),
        (len, "len"),
        ({1: {"a", "b"}}, {"1": ["a", "b"]}),
        (b"ab", "ab"),
    ],
)
def test_described_values_are_json(value, data):
    assert configuration.described(value) == data


def test_described_long_lists_are_digests_of_their_values():
    words = [f"word {number}" for number in range(999)]
    one = configuration.described(words)
    assert one["class_name"] == "__digest__"
    assert one == configuration.described(tuple(words))
    assert one != configuration.described([*words[:-1], "another"])


def test_described_recursive_value_ends():
    circle = []
    circle.append(circle)
    assert "…" in str(configuration.described(circle))


def test_layers_include_argument_missing_in_config():
    inner = types.SimpleNamespace(name="inner", layers=[Mine(3)], save=None)
    model = types.SimpleNamespace(name="outer", layers=[Mine(2, 0.7), inner, Broken(1)])
    first, nested, broken = configuration.layers(model)
    assert first["config"] == {"slope": 0.7, "name": "mine", "factor": 2}
    assert first["custom"] is True
    assert nested["path"] == ["inner", "mine"]
    assert "config" not in broken
    assert broken["unknown"] == "get_config() raises NotImplementedError"


def test_packed_settings_can_be_unpacked():
    found = configuration.layers(types.SimpleNamespace(layers=[Mine(2)]))
    assert unpacked(configuration.packed(found)) == found


def test_packed_too_long_is_none():
    noise = np.random.RandomState(1).bytes(2 << 20).hex()
    assert configuration.packed([noise]) is None


@pytest.mark.parametrize(
    "settings", [5, {"path": ["a"]}, [5, {"path": 3}, {"path": [{}]}, {"path": ["a"], "config": 1}]]
)
def test_unpacked_entry_without_layer_is_skipped(settings):
    assert unpacked(configuration.packed(settings)) == []


@pytest.mark.parametrize("text", ["", "no base64!", "eJw=", "eJxLSkwCAAFgAGE="])
def test_unpacked_malformed_is_empty(text):
    assert unpacked(text) == []
