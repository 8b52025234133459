import copy

import pytest

from kerasmatrix.harness.remedies.architecture import Stored, is_from_keras_3
from kerasmatrix.harness.remedies.rewrite import rewrite
from kerasmatrix.harness.remedies.rewrite_classes import OLDER_PLACE, KerasClass, is_usable
from tests.unit.harness.remedies.readers import FakeReader

OLD, NEW = FakeReader(2), FakeReader(3)


def tensor(name, node=0, index=0):
    return {
        "class_name": "__keras_tensor__",
        "config": {"shape": [None], "dtype": "float32", "keras_history": [name, node, index]},
    }


def old_layer(kind, name, inbound=(), **config):
    nodes = [[[each, 0, 0, {}] if isinstance(each, str) else each for each in inbound]]
    return {
        "class_name": kind, "name": name, "config": {"name": name, **config},
        "inbound_nodes": nodes if inbound else [],
    }  # fmt: skip


def new_layer(kind, name, *args, **config):
    return {
        "module": "keras.layers", "class_name": kind, "registered_name": None, "name": name,
        "config": {"name": name, **config}, "build_config": {"input_shape": [None, 3]},
        "inbound_nodes": [{"args": list(args), "kwargs": {}}] if args else [],
    }  # fmt: skip


def old_model(*layers, inputs, outputs, name="model"):
    ends = {"input_layers": inputs, "output_layers": outputs}
    return {"class_name": "Functional", "config": {"name": name, "layers": list(layers), **ends}}


def new_model(*layers, inputs, outputs, name="model"):
    model = old_model(*layers, inputs=inputs, outputs=outputs, name=name)
    return {"module": "keras.src.models.functional", "registered_name": "Functional", **model}


OLD_MODEL = old_model(
    old_layer("InputLayer", "in", batch_input_shape=[None, 3], dtype="float32", ragged=False),
    old_layer("Dense", "dense", ["in"], units=2, activation="relu"),
    inputs=[["in", 0, 0]],
    outputs=[["dense", 0, 0]],
)
NEW_MODEL = new_model(
    new_layer("InputLayer", "in", batch_shape=[None, 3], dtype="float32", optional=False),
    new_layer("Dense", "dense", tensor("in"), units=2, activation="relu", quantization_config=None),
    inputs=["in", 0, 0],
    outputs=["dense", 0, 0],
)


def rewritten(config, reader, training=None, *, archive=False):
    return rewrite(Stored(copy.deepcopy(config), training, archive=archive), reader)


def layers_of(result):
    return {layer["name"]: layer for layer in result.config["config"]["layers"]}


def test_is_from_keras_3_decides_by_wiring():
    assert is_from_keras_3(Stored(NEW_MODEL, None, archive=False))
    assert not is_from_keras_3(Stored(OLD_MODEL, None, archive=False))


def test_rewrite_to_keras_3():
    result = rewritten(OLD_MODEL, NEW)
    assert (result.config["class_name"], result.config["module"]) == ("Model", "keras")
    layers = layers_of(result)
    assert layers["in"]["config"]["batch_shape"] == [None, 3]
    assert "ragged" not in layers["in"]["config"]
    assert layers["dense"]["module"] == "keras.layers"
    assert layers["dense"]["inbound_nodes"] == [{"args": [tensor("in")], "kwargs": {}}]
    assert result.config["config"]["input_layers"] == ["in", 0, 0]
    assert result.config["config"]["output_layers"] == ["dense", 0, 0]


def test_rewrite_to_keras_2():
    result = rewritten(NEW_MODEL, OLD)
    assert result.config["class_name"] == "Model"
    assert "module" not in result.config
    layers = layers_of(result)
    assert layers["in"]["config"]["batch_input_shape"] == [None, 3]
    assert set(layers["dense"]) == {"class_name", "config", "name", "inbound_nodes"}
    assert layers["dense"]["config"] == {"name": "dense", "units": 2, "activation": "relu"}
    assert layers["dense"]["inbound_nodes"] == [[["in", 0, 0, {}]]]
    assert result.config["config"]["input_layers"] == [["in", 0, 0]]


