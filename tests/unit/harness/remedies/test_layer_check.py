from kerasmatrix.harness.remedies.architecture import Stored
from kerasmatrix.harness.remedies.layer_check import check_layers
from tests.unit.harness.remedies.readers import FakeReader


def layer(kind, name, **config):
    return {"class_name": kind, "name": name, "config": {"name": name, **config}}


def model(*layers, name="m"):
    config = {"name": name, "layers": list(layers)}
    return {"class_name": "Functional", "name": name, "config": config}


def check(config, training=None, reader=None, objects=None):
    stored = Stored(config, training, archive=False)
    return check_layers(stored, reader or FakeReader(2), objects or {})


def test_check_layers_reports_every_failing_layer():
    failing = check(
        model(
            layer("Dense", "good", units=2),
            layer("Dense", "first", units=2, groups=1),
            model(layer("LSTM", "inner", units=2, time_major=False), name="nested"),
        )
    )
    assert [(part["layer"], part["class_name"], part["keys"]) for part in failing] == [
        ("first", "Dense", ["groups"]),
        ("inner", "LSTM", ["time_major"]),
    ]
    assert failing[0]["error"] == "TypeError: not understood: ['groups']"


def test_check_layers_reports_path_of_inner_argument():
    initializer = {"class_name": "GlorotUniform", "config": {"seed": 1, "input_axes": None}}
    (part,) = check(model(layer("Dense", "d", units=2, kernel_initializer=initializer, odd=1)))
    assert part["keys"] == ["kernel_initializer.input_axes", "odd"]


def test_check_layers_reports_missing_argument():
    reader = FakeReader(2, demanded={"Attention": ["query_shape"]})
    (part,) = check(model(layer("Attention", "a", heads=2)), reader=reader)
    assert part["keys"] == ["query_shape"]
    assert part["error"] == "KeyError: 'query_shape'"


def test_check_layers_own_class_fails_only_if_unknown():
    config = model(layer("Mine", "mine", odd=1))
    assert [part["class_name"] for part in check(config)] == ["Mine"]
    assert check(config, objects={"Mine": object}) == []


def test_check_layers_optimizer_of_other_generation_fails():
    training = {"optimizer_config": {"class_name": "Custom>Adam", "config": {"jit": True}}}
    (part,) = check(model(), training)
    assert (part["layer"], part["class_name"]) == (None, "optimizer Custom>Adam")
    assert part["keys"] == ["jit"]


def test_check_layers_good_model_reports_nothing():
    assert check(model(layer("Dense", "d", units=2)), {"loss": "huber"}) == []


def test_check_layers_nested_losses_and_metrics_are_checked():
    training = {"loss": {"a": "mse"}, "metrics": [["accuracy"], {"class_name": "my_loss"}]}
    failing = check(model(), training)
    assert [(part["layer"], part["class_name"]) for part in failing] == [
        (None, "loss mse"),
        (None, "metrics my_loss"),
    ]
    assert failing[0]["error"] == "ValueError: Could not locate function 'mse'"
    assert check(model(), training, objects={"mse": abs, "my_loss": abs}) == []


def test_check_layers_reports_argument_that_prevents_creation():
    class Picky(FakeReader):
        def deserialize(self, layer, custom_objects):
            if "activation" in layer["config"]:
                raise ValueError("Unknown activation")

    config = model(layer("Dense", "d", units=2, activation="odd"))
    assert check(config, reader=Picky(2))[0]["keys"] == ["activation"]


def test_check_layers_reports_index_of_object_in_list():
    cells = [{"class_name": "LSTM", "config": {"units": 1}},
             {"class_name": "LSTM", "config": {"odd": 1}}]  # fmt: skip
    config = model(layer("Bidirectional", "b", layer=1, cells=cells, wrong=1))
    assert check(config)[0]["keys"] == ["cells", "cells.1.odd", "wrong"]


def test_check_layers_malformed_config_raises_nothing():
    for config in ({}, {"config": None}, {"config": {"layers": [None, 3, {"config": []}]}}):
        check(config, {"loss": 3, "metrics": [None], "optimizer_config": {"class_name": None}})


def test_check_layers_does_not_change_the_config():
    class Greedy(FakeReader):
        def deserialize(self, layer, custom_objects):
            layer["config"].clear()

    config = model(layer("Dense", "d", units=2))
    check(config, reader=Greedy(2))
    assert config["config"]["layers"][0]["config"] == {"name": "d", "units": 2}
