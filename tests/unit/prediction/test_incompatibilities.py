import pytest

from kerasmatrix.prediction.incompatibilities import (
    Obstacle,
    find_obstacles,
    find_training_obstacles,
)
from kerasmatrix.prediction.keras_api import the_surface
from tests.unit.prediction.made import layer, model


def first(config, release, brought=()):
    return next(find_obstacles(config, the_surface(), release, brought), None)


def first_of_training(config, release, brought=()):
    return next(find_training_obstacles(config, the_surface(), release, brought), None)


def test_what_a_release_has_is_no_obstacle():
    assert first(model(layer(units=2, activation="relu")), "2.9") is None


def test_a_functional_model_is_looked_up_before_its_layers():
    config = model(layer("Mine"), class_name="Functional")
    assert first(config, "2.2") == Obstacle("class", "Functional", "model")
    assert first(config, "2.9") == Obstacle("custom", "Mine", "mine")


def test_a_class_of_ones_own_is_no_obstacle_where_it_is_brought():
    config = model(layer("mine>Layer", units=2))
    assert first(config, "2.9") == Obstacle("custom", "Layer", "mine>layer")
    assert first(config, "2.9", {"Layer"}) is None


def test_what_a_class_of_ones_own_takes_is_not_for_keras_to_say():
    for named in ("my>Dense", "Dense"):
        assert first(model(layer(named, activation="unheard_of")), "2.9", {"Dense"}) is None


def test_a_wrapped_layer_is_made_before_its_wrapper():
    wrapper = layer("TimeDistributed", layer=layer("Mine"), unheard_of=1)
    assert first(model(wrapper), "2.9") == Obstacle("custom", "Mine", "mine")


def test_a_key_that_is_too_many():
    told = first(model(layer("LSTM", units=2, time_major=False)), "3.4")
    assert told == Obstacle("key", "LSTM", "lstm", "time_major")


def test_a_key_that_is_missing():
    told = layer("MultiHeadAttention", num_heads=2)
    assert first(model(told), "2.9") == Obstacle(
        "absent", "MultiHeadAttention", "multiheadattention", "key_shape"
    )


@pytest.mark.parametrize("module", ["keras.layers", None])
def test_keras_3_takes_an_input_shape_only_of_layers_that_name_no_module(module):
    config = model(layer(units=2, batch_input_shape=[None, 3], module=module))
    wanted = Obstacle("key", "Dense", "dense", "batch_input_shape") if module else None
    assert first(config, "3.4") == wanted
    assert first(config, "2.15") is None


def test_an_initializer_of_ones_own_and_one_that_came_later():
    own = {"class_name": "Mine", "config": {}}
    new = {"class_name": "HeNormal", "config": {"seed": None}}
    odd = {"class_name": "Zeros", "config": {"unheard_of": 1}}
    of = {"kernel_initializer": own}
    assert first(model(layer(units=1, **of)), "2.9") == Obstacle(
        "custom", "Mine", "dense", "kernel_initializer"
    )
    assert first(model(layer(units=1, kernel_initializer=own)), "2.9", {"Mine"}) is None
    assert first(model(layer(units=1, kernel_initializer=new)), "2.2") == Obstacle(
        "function", "HeNormal", "dense", "kernel_initializer"
    )
    assert first(model(layer(units=1, kernel_initializer=odd)), "2.9") == Obstacle(
        "key", "Zeros", "dense", "unheard_of"
    )


def test_an_activation_is_found_by_its_name_or_is_ones_own():
    assert first(model(layer(units=1, activation="gelu")), "2.3") == Obstacle(
        "function", "gelu", "dense", "activation"
    )
    assert first(model(layer(units=1, activation="my>snake")), "2.9") == Obstacle(
        "custom", "snake", "dense", "activation"
    )
    written = {"class_name": "function", "config": "snake"}
    assert first(model(layer(units=1, activation=written)), "2.9", {"snake"}) is None