def test_rewrite_round_trip_is_same_model():
    there = rewritten(OLD_MODEL, FakeReader(3, {"InputLayer": ["ragged"]})).config
    back = rewritten(there, FakeReader(2, {"InputLayer": ["ragged"]})).config
    expected = copy.deepcopy(OLD_MODEL)
    expected["class_name"] = "Model"
    assert back == expected


def test_rewrite_does_not_change_its_input():
    stored = Stored(copy.deepcopy(NEW_MODEL), {"loss": "mse"}, archive=False)
    rewrite(stored, OLD)
    assert (stored.config, stored.training) == (NEW_MODEL, {"loss": "mse"})


def test_rewrite_changes_mark_values_that_are_not_defaults():
    model = copy.deepcopy(NEW_MODEL)
    model["config"]["layers"][1]["config"]["rate"] = 0.7
    changes = rewritten(model, OLD).changes
    assert "renamed batch_shape to batch_input_shape" in changes
    assert "left out quantization_config (None) of Dense" in changes
    assert "left out rate (0.7) of Dense, which was not a default" in changes


def test_rewrite_archive_for_keras_2_has_module():
    result = rewritten(NEW_MODEL, OLD, archive=True)
    assert (result.config["module"], result.config["registered_name"]) == ("keras", None)


def test_rewrite_policy_to_name_and_l2_to_l1l2():
    policy = {"module": "keras", "class_name": "DTypePolicy", "config": {"name": "float32"}}
    l2 = {"module": "keras.regularizers", "class_name": "L2", "config": {"l2": 0.1}}
    layer = new_layer("Dense", "d", tensor("in"), units=1, dtype=policy, kernel_regularizer=l2)
    model = new_model(layer, inputs=["in", 0, 0], outputs=["d", 0, 0])
    config = layers_of(rewritten(model, OLD))["d"]["config"]
    assert config["dtype"] == "float32"
    assert config["kernel_regularizer"] == {"class_name": "L1L2", "config": {"l2": 0.1}}


def test_rewrite_object_in_wrapper_is_rewritten():
    inner = {"class_name": "LSTM", "config": {"units": 2, "time_major": False}}
    layer = old_layer("Bidirectional", "b", ["in"], layer=inner)
    model = old_model(layer, inputs=[["in", 0, 0]], outputs=[["b", 0, 0]])
    found = layers_of(rewritten(model, NEW))["b"]["config"]["layer"]
    assert (found["config"], found["module"]) == ({"units": 2}, "keras.layers")


def test_rewrite_axis_list_to_number_in_keras_3():
    layer = old_layer("BatchNormalization", "bn", ["in"], axis=[3])
    model = old_model(layer, inputs=[["in", 0, 0]], outputs=[["bn", 0, 0]])
    assert layers_of(rewritten(model, NEW))["bn"]["config"]["axis"] == 3


def test_rewrite_renamed_class_gets_new_name():
    layer = old_layer("BatchNormalizationV1", "bn", ["in"], axis=3)
    model = old_model(layer, inputs=[["in", 0, 0]], outputs=[["bn", 0, 0]])
    assert layers_of(rewritten(model, NEW))["bn"]["class_name"] == "BatchNormalization"


def test_rewrite_sequential_of_keras_2_gets_input_layer():
    first = old_layer("Dense", "dense", units=2, batch_input_shape=[None, 3], dtype="float32")
    model = {"class_name": "Sequential", "config": {"name": "s", "layers": [first]}}
    layers = rewritten(model, NEW).config["config"]["layers"]
    assert [layer["class_name"] for layer in layers] == ["InputLayer", "Dense"]
    assert layers[0]["config"]["batch_shape"] == [None, 3]
    assert "batch_input_shape" not in layers[1]["config"]


