from types import SimpleNamespace

import pytest


class Base:
    def __init__(self, hidden, *, trainable=True, lazy=False, **kwargs):
        pass


class Scaled(Base):
    def __init__(self, units, rate=0.5, mode="sum", *, on=True, seed=None, **kwargs):
        pass


class Closed(Scaled):
    def __init__(self, units):
        pass


KERAS = SimpleNamespace(
    layers=SimpleNamespace(Layer=Base, Scaled=Scaled, Closed=Closed), activations=SimpleNamespace()
)


@pytest.fixture
def exhibits(zoo_module):
    return zoo_module("exhibits")


def test_arguments_are_those_passed_on_to_bases(exhibits):
    found = exhibits.arguments(Scaled)
    assert list(found) == ["units", "rate", "mode", "on", "seed", "trainable", "lazy"]
    assert found["units"] is exhibits.REQUIRED
    assert list(exhibits.arguments(Closed)) == ["units"]


@pytest.mark.parametrize(
    ("argument", "default", "expected"),
    [
        ("on", True, ["False"]),
        ("steps", 3, ["4"]),
        ("epsilon", 0.5, ["0.26"]),
        ("use_bias", None, []),
        ("kernel_initializer", "glorot_uniform", ["he_normal"]),
        ("recurrent_activation", "sigmoid", ["hard_sigmoid"]),
        ("strides", (1, 1), ["2"]),
        ("units", "required", ["5"]),
    ],
)
def test_candidates_are_unlike_the_default(exhibits, argument, default, expected):
    default = exhibits.REQUIRED if default == "required" else default
    assert exhibits.candidates("Scaled", argument, default) == expected


def test_exhibits_of_class_name_each_argument_and_wiring(exhibits):
    names, missing = exhibits.exhibits_of(KERAS, "layers", "Scaled")
    assert names[0] == "layers/Scaled"
    assert "layers/Scaled/units=5" in names
    assert "layers/Scaled/seed=7" in names
    assert "layers/Scaled/in-Sequential" in names
    assert missing == {}


@pytest.mark.parametrize(
    ("label", "value"),
    [("False", False), ("(2, 1)", (2, 1)), ("same", "same"), ("layers.Scaled", Scaled)],
)
def test_value_of_text(exhibits, label, value):
    assert exhibits.value_of(KERAS, label) == value


def test_arguments_of_exhibit_have_required_ones(exhibits):
    accepted = exhibits.arguments(Scaled)
    assert exhibits.arguments_of("Scaled", "rate", "0.1", accepted) == {
        "units": "3",
        "rate": "0.1",
    }


def test_values_that_are_unknown_name_no_exhibit(exhibits):
    assert exhibits.candidates("Scaled", "frobnicate", None) == []