def test_a_policy_is_written_otherwise_by_keras_3():
    old = {"class_name": "Policy", "config": {"name": "mixed_float16"}}
    new = {"class_name": "DTypePolicy", "config": {"name": "float32"}}
    assert first(model(layer(units=1, dtype=old)), "3.4") == Obstacle(
        "policy", "Policy", "dense", "dtype"
    )
    assert first(model(layer(units=1, dtype=new)), "2.15") == Obstacle(
        "policy", "DTypePolicy", "dense", "dtype"
    )
    assert first(model(layer(units=1, dtype=new)), "3.4") is None


@pytest.mark.parametrize(
    ("module", "having"),
    [
        ("keras.engine.functional", {"2.12"}),
        ("keras.src.engine.functional", {"2.13", "2.15", "2.16"}),
        ("keras.src.models.functional", {"3.4", "3.15"}),
        ("tf_keras.src.engine.functional", {"2.16"}),
        ("keras", {"2.12", "2.13", "2.15", "2.16", "3.4", "3.15"}),
    ],
)
def test_a_module_is_there_in_some_releases(module, having):
    config = model(class_name="Functional", module=module, registered_name="Functional")
    releases = ("2.12", "2.13", "2.15", "2.16", "3.4", "3.15")
    found = {each for each in releases if first(config, each) is None}
    assert found == having


def test_an_operation_of_keras_3_is_known_by_its_module():
    told = layer("GetItem", module="keras.src.ops.numpy")
    assert first(model(told), "3.4") is None
    assert first(model(told), "2.15") == Obstacle("class", "GetItem", "getitem")


def test_a_config_that_goes_on_forever_has_an_end():
    endless = layer("Bidirectional")
    endless["config"]["layer"] = endless
    assert len(list(find_obstacles(endless, the_surface(), "1.15"))) < 1000


def test_an_optimizer_that_came_later_and_an_argument_that_it_has_not():
    assert first_of_training({"optimizer_config": {"class_name": "Lion"}}, "2.9") == Obstacle(
        "class", "Lion", "optimizer"
    )
    told = {"class_name": "SGD", "config": {"unheard_of": 1}}
    assert first_of_training({"optimizer": told}, "3.4") == Obstacle(
        "key", "SGD", "optimizer", "unheard_of"
    )


@pytest.mark.parametrize(
    "loss",
    [
        "mine",
        {"class_name": "function", "config": "my>mine"},
        {"class_name": "LossFunctionWrapper", "config": {"fn": "mine"}},
        ["mse", "mine"],
        {"first": "mae", "second": "mine"},
    ],
)
def test_a_loss_of_ones_own_is_found_however_it_is_written(loss):
    assert first_of_training({"loss": loss}, "2.9") == Obstacle("custom", "mine", "loss")
    assert first_of_training({"loss": loss}, "2.9", {"mine"}) is None


def test_losses_and_metrics_of_keras_are_no_obstacle():
    told = {"loss": "mse", "metrics": [["accuracy", {"class_name": "AUC", "config": {}}]]}
    assert first_of_training(told, "2.9") is None


def test_a_policy_in_a_config_of_ones_own_class_is_an_obstacle_of_its_own():
    config = model(layer("Mine", dtype={"class_name": "DTypePolicy", "config": {}}))
    assert first(config, "2.15", {"Mine"}) == Obstacle("own-policy", "DTypePolicy", "mine", "dtype")
    assert first(config, "3.4", {"Mine"}) is None


def test_keras_3_takes_what_an_old_lambda_says_of_its_function():
    old = layer("Lambda", function="relu", function_type="function")
    assert first(model(old), "3.4") is None
    assert first(model(layer("LSTM", units=1, function_type="x")), "3.4").key == "function_type"


def test_a_wrapped_layer_without_a_module_is_lost_on_keras_3():
    told = model(layer("Bidirectional", layer=layer("LSTM", units=1)))
    assert first(told, "3.4") == Obstacle("bare", "LSTM", "bidirectional")
    assert first(told, "2.15") is None


def test_a_function_that_is_written_as_a_class_is_not_understood_in_hdf5():
    written = {"module": "builtins", "class_name": "function", "config": "mine"}
    told = model(layer(units=1, activation=written))
    assert first(told, "2.15", {"mine"}) == Obstacle("function", "function", "dense", "activation")
    archived = model(layer(units=1, activation=written, module="keras.layers"))
    assert first(archived, "2.15", {"mine"}) is None