NESTED = old_model(
    old_layer("InputLayer", "in", batch_input_shape=[None, 3]),
    {
        **old_model(
            old_layer("InputLayer", "inner_in", batch_input_shape=[None, 3]),
            old_layer("Dense", "inner", ["inner_in"], units=3),
            inputs=[["inner_in", 0, 0]], outputs=[["inner", 0, 0]], name="nested",
        ),
        "name": "nested",
        "inbound_nodes": [[["in", 0, 0, {}]], [["dense", 0, 0, {}]]],
    },
    old_layer("Dense", "dense", [["nested", 1, 0, {}]], units=3),
    inputs=[["in", 0, 0]], outputs=[["nested", 2, 0]],
)  # fmt: skip


def test_rewrite_nested_model_shifts_call_numbers():
    there = rewritten(NESTED, NEW)
    layers = layers_of(there)
    assert layers["dense"]["inbound_nodes"][0]["args"] == [tensor("nested", 0)]
    assert there.config["config"]["output_layers"] == ["nested", 2, 0]
    assert layers["nested"]["config"]["input_layers"] == ["inner_in", 0, 0]
    back = rewritten(there.config, OLD)
    assert layers_of(back)["dense"]["inbound_nodes"] == [[["nested", 1, 0, {}]]]
    assert back.config["config"]["output_layers"] == [["nested", 2, 0]]


def test_rewrite_call_arguments_by_name_and_tensors():
    reader = FakeReader(2, call_names={"Attention": ["query", "value", "training"]})
    layer = new_layer("Attention", "a", tensor("in"), tensor("other"))
    layer["inbound_nodes"][0]["kwargs"] = {"training": False, "flash": True, "value_mask": None}
    model = new_model(layer, inputs=["in", 0, 0], outputs=["a", 0, 0])
    (call,) = layers_of(rewritten(model, reader))["a"]["inbound_nodes"]
    assert call == [["in", 0, 0, {"training": False, "value": ["other", 0, 0]}]]
    names = FakeReader(3, call_names={"Attention": ["query", "value"]})
    old = old_layer("Attention", "a", [["in", 0, 0, {"value": ["other", 0, 0], "training": None}]])
    both = old_model(
        old_layer("InputLayer", "other", batch_input_shape=[None, 3]), old,
        inputs=[["in", 0, 0]], outputs=[["a", 0, 0]],
    )  # fmt: skip
    (call,) = layers_of(rewritten(both, names))["a"]["inbound_nodes"]
    assert call == {"args": [tensor("in")], "kwargs": {"value": tensor("other")}}


@pytest.mark.parametrize("kind", ["LSTM", "Bidirectional"])
def test_rewrite_initial_states_by_name_and_back(kind):
    layer = old_layer(kind, "rnn", ["in", "h", ["dense", 0, 1, {}]], units=2)
    ends = {"inputs": [["in", 0, 0], ["h", 0, 0]], "outputs": [["rnn", 0, 0]]}
    there = rewritten(old_model(layer, **ends), NEW)
    (call,) = layers_of(there)["rnn"]["inbound_nodes"]
    states = [tensor("h"), tensor("dense", 0, 1)]
    assert call == {"args": [tensor("in")], "kwargs": {"initial_state": states}}
    newer = new_layer(kind, "rnn", tensor("in"), units=2)
    newer["inbound_nodes"][0]["kwargs"] = {"initial_state": states}
    (back,) = layers_of(rewritten(new_model(newer, **ends), OLD))["rnn"]["inbound_nodes"]
    assert back == [["in", 0, 0, {}], ["h", 0, 0, {}], ["dense", 0, 1, {}]]


