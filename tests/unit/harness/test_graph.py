"""Requirements on inputs, in the configs of each generation of Keras."""

import pytest

from kerasmatrix.harness.graph import wanted_inputs


def layer(kind, name, *sources, nodes=None, **config):
    """Return a layer's config as Keras 2 writes it; a source is a name, or a whole reference."""
    inbound = [[source if isinstance(source, list) else [source, 0, 0, {}] for source in sources]]
    return {"class_name": kind, "name": name, "config": {"name": name, **config},
            "inbound_nodes": nodes or (inbound if sources else [])}  # fmt: skip


def model(inputs, *layers, output=None):
    return {"name": "model", "layers": [*(layer("InputLayer", name) for name in inputs), *layers],
            "input_layers": [[name, 0, 0] for name in inputs],
            "output_layers": [[output or layers[-1]["name"], 0, 0]]}  # fmt: skip


def newer(kind, name, *sources, **config):
    """Return a layer's config as Keras 3 writes it."""
    args = [
        {"class_name": "__keras_tensor__", "config": {"keras_history": [source, 0, 0]}}
        for source in sources
    ]
    return {"class_name": kind, "name": name, "config": config,
            "inbound_nodes": [{"args": args, "kwargs": {}}] if sources else []}  # fmt: skip


def embedding(name, source, size):
    return layer("Embedding", name, source, input_dim=size)


def one(config):
    (found,) = wanted_inputs(config)
    return found


def test_wanted_embedding_right_behind_the_input():
    assert one(model(["x"], embedding("e", "x", 7))).below == 7


def test_wanted_embedding_behind_passing_layers():
    config = model(
        ["x"],
        layer("Reshape", "r", "x"),
        layer("Masking", "m", "r"),
        layer("TFOpLambda", "tf.cast_1", "m", function="cast"),
        embedding("e", "tf.cast_1", 9),
    )
    assert one(config).below == 9


def test_wanted_embedding_behind_a_dense_asks_nothing():
    config = model(["x"], layer("Dense", "d", "x"), embedding("e", "d", 9))
    assert one(config).below is None


def test_wanted_smallest_of_several_embeddings_counts():
    config = model(["x"], embedding("a", "x", 9), embedding("b", "x", 3))
    assert one(config).below == 3


def test_wanted_inputs_stay_separate_after_concatenate():
    config = model(
        ["x", "y", "z"],
        layer("Concatenate", "c", "x", "y"),
        embedding("e", "c", 5),
        layer("Dense", "d", "z"),
    )
    assert [each.below for each in wanted_inputs(config)] == [5, 5, None]


def test_wanted_nested_models_are_entered():
    inner = model(["i"], embedding("e", "i", 4))
    config = model(["x"], {"class_name": "Functional", "name": "inner", "config": inner,
                           "inbound_nodes": [[["x", 0, 0, {}]]]})  # fmt: skip
    assert one(config).below == 4


def test_wanted_sequential_in_a_functional_is_entered():
    inner = {"layers": [{"class_name": "Embedding", "config": {"input_dim": 6}}]}
    config = model(["x"], {"class_name": "Sequential", "name": "inner", "config": inner,
                           "inbound_nodes": [[["x", 0, 0, {}]]]})  # fmt: skip
    assert one(config).below == 6


def test_wanted_sequential_as_a_list_of_old_keras():
    config = [{"class_name": "Embedding", "config": {"input_dim": 6, "name": "e"}}]
    assert one(config).below == 6


def test_wanted_shared_layer_is_followed_at_each_node():
    shared = layer("Flatten", "f", nodes=[[["x", 0, 0, {}]], [["y", 0, 0, {}]]])
    config = model(
        ["x", "y"], shared, embedding("e", ["f", 1, 0, {}], 8), layer("Dense", "d", ["f", 0, 0, {}])
    )
    assert [each.below for each in wanted_inputs(config)] == [None, 8]


def test_wanted_wrapped_layer_is_entered():
    inner = {"class_name": "Embedding", "config": {"input_dim": 5}}
    assert one(model(["x"], layer("TimeDistributed", "t", "x", layer=inner))).below == 5


def test_wanted_keras_3_nodes_and_dict_inputs():
    config = {
        "layers": [newer("InputLayer", "b"), newer("InputLayer", "a"),
                   newer("Cast", "c", "a", dtype="int32"),
                   newer("Embedding", "e", "c", input_dim=3),
                   newer("Dense", "d", "b")],
        "input_layers": {"q": ["a", 0, 0], "p": ["b", 0, 0]},
        "output_layers": [["e", 0, 0], ["d", 0, 0]],
    }  # fmt: skip
    assert [(each.name, each.below) for each in wanted_inputs(config)] == [("b", None), ("a", 3)]


def test_wanted_keras_3_single_input_is_not_in_a_list():
    config = {"layers": [newer("InputLayer", "a"), newer("Embedding", "e", "a", input_dim=3)],
              "input_layers": ["a", 0, 0], "output_layers": ["e", 0, 0]}  # fmt: skip
    assert one(config).below == 3


