import pytest

from kerasmatrix.prediction.incompatibilities import (
    Incompatibility,
    find_incompatibilities,
    find_training_incompatibilities,
)
from kerasmatrix.prediction.keras_api import measured_api
from tests.unit.prediction.made import layer, model


def first(config, release, custom_names=()):
    return next(find_incompatibilities(config, measured_api(), release, custom_names), None)


def first_of_training(config, release, custom_names=()):
    return next(
        find_training_incompatibilities(config, measured_api(), release, custom_names), None
    )


def test_find_known_class_is_compatible():
    assert first(model(layer(units=2, activation="relu")), "2.9") is None


def test_find_functional_model_precedes_layers():
    config = model(layer("Mine"), class_name="Functional")
    assert first(config, "2.2") == Incompatibility("class", "Functional", "model")
    assert first(config, "2.9") == Incompatibility("custom", "Mine", "mine")


def test_find_custom_class_with_code_is_compatible():
    config = model(layer("mine>Layer", units=2))
    assert first(config, "2.9") == Incompatibility("custom", "Layer", "mine>layer")
    assert first(config, "2.9", {"Layer"}) is None


def test_find_custom_class_keys_are_unchecked():
    for named in ("my>Dense", "Dense"):
        assert first(model(layer(named, activation="unheard_of")), "2.9", {"Dense"}) is None


def test_find_wrapped_layer_precedes_wrapper():
    wrapper = layer("TimeDistributed", layer=layer("Mine"), unheard_of=1)
    assert first(model(wrapper), "2.9") == Incompatibility("custom", "Mine", "mine")


def test_find_unknown_key():
    told = first(model(layer("LSTM", units=2, time_major=False)), "3.4")
    assert told == Incompatibility("key", "LSTM", "lstm", "time_major")


def test_find_missing_key():
    told = layer("MultiHeadAttention", num_heads=2)
    assert first(model(told), "2.9") == Incompatibility(
        "absent", "MultiHeadAttention", "multiheadattention", "key_shape"
    )


@pytest.mark.parametrize("module", ["keras.layers", None])
def test_find_input_shape_with_module_in_keras_3(module):
    config = model(layer(units=2, batch_input_shape=[None, 3], module=module))
    wanted = Incompatibility("key", "Dense", "dense", "batch_input_shape", has_module=True)
    assert first(config, "3.4") == (wanted if module else None)
    assert first(config, "2.15") is None


def test_find_custom_or_later_initializer():
    own = {"class_name": "Mine", "config": {}}
    new = {"class_name": "HeNormal", "config": {"seed": None}}
    odd = {"class_name": "Zeros", "config": {"unheard_of": 1}}
    of = {"kernel_initializer": own}
    assert first(model(layer(units=1, **of)), "2.9") == Incompatibility(
        "custom", "Mine", "dense", "kernel_initializer"
    )
    assert first(model(layer(units=1, kernel_initializer=own)), "2.9", {"Mine"}) is None
    assert first(model(layer(units=1, kernel_initializer=new)), "2.2") == Incompatibility(
        "function", "HeNormal", "dense", "kernel_initializer"
    )
    assert first(model(layer(units=1, kernel_initializer=odd)), "2.9") == Incompatibility(
        "key", "Zeros", "dense", "unheard_of"
    )


def test_find_activation_by_name_or_custom():
    assert first(model(layer(units=1, activation="gelu")), "2.3") == Incompatibility(
        "function", "gelu", "dense", "activation"
    )
    assert first(model(layer(units=1, activation="my>snake")), "2.9") == Incompatibility(
        "custom", "snake", "dense", "activation"
    )
    written = {"class_name": "function", "config": "snake"}
    assert first(model(layer(units=1, activation=written)), "2.9", {"snake"}) is None