def test_rewrite_constants_of_a_recurrent_layer_stay_inputs():
    layer = old_layer("RNN", "rnn", ["in", "fixed"], num_constants=1)
    model = old_model(layer, inputs=[["in", 0, 0], ["fixed", 0, 0]], outputs=[["rnn", 0, 0]])
    (call,) = layers_of(rewritten(model, NEW))["rnn"]["inbound_nodes"]
    assert call["args"] == [[tensor("in"), tensor("fixed")]]


def test_rewrite_inputs_of_one_call_stay_together():
    layer = old_layer("Add", "add", ["a", "b"])
    model = old_model(layer, inputs=[["a", 0, 0], ["b", 0, 0]], outputs=[["add", 0, 0]])
    result = rewritten(model, NEW)
    (call,) = layers_of(result)["add"]["inbound_nodes"]
    assert call["args"] == [[tensor("a"), tensor("b")]]
    assert result.config["config"]["input_layers"] == [["a", 0, 0], ["b", 0, 0]]


def test_rewrite_demanded_argument_is_added():
    reader = FakeReader(
        2, demanded={"Attention": ["query_shape"]}, more={"Attention": ["query_shape"]}
    )
    layer = new_layer("Attention", "a", tensor("in"), heads=2)
    model = new_model(layer, inputs=["in", 0, 0], outputs=["a", 0, 0])
    config = layers_of(rewritten(model, reader))["a"]["config"]
    assert config == {"name": "a", "heads": 2, "query_shape": None}


def test_rewrite_own_class_keeps_config_and_name():
    layer = {"module": "my.layers", "class_name": "Mine", "registered_name": "pkg>Mine",
             "name": "m", "config": {"name": "m", "odd": 5}, "inbound_nodes": []}  # fmt: skip
    model = new_model(layer, inputs=["m", 0, 0], outputs=["m", 0, 0])
    old = layers_of(rewritten(model, OLD))["m"]
    assert (old["class_name"], old["config"]) == ("pkg>Mine", {"name": "m", "odd": 5})
    model = old_model(old, inputs=[["m", 0, 0]], outputs=[["m", 0, 0]])
    new = layers_of(rewritten(model, NEW))["m"]
    assert (new["class_name"], new["registered_name"]) == ("Mine", "pkg>Mine")


@pytest.mark.parametrize(
    ("reader", "name"),
    [
        (OLD, "Adam"),
        (FakeReader(2, {"Adam": ["weight_decay"]}), "Custom>Adam"),
        (NEW, "Adam"),
    ],
)
def test_rewrite_optimizer_name_fits_generation(reader, name):
    optimizer = {"class_name": "Custom>Adam", "config": {"learning_rate": 0.007, "jit": True}}
    training = {"optimizer_config": optimizer, "loss": "mse"}
    found = rewritten(OLD_MODEL, reader, training).training["optimizer_config"]
    assert found["class_name"] == name
    assert found["config"] == {"learning_rate": 0.007}


@pytest.mark.parametrize(
    ("major", "stored", "kept"), [(3, None, False), (3, "mine", True), (2, None, True)]
)
def test_rewrite_schedule_without_name(major, stored, kept):
    schedule = {"class_name": "ExponentialDecay", "config": {"decay_rate": 0.9, "name": stored}}
    optimizer = {"class_name": "Adam", "config": {"learning_rate": schedule}}
    reader = FakeReader(major, {"ExponentialDecay": ["decay_rate", "name"]})
    training = {"optimizer_config": optimizer, "loss": "mse"}
    found = rewritten(OLD_MODEL, reader, training).training["optimizer_config"]
    assert ("name" in found["config"]["learning_rate"]["config"]) is kept


def test_rewrite_passed_function_is_reference():
    layer = old_layer("Dense", "d", ["in"], units=1, activation="hard_sigmoid")
    model = old_model(layer, inputs=[["in", 0, 0]], outputs=[["d", 0, 0]])
    stored = Stored(model, None, archive=True)
    plain = layers_of(rewrite(stored, NEW))["d"]["config"]["activation"]
    assert plain == "hard_sigmoid"
    handed = layers_of(rewrite(stored, NEW, {"hard_sigmoid"}))["d"]["config"]["activation"]
    assert (handed["class_name"], handed["config"]) == ("function", "hard_sigmoid")


