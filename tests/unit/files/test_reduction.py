import json
from dataclasses import replace

import pytest

from kerasmatrix.files.reduction import Budget, minimal, reduced
from kerasmatrix.files.small_model import (
    RandomArray,
    SmallModel,
    layer_names,
    renamed,
    without_layers,
    write_model,
)
from kerasmatrix.inspection.read import read_contents
from tests.unit.files import models


@pytest.fixture(params=["h5", "keras"])
def model(request):
    """The classifier as either format has it, with arrays for one layer."""
    config = models.config()
    if request.param == "keras":
        config = models.keras_3(config)
    path = "hidden/kernel:0" if request.param == "h5" else "vars/0"
    arrays = (RandomArray("hidden", path, (4, 3)),)
    return SmallModel(request.param, config, {"loss": "mse"}, arrays, "2.4.0")


def sources_of(model, name):
    nodes = json.dumps(models.layer_of(model.config, name)["inbound_nodes"])
    return [each for each in ("series", *layer_names(model)) if f'"{each}"' in nodes]


@pytest.mark.parametrize("needed", [set(), {3}, {0, 7}, {1, 2, 5, 9}])
def test_minimal_is_what_is_needed(needed):
    assert set(minimal(range(10), lambda kept: needed <= set(kept))) == needed


def test_without_layers_feeds_what_is_left(model):
    smaller = without_layers(model, ["hidden", "norm"])
    assert layer_names(smaller) == ["skip", "sum", "drop", "out"]
    assert sources_of(smaller, "skip") == ["series"]
    assert sources_of(smaller, "sum") == ["series", "skip"]
    assert smaller.arrays == ()


def test_without_last_layers_moves_the_output(model):
    smaller = without_layers(model, ["drop", "out"])
    assert smaller.config["config"]["output_layers"][0][0] == "sum"


def test_without_layers_of_chain_keeps_the_others():
    layers = [{"class_name": "Dense", "config": {"name": name}} for name in "abc"]
    for config in (layers, {"name": "chain", "layers": layers}):
        model = SmallModel("h5", {"class_name": "Sequential", "config": config})
        assert layer_names(without_layers(model, ["b"])) == ["a", "c"]


def test_write_model_is_read_again(model, tmp_path):
    path = tmp_path / f"small.{model.format}"
    write_model(model, path)
    contents = read_contents(path)
    assert contents.config == model.config
    assert contents.stored.weights.parameters == 12


def test_renamed_replaces_names_everywhere(model):
    text = json.dumps(renamed(model).config)
    assert not any(f'"{name}"' in text for name in ("series", "hidden", "skip"))
    assert renamed(model).arrays[0].layer == "layer_2"


def test_reduced_keeps_the_layer_and_argument_at_fault(model):
    def fails(tried):
        return '"momentum"' in json.dumps(tried.config)

    budget = Budget(fails, 200)
    small = reduced(model, budget)
    assert [layer["class_name"] for layer in small.config["config"]["layers"]] == [
        "BatchNormalization"
    ]
    assert set(small.config["config"]["layers"][0]["config"]) == {"name", "momentum"}
    assert (small.arrays, small.training) == ((), None)
    assert budget.tried < 40


def test_reduced_keeps_wiring_at_fault(model):
    def fails(tried):
        names = set(layer_names(tried))
        return len(names) > 1 and any(
            layer["class_name"] == "Add" and len(json.dumps(layer["inbound_nodes"])) > 40
            for layer in tried.config["config"]["layers"]
        )

    small = reduced(model, Budget(fails, 300))
    assert len(layer_names(small)) == 2


def test_reduced_keeps_the_compile_argument_at_fault(model):
    model = replace(model, training={"loss": "mse", "metrics": ["mae"], "loss_weights": None})
    small = reduced(model, Budget(lambda tried: "loss" in (tried.training or {}), 200))
    assert small.training == {"loss": "mse"}


def test_reduced_keeps_arrays_that_matter(model):
    small = reduced(model, Budget(lambda tried: bool(tried.arrays), 300))
    assert len(small.arrays) == 1


def test_budget_ends_the_search(model):
    budget = Budget(lambda _: True, 3)
    reduced(model, budget)
    assert budget.tried == 3


@pytest.mark.parametrize("damaged", [3, [], [["a"]], {"layers": 3}, {"layers": [{"config": 1}]}])
def test_reduced_damaged_configuration_is_left_as_it_is(damaged):
    model = SmallModel("h5", {"class_name": "Functional", "config": damaged})
    assert reduced(model, Budget(lambda tried: tried == model, 50)) == model
