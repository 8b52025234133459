import pytest

from kerasmatrix.harness.remedies.keras_1 import as_keras_2


def written(kind, **config):
    return as_keras_2(kind, config, is_known=True)


def test_as_keras_2_renames_the_arguments_of_lstm():
    kind, config = written(
        "LSTM", output_dim=3, inner_activation="hard_sigmoid", init="zero", dropout_W=0.1,
        forget_bias_init="one", consume_less="cpu", input_dim=None,
    )  # fmt: skip
    assert kind == "LSTM"
    assert config == {
        "units": 3, "recurrent_activation": "hard_sigmoid", "kernel_initializer": "zeros",
        "dropout": 0.1, "unit_forget_bias": True,
    }  # fmt: skip


def test_as_keras_2_joins_the_sizes_of_a_kernel():
    kind, config = written(
        "Convolution2D", nb_filter=6, nb_row=3, nb_col=2, dim_ordering="tf", subsample=[1, 1]
    )
    assert kind == "Conv2D"
    assert config == {
        "filters": 6, "kernel_size": [3, 2], "data_format": "channels_last", "strides": [1, 1],
    }  # fmt: skip


def test_as_keras_2_merge_is_a_layer_of_its_mode():
    assert written("Merge", name="m", mode="sum") == ("Add", {"name": "m"})
    assert written("Merge", name="m", mode="concat", concat_axis=1) == (
        "Concatenate",
        {"name": "m", "axis": 1},
    )


def test_as_keras_2_regularizer_gets_a_config():
    _, config = written("Dense", output_dim=2, W_regularizer={"name": "WeightRegularizer", "l2": 1})
    assert config["kernel_regularizer"] == {"class_name": "L1L2", "config": {"l2": 1}}


@pytest.mark.parametrize(
    ("name", "config"),
    [
        ("Dense", {"units": 2, "input_shape": [3]}),
        ("Embedding", {"input_dim": 3, "output_dim": 2, "input_length": None}),
        ("Dropout", {"rate": 0.5}),
    ],
)
def test_as_keras_2_layers_of_keras_2_stay(name, config):
    assert as_keras_2(name, config, is_known=True) is None


def test_as_keras_2_class_of_a_user_stays():
    assert as_keras_2("Mine", {"p": 0.5, "output_dim": 3}, is_known=False) is None