@pytest.mark.parametrize(
    ("kind", "config", "below"),
    [
        ("CategoryEncoding", {"num_tokens": 4}, 4),
        ("CategoryEncoding", {"max_tokens": 4}, 4),
        ("OneHot", {"num_classes": 5}, 5),
        ("Mine>TokenEmbedding", {"vocab_size": 11}, 11),
        ("Embedding", {"input_dim": None}, None),
    ],
)
def test_wanted_layers_with_a_number_of_indices(kind, config, below):
    assert one(model(["x"], layer(kind, "l", "x", **config))).below == below


def test_wanted_one_hot_operation_of_keras_2():
    node = layer(
        "TFOpLambda", "tf.one_hot", ["x", 0, 0, {"depth": 6, "axis": -1}], function="one_hot"
    )
    assert one(model(["x"], node)).below == 6


def test_wanted_one_hot_operation_of_tf_2_3():
    text = 'name: "OneHot"\nop: "OneHot"\ninput: "x"\n'
    node = layer("TensorFlowOpLayer", "tf_op_layer_OneHot", "x", node_def=text, constants={"1": 6})
    assert one(model(["x"], node)).below == 6


def test_wanted_text_has_words_of_the_vocabulary():
    config = model(["x"], layer("StringLookup", "l", "x", vocabulary=["b", "a", ""]))
    assert (one(config).text, one(config).words) == (True, ["b", "a"])


def test_wanted_integer_lookup_has_numbers_that_it_knows():
    found = one(model(["x"], layer("IntegerLookup", "l", "x", vocabulary=[5, 9])))
    assert (found.integers, found.known) == (True, [5, 9])


def test_wanted_rescaling_of_pixels():
    assert one(model(["x"], layer("Rescaling", "r", "x", scale=1 / 255))).pixels
    assert not one(model(["x"], layer("Rescaling", "r", "x", scale=2.0))).pixels


def test_wanted_normalization_has_mean_and_deviation():
    found = one(
        model(["x"], layer("Normalization", "n", "x", mean=[[3.0, 4]], variance=[[4.0, 9]]))
    )
    assert (found.mean, found.deviation) == ([3.0, 4.0], [2.0, 3.0])


def conv(name, source, kernel=3, stride=1, padding="valid", **more):
    return layer("Conv2D", name, source, kernel_size=[kernel, kernel], strides=[stride, stride],
                 padding=padding, **more)  # fmt: skip


def test_wanted_u_net_is_a_multiple_of_its_strides():
    config = model(
        ["x"],
        conv("c", "x", padding="same"),
        layer("MaxPooling2D", "p", "c", pool_size=[2, 2], strides=[2, 2], padding="valid"),
        conv("d", "p", stride=2, padding="same"),
        layer("UpSampling2D", "u", "d", size=[4, 4]),
        layer("Concatenate", "j", "u", "c"),
    )
    assert one(config).factor == 4


def test_wanted_valid_convolutions_take_away():
    config = model(
        ["x"],
        conv("c", "x", kernel=5, dilation_rate=[2, 2]),
        layer("MaxPooling2D", "p", "c", pool_size=[3, 3], strides=None),
        conv("d", "p"),
    )
    found = one(config)
    # Eight by the first, two by the pool, two times three by the last, and three of one output.
    assert (found.factor, found.least) == (3, 8 + 2 + 6 + 3)


def test_wanted_global_pool_changes_no_size():
    config = model(["x"], layer("GlobalMaxPooling2D", "g", "x", pool_size=[7, 7]))
    assert (one(config).factor, one(config).least) == (1, 1)


def test_wanted_build_config_says_the_shape():
    dense = {**layer("Dense", "d", "x"), "build_config": {"input_shape": [None, 3]}}
    assert one(model(["x"], dense)).shape == [None, 3]


@pytest.mark.parametrize(
    "config", [None, {}, {"layers": 3}, [], {"class_name": "X", "config": {}}, "text"]
)
def test_wanted_config_of_something_else_asks_nothing(config):
    assert all(each.below is None for each in wanted_inputs(config))


def test_wanted_circle_and_missing_layers_end():
    config = model(["x"], layer("Dense", "a", "b"), layer("Dense", "b", "a"), output="gone")
    assert one(config).below is None


def test_wanted_model_in_itself_ends():
    config = model(["x"], layer("Dense", "d", "x"))
    config["layers"].append({"class_name": "Functional", "name": "m", "config": config,
                             "inbound_nodes": [[["x", 0, 0, {}]]]})  # fmt: skip
    assert one(config).below is None


def test_wanted_model_twice_in_each_other_ends():
    config = model(["x"], embedding("e", "x", 3))
    for _ in range(40):
        nodes = [[["x", 0, 0, {}]], [["x", 0, 0, {}]]]
        inner = {"class_name": "Functional", "name": "m", "config": config, "inbound_nodes": nodes}
        config = {**model(["x"], layer("Dense", "d", "x")), "output_layers": [["m", 0, 0]]}
        config["layers"] = [config["layers"][0], inner]
    assert len(wanted_inputs(config)) == 1
