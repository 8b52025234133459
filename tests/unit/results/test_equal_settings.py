"""Which settings mean the same."""

import pytest

from kerasmatrix.results.equal_settings import differences, fold, same, shown
from kerasmatrix.results.spellings import CLASS_DEFAULTS


def named(_class, **config):
    return {"class_name": _class, "config": config}


def function(name):
    return {"module": "builtins", "class_name": "function", "config": name, "registered_name": name}


POLICY = {"module": "keras", "class_name": "DTypePolicy", "config": {"name": "float32"}}


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("mse", "mean_squared_error"),
        ("mse", named("MeanSquaredError", reduction="auto", name="mean_squared_error")),
        ("mse", function("mean_squared_error")),
        (named("Huber", delta=1.0), named("Huber", reduction="sum_over_batch_size")),
        (named("LossFunctionWrapper", fn="huber", delta=0.5), named("Huber", delta=0.5)),
        ("accuracy", named("MeanMetricWrapper", fn="binary_accuracy", dtype="float32")),
        ("accuracy", "binary_accuracy"),
        (named("Adam", epsilon=None), named("Adam", epsilon=1e-7)),
        (named("Adam", lr=0.007), named("Adam", learning_rate=0.0070000002160668373)),
        (named("SGD", learning_rate=0.01), named("SGD", momentum=0.0)),
        (
            named("Nadam", lr=0.002, schedule_decay=0.01),
            named("Nadam", learning_rate=0.002, decay=0.01),
        ),
        (named("Nadam", schedule_decay=0.004), named("Nadam", beta_1=0.9)),
        (named("Adam", decay=0.0), named("Adam", weight_decay=None, use_ema=False)),
        (named("Dense", kernel_initializer="glorot_uniform"),
         named("Dense", kernel_initializer=named("GlorotUniform", seed=None, input_axes=None))),
        (named("Dense", dtype="float32"), named("Dense", dtype=POLICY)),
        (named("Dense", dtype="mixed_float16"),
         named("Dense", dtype=named("Policy", name="mixed_float16"))),
        (named("Conv2D", strides=[1, 1]), named("Conv2D", strides=1)),
        (named("Dense", activation="relu", build_config={"a": 1}),
         named("Dense", activation=function("relu"))),
        (named("Dense", name="dense_3"), named("Dense", name="dense_17")),
        (named("LeakyReLU", alpha=0.3), named("LeakyReLU", negative_slope=0.3)),
        (named("LayerNormalization", axis=[1]), named("LayerNormalization", axis=[-1])),
        (named("Reshape", target_shape={"class_name": "__tuple__", "items": [2, 2]}),
         named("Reshape", target_shape=[2, 2])),
        (named("Dropout", rate=0.5, seed=None), named("Dropout", rate=0.5, seed=1337)),
    ],
)  # fmt: skip
def test_same_is_true_of_two_spellings(before, after):
    assert list(differences(before, after)) == []
    assert same(before, after)


@pytest.mark.parametrize(
    ("before", "after", "path"),
    [
        ("mse", "mae", ()),
        (named("Huber", delta=0.5), named("Huber"), ("delta",)),
        (named("Huber"), named("Huber", delta=0.5), ("delta",)),
        (named("Adam", epsilon=1e-6), named("Adam", epsilon=1e-7), ("epsilon",)),
        (named("Adam"), named("SGD"), ()),
        (named("Dropout", rate=0.5), named("Dropout", rate=0.3), ("rate",)),
        (named("Dropout", seed=3), named("Dropout", seed=4), ("seed",)),
        (named("Dropout", seed=3), named("Dropout", seed=None), ("seed",)),
        (named("Dense", kernel_regularizer=named("L2", l2=0.01)),
         named("Dense", kernel_regularizer=None), ("kernel_regularizer",)),
        (named("SGD", learning_rate=named("ExponentialDecay", decay_rate=0.9)),
         named("SGD", learning_rate=named("ExponentialDecay", decay_rate=0.5)),
         ("learning_rate", "decay_rate")),
        (named("Dense", name="head_1"), named("Dense", name="head_2"), ("name",)),
        (named("Dense", dtype="float32"), named("Dense", dtype="mixed_float16"), ("dtype",)),
        (named("Dense", dtype=POLICY),
         named("Dense", dtype=named("DTypePolicy", name="mixed_float16")), ("dtype",)),
        (named("BatchNormalization", axis=[1]), named("BatchNormalization", axis=[2]), ("axis",)),
        (named("EinsumDense", equation="ab,bc->ac"), named("EinsumDense", equation="ab,cb->ac"),
         ("equation",)),
        (named("Lookup", vocabulary=["a", "B"]), named("Lookup", vocabulary=["a", "b"]),
         ("vocabulary",)),
        (named("Conv2D", strides=[1, 2]), named("Conv2D", strides=[2, 1]), ("strides",)),
        (named("Bidirectional", layer=named("LSTM", dropout=0.1)),
         named("Bidirectional", layer=named("LSTM", dropout=0.2)), ("layer", "dropout")),
    ],
)  # fmt: skip
def test_differences_name_the_setting(before, after, path):
    assert [found.path for found in differences(before, after)] == [path]
    assert not same(before, after)


@pytest.mark.parametrize("key", ["sparse", "input_dim", "alpha", "epsilon"])
def test_a_custom_class_has_no_defaults_of_keras(key):
    mine = {"class_name": "Mine", "custom": True}
    default = {"alpha": 0.25, "epsilon": 1e-7}.get(key, 1)
    before, after = dict(mine, config={key: default}), dict(mine, config={key: None})
    assert [found.path for found in differences(before, after)] == [(key,)]


def test_differences_of_nonsense_end():
    deep, other = [], []
    for _ in range(5000):
        deep, other = [deep, 1], [other, 1]
    assert not same({"a": deep}, {"a": [other]})
    assert not same(named("Dense", units=10**400), named("Dense", units=2.0))


def test_a_setting_that_only_the_reader_knows_is_no_difference():
    assert same(named("Dense"), named("Dense", quantization_config=named("Int8")))


def test_a_setting_that_the_reader_lacks_matters_if_it_did_something():
    assert same(named("Dense", lora_rank=None), named("Dense"))
    assert not same(named("Dense", lora_rank=4), named("Dense"))


@pytest.mark.parametrize(
    ("value", "text"), [(0.5, "0.5"), (1.0, "1.0"), (named("L2", l2=1), "L2"), (None, "None")]
)
def test_shown_is_short(value, text):
    assert shown(value) == text
    assert len(shown("x" * 999)) <= 40


def test_defaults_of_classes_are_found_by_their_keys():
    assert {key for key in CLASS_DEFAULTS if key != tuple(map(fold, key))} == set()