def test_rewrite_short_loss_names_in_full_for_keras_3():
    metrics = [[{"class_name": "MeanMetricWrapper", "config": {"name": "mae", "fn": "mae"}}]]
    training = {"loss": {"a": "mse", "b": "my_own"}, "metrics": metrics}
    found = rewritten(OLD_MODEL, NEW, training).training
    assert found["loss"] == {"a": "mean_squared_error", "b": "my_own"}
    assert found["metrics"] == [["mean_absolute_error"]]


def test_rewrite_loss_in_archive_has_module():
    huber = {"class_name": "Huber", "config": {"reduction": "sum_over_batch_size", "delta": 1.0}}
    found = rewritten(NEW_MODEL, OLD, {"loss": huber}, archive=True).training["loss"]
    assert (found["module"], found["registered_name"]) == ("keras.losses", None)
    assert "module" not in rewritten(NEW_MODEL, OLD, {"loss": huber}).training["loss"]


def test_rewrite_training_for_keras_2_has_all_keys():
    training = {"optimizer_config": {"class_name": "Adam", "config": {}}, "loss": "mse"}
    found = rewritten(NEW_MODEL, OLD, training).training
    assert {"loss", "metrics", "loss_weights", "sample_weight_mode"} <= set(found)


@pytest.mark.parametrize(("stored", "kept"), [(None, False), (4, True)])
def test_rewrite_training_null_argument_takes_its_default(stored, kept):
    training = {"loss": "mse", "metrics": None, "steps_per_execution": stored}
    found = rewritten(OLD_MODEL, NEW, training).training
    assert ("steps_per_execution" in found) is kept


def test_rewrite_bare_tensor_stays_bare_in_keras_2():
    layer = old_layer("TFOpLambda", "op")
    layer["inbound_nodes"] = [["in", 0, 0, {"y": 2.0}]]
    model = old_model(layer, inputs=[["in", 0, 0]], outputs=[["op", 0, 0]])
    found = layers_of(rewritten(model, OLD))["op"]["inbound_nodes"]
    assert found == [["in", 0, 0, {"y": 2.0}]]


def test_rewrite_operation_is_not_layer_of_same_name():
    layer = {**new_layer("Add", "op", tensor("in"), 1.0), "module": "keras.src.ops.numpy"}
    layer["config"] = {"name": "op"}
    model = new_model(layer, inputs=["in", 0, 0], outputs=["op", 0, 0])
    old = layers_of(rewritten(model, OLD))["op"]
    assert (old["class_name"], old["config"]["function"]) == ("TFOpLambda", "__operators__.add")
    assert old["inbound_nodes"] == [["in", 0, 0, {"y": 1.0}]]
    new = layers_of(rewritten(model, NEW))["op"]
    assert (new["module"], new["inbound_nodes"][0]["args"]) == (
        "keras.src.ops.numpy", [tensor("in"), 1.0],
    )  # fmt: skip


def test_rewrite_mixed_policy_is_object_in_keras_2():
    policy = {"module": "keras", "class_name": "DTypePolicy", "config": {"name": "mixed_float16"}}
    layer = new_layer("Dense", "d", tensor("in"), units=1, dtype=policy)
    model = new_model(layer, inputs=["in", 0, 0], outputs=["d", 0, 0])
    found = layers_of(rewritten(model, OLD))["d"]["config"]["dtype"]
    assert found == {"class_name": "Policy", "config": {"name": "mixed_float16"}}
    assert layers_of(rewritten(model, NEW))["d"]["config"]["dtype"] == "mixed_float16"


