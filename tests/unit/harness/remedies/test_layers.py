from kerasmatrix.harness.remedies.architecture import Stored
from kerasmatrix.harness.remedies.layers import probe
from tests.unit.harness.remedies.readers import FakeReader


def layer(kind, name, **config):
    return {"class_name": kind, "name": name, "config": {"name": name, **config}}


def model(*layers, name="m"):
    config = {"name": name, "layers": list(layers)}
    return {"class_name": "Functional", "name": name, "config": config}


def culprits(told, training=None, reader=None, objects=None):
    return probe(Stored(told, training, archive=False), reader or FakeReader(2), objects or {})


def test_every_layer_at_fault_is_named_with_its_arguments_and_not_only_the_first():
    found = culprits(
        model(
            layer("Dense", "good", units=2),
            layer("Dense", "first", units=2, groups=1),
            model(layer("LSTM", "inner", units=2, time_major=False), name="nested"),
        )
    )
    assert [(each["layer"], each["class_name"], each["keys"]) for each in found] == [
        ("first", "Dense", ["groups"]),
        ("inner", "LSTM", ["time_major"]),
    ]
    assert found[0]["error"] == "TypeError: not understood: ['groups']"


def test_arguments_of_objects_within_a_layer_are_named_by_their_path():
    initializer = {"class_name": "GlorotUniform", "config": {"seed": 1, "input_axes": None}}
    (found,) = culprits(model(layer("Dense", "d", units=2, kernel_initializer=initializer, odd=1)))
    assert found["keys"] == ["kernel_initializer.input_axes", "odd"]


def test_an_argument_that_is_missed_is_named():
    reader = FakeReader(2, demanded={"Attention": ["query_shape"]})
    (found,) = culprits(model(layer("Attention", "a", heads=2)), reader=reader)
    assert found["keys"] == ["query_shape"]
    assert found["error"] == "KeyError: 'query_shape'"


def test_a_class_of_the_models_own_is_at_fault_only_where_it_is_not_known():
    told = model(layer("Mine", "mine", odd=1))
    assert [each["class_name"] for each in culprits(told)] == ["Mine"]
    assert culprits(told, objects={"Mine": object}) == []


def test_an_optimizer_of_another_generation_is_at_fault():
    training = {"optimizer_config": {"class_name": "Custom>Adam", "config": {"jit": True}}}
    (found,) = culprits(model(), training)
    assert (found["layer"], found["class_name"]) == (None, "optimizer Custom>Adam")
    assert found["keys"] == ["jit"]


def test_where_every_part_can_be_made_nothing_is_at_fault():
    assert culprits(model(layer("Dense", "d", units=2)), {"loss": "huber"}) == []


def test_losses_and_metrics_are_parts_too_however_they_are_nested():
    training = {"loss": {"a": "mse"}, "metrics": [["accuracy"], {"class_name": "my_loss"}]}
    found = culprits(model(), training)
    assert [(each["layer"], each["class_name"]) for each in found] == [
        (None, "loss mse"),
        (None, "metrics my_loss"),
    ]
    assert found[0]["error"] == "ValueError: Could not locate function 'mse'"
    assert culprits(model(), training, objects={"mse": abs, "my_loss": abs}) == []


def test_an_argument_is_at_fault_without_which_the_layer_can_be_made():
    class Picky(FakeReader):
        def deserialize(self, layer, custom_objects):
            if "activation" in layer["config"]:
                raise ValueError("Unknown activation")

    told = model(layer("Dense", "d", units=2, activation="odd"))
    assert culprits(told, reader=Picky(2))[0]["keys"] == ["activation"]


def test_arguments_of_objects_in_lists_are_named_by_their_place():
    cells = [{"class_name": "LSTM", "config": {"units": 1}},
             {"class_name": "LSTM", "config": {"odd": 1}}]  # fmt: skip
    told = model(layer("Bidirectional", "b", layer=1, cells=cells, wrong=1))
    assert culprits(told)[0]["keys"] == ["cells", "cells.1.odd", "wrong"]


def test_nonsense_is_no_part_and_raises_nothing():
    for config in ({}, {"config": None}, {"config": {"layers": [None, 3, {"config": []}]}}):
        culprits(config, {"loss": 3, "metrics": [None], "optimizer_config": {"class_name": None}})


def test_looking_does_not_change_what_is_stored():
    class Greedy(FakeReader):
        def deserialize(self, layer, custom_objects):
            layer["config"].clear()

    told = model(layer("Dense", "d", units=2))
    culprits(told, reader=Greedy(2))
    assert told["config"]["layers"][0]["config"] == {"name": "d", "units": 2}