def test_find_dtype_policy_of_other_major():
    old = {"class_name": "Policy", "config": {"name": "mixed_float16"}}
    new = {"class_name": "DTypePolicy", "config": {"name": "float32"}}
    assert first(model(layer(units=1, dtype=old)), "3.4") == Incompatibility(
        "policy", "Policy", "dense", "dtype"
    )
    assert first(model(layer(units=1, dtype=new)), "2.15") == Incompatibility(
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
def test_find_module_of_other_release(module, having):
    config = model(class_name="Functional", module=module, registered_name="Functional")
    releases = ("2.12", "2.13", "2.15", "2.16", "3.4", "3.15")
    found = {each for each in releases if first(config, each) is None}
    assert found == having


def test_find_operation_by_module():
    told = layer("GetItem", module="keras.src.ops.numpy")
    assert first(model(told), "3.4") is None
    assert first(model(told), "2.15") == Incompatibility(
        "operation", "GetItem", "getitem", has_module=True
    )
    assert first(model(layer("GetItem")), "3.4").kind == "operation"


def test_find_endless_config_ends():
    endless = layer("Bidirectional")
    endless["config"]["layer"] = endless
    assert len(list(find_incompatibilities(endless, measured_api(), "1.15"))) < 1000


def test_find_training_later_optimizer_and_key():
    assert first_of_training(
        {"optimizer_config": {"class_name": "Lion"}}, "2.9"
    ) == Incompatibility("class", "Lion", "optimizer")
    told = {"class_name": "SGD", "config": {"unheard_of": 1}}
    assert first_of_training({"optimizer": told}, "3.4") == Incompatibility(
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
def test_find_training_custom_loss_any_form(loss):
    assert first_of_training({"loss": loss}, "2.9") == Incompatibility("custom", "mine", "loss")
    assert first_of_training({"loss": loss}, "2.9", {"mine"}) is None


def test_find_training_known_losses_are_compatible():
    told = {"loss": "mse", "metrics": [["accuracy", {"class_name": "AUC", "config": {}}]]}
    assert first_of_training(told, "2.9") is None


def test_find_policy_of_custom_class():
    config = model(layer("Mine", dtype={"class_name": "DTypePolicy", "config": {}}))
    assert first(config, "2.15", {"Mine"}) == Incompatibility(
        "own-policy", "DTypePolicy", "mine", "dtype"
    )
    assert first(config, "3.4", {"Mine"}) is None


def test_find_old_lambda_keys_in_keras_3():
    old = layer("Lambda", function=["4wEA", None, None], function_type="lambda")
    assert first(model(old), "3.4").kind == "value"
    assert first(model(layer("LSTM", units=1, function_type="x")), "3.4").key == "function_type"


def test_find_keys_of_lambda_with_module_first_in_keras_3():
    told = layer("Lambda", module="keras.layers", function=["4w", None, None], function_type="l")
    assert first(model(told), "3.4").key == "function_type"
    assert first(model(told), "2.15").key == "function"


@pytest.mark.parametrize(
    ("refused", "accepted", "key"),
    [
        (
            layer("Attention", score_mode="dot"),
            layer("Attention", score_mode="concat"),
            "score_mode",
        ),
        (layer("BatchNormalization", axis=[3]), layer("BatchNormalization", axis=3), "axis"),
    ],
)
def test_find_doubtful_value(refused, accepted, key):
    told = first(model(refused), "3.15")
    assert (told.kind, told.key) == ("value", key)
    assert first(model(accepted), "3.15") is None


def test_find_wrapped_layer_without_module_in_keras_3():
    told = model(layer("Bidirectional", layer=layer("LSTM", units=1)))
    assert first(told, "3.4") == Incompatibility("bare", "LSTM", "bidirectional")
    assert first(told, "2.15") is None


def test_find_function_as_class_in_hdf5():
    written = {"module": "builtins", "class_name": "function", "config": "mine"}
    told = model(layer(units=1, activation=written))
    assert first(told, "2.15", {"mine"}) == Incompatibility(
        "function", "function", "dense", "activation"
    )
    archived = model(layer(units=1, activation=written, module="keras.layers"))
    assert first(archived, "2.15", {"mine"}) is None


@pytest.mark.parametrize(
    "function",
    ["sampling", "Custom>sampling", {"class_name": "function", "config": "Custom>sampling"}],
)
def test_find_function_of_lambda_by_name_is_custom(function):
    config = model(layer("Lambda", function=function))
    missing = Incompatibility("custom", "sampling", "lambda", "function")
    assert first(config, "2.15") == missing
    assert first(config, "2.15", {"sampling"}) is None


def test_find_function_of_lambda_in_keras_is_known():
    own = {"module": "keras.ops", "class_name": "function", "config": "relu"}
    assert first(model(layer("Lambda", function=own)), "3.15") is None