def test_rewrite_unregistered_function_has_own_name():
    activation = {"module": "builtins", "class_name": "function", "config": "square",
                  "registered_name": "function"}  # fmt: skip
    layer = new_layer("Dense", "d", tensor("in"), units=1, activation=activation)
    model = new_model(layer, inputs=["in", 0, 0], outputs=["d", 0, 0])
    assert layers_of(rewritten(model, OLD))["d"]["config"]["activation"] == "square"


def test_rewrite_object_argument_is_not_a_function_name():
    layer = old_layer("Dense", "d", ["in"], units=1, activation={"class_name": "Mine"})
    model = old_model(layer, inputs=[["in", 0, 0]], outputs=[["d", 0, 0]])
    stored = Stored(model, None, archive=False)
    found = layers_of(rewrite(stored, NEW, {"hard_sigmoid"}))["d"]["config"]["activation"]
    assert found == {"class_name": "Mine"}


def test_rewrite_he_normal_to_variance_scaling():
    he = {"class_name": "HeNormal", "config": {"seed": 3}}
    layer = old_layer("Dense", "d", ["in"], units=1, kernel_initializer=he)
    model = old_model(layer, inputs=[["in", 0, 0]], outputs=[["d", 0, 0]])
    reader = FakeReader(2, {"VarianceScaling": ["scale", "mode", "distribution", "seed"]})
    found = layers_of(rewritten(model, reader))["d"]["config"]["kernel_initializer"]
    assert (found["class_name"], found["config"]["scale"]) == ("VarianceScaling", 2.0)
    assert found["config"]["seed"] == 3


def test_rewrite_own_class_in_archive_keeps_build_config():
    own = {"module": None, "class_name": "Mine", "registered_name": "Mine",
           "config": {"units": 4}, "build_config": {"input_shape": [1, 3]}}  # fmt: skip
    assert rewritten(own, OLD, archive=True).config["build_config"] == {"input_shape": [1, 3]}
    assert "build_config" not in rewritten(own, OLD).config


LISTED = {
    "class_name": "Sequential",
    "config": [
        {
            "class_name": "Dense",
            "config": {"name": "dense", "units": 2, "batch_input_shape": [None, 3]},
        },
    ],
}


@pytest.mark.parametrize("reader", [OLD, NEW])
def test_rewrite_sequential_list_gets_name(reader):
    found = rewritten(LISTED, reader)
    config = found.config["config"]
    assert config["name"] == "sequential"
    assert [layer["class_name"] for layer in config["layers"]][-1] == "Dense"
    assert "wrote a Sequential as a mapping, not as the list of its layers" in found.changes


@pytest.mark.parametrize(("kind", "end"), [("Functional", 1), ("Sequential", 0)])
def test_rewrite_ends_of_keras_3_count_a_node_of_the_model(kind, end):
    inner = layers_of(rewritten(NESTED, NEW))["nested"]
    if kind == "Sequential":
        config = {key: inner["config"][key] for key in ("name", "layers")}
        inner = dict(inner, class_name=kind, config=config)
    model = new_model(inner, inputs=["in", 0, 0], outputs=["nested", end, 0])
    assert rewritten(model, OLD).config["config"]["output_layers"] == [["nested", 1, 0]]


def test_rewrite_nested_sequential_list_keeps_name():
    nested = dict(LISTED, name="inner", inbound_nodes=[[["in", 0, 0, {}]]])
    model = old_model(
        old_layer("InputLayer", "in", batch_input_shape=[None, 3], dtype="float32"),
        nested,
        inputs=[["in", 0, 0]],
        outputs=[["inner", 1, 0]],
    )
    inner = rewritten(model, OLD).config["config"]["layers"][1]
    assert inner["config"]["name"] == "inner"
    assert inner["config"]["layers"][0]["class_name"] == "Dense"


def one_layer(write, kind, **config):
    """A model with one layer between input and output, as one of the two Keras writes it."""
    inputs = ["in"] if write is old_layer else [tensor("in")]
    shape = "batch_input_shape" if write is old_layer else "batch_shape"
    first = write("InputLayer", "in", **{shape: [None, 3]})
    last = (
        write(kind, "last", inputs, **config)
        if write is old_layer
        else write(kind, "last", *inputs, **config)
    )
    model = old_model if write is old_layer else new_model
    ends = [["in", 0, 0]], [["last", 0, 0]]
    return model(first, last, inputs=ends[0], outputs=ends[1])


def last_config(result):
    config = layers_of(result)["last"]["config"]
    return {key: value for key, value in config.items() if key not in ("name", "dtype")}


# A layer, its config in one Keras, and what the arguments that the reader has make of it.
ARGUMENTS = [
    (old_layer, "SpatialDropout1D", {"rate": 0.1, "trainable": True}, 3, {"rate"}, {"rate": 0.1}),
    (old_layer, "Discretization", {"bins": [0.0]}, 3, {"bin_boundaries"},
     {"bin_boundaries": [0.0]}),
    (new_layer, "Discretization", {"bin_boundaries": [0.0]}, 2, {"bins"}, {"bins": [0.0]}),
    (new_layer, "CategoryEncoding", {"num_tokens": 4, "output_mode": "multi_hot"}, 2,
     {"max_tokens", "output_mode"}, {"max_tokens": 4, "output_mode": "binary"}),
    (old_layer, "CategoryEncoding", {"max_tokens": 4, "output_mode": "binary"}, 3,
     {"num_tokens", "output_mode"}, {"num_tokens": 4, "output_mode": "multi_hot"}),
    (old_layer, "Normalization", {"axis": -1, "mean": 0.5, "variance": 2.0}, 3,
     {"axis", "mean", "variance"}, {"axis": None, "mean": 0.5, "variance": 2.0}),
    (old_layer, "Normalization", {"axis": -1, "mean": [0.5], "variance": [2.0]}, 3,
     {"axis", "mean", "variance"}, {"axis": -1, "mean": [0.5], "variance": [2.0]}),
]  # fmt: skip


@pytest.mark.parametrize(("write", "kind", "config", "major", "accepted", "wanted"), ARGUMENTS)
def test_rewrite_arguments_that_a_release_names(write, kind, config, major, accepted, wanted):
    reader = FakeReader(major, more={kind: accepted}, experimental={kind} if major == 2 else ())
    assert last_config(rewritten(one_layer(write, kind, **config), reader)) == wanted


def test_rewrite_renames_all_arguments_of_integer_lookup():
    new = {"max_tokens": None, "mask_token": 0, "oov_token": -1}
    old = {"max_values": None, "mask_value": 0, "oov_value": -1}
    reader = FakeReader(2, more={"IntegerLookup": {*old, *new}}, experimental={"IntegerLookup"})
    assert last_config(rewritten(one_layer(new_layer, "IntegerLookup", **new), reader)) == old


@pytest.mark.parametrize(
    ("place", "mean", "usable"),
    [(OLDER_PLACE, 0.5, False), (OLDER_PLACE, None, True), ("layers", 0.5, True)],
)
def test_is_usable_normalization_has_no_weights(place, mean, usable):
    assert is_usable(KerasClass(None, "Normalization", place), {"mean": mean}) is usable


def test_rewrite_lookup_takes_the_readers_dtype():
    model = one_layer(new_layer, "StringLookup", dtype="float32", invert=False)
    result = rewritten(model, FakeReader(2, more={"StringLookup": {"invert", "dtype"}}))
    assert "dtype" not in layers_of(result)["last"]["config"]


def test_rewrite_layer_that_no_name_finds_is_passed():
    model = one_layer(new_layer, "SpectralNormalization", power_iterations=1)
    reader = FakeReader(2, more={"SpectralNormalization": {"power_iterations"}})
    assert set(rewritten(model, reader).custom_objects) == {"SpectralNormalization"}
    assert not rewritten(model, reader, archive=True).custom_objects
