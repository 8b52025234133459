import dataclasses

import pytest

from kerasmatrix.prediction.features import features_of
from kerasmatrix.prediction.similarity import likeness, reader_of
from tests.unit.prediction.made import (
    LAMBDA_3_8,
    archive,
    h5,
    layer,
    model,
    saved_model,
    target,
    weights,
)

SMALL = h5(model(layer(units=2, activation="relu"), layer(units=1)))
LARGE = h5(model(layer(units=512, activation="relu"), layer(units=99), layer(units=7), name="big"))


def of(contents, brought=()):
    return likeness(features_of(contents), brought)


def test_sizes_numbers_and_names_make_no_difference():
    renamed = layer(units=1)
    renamed["config"]["name"] = "other"
    assert of(SMALL) == of(LARGE)
    assert of(h5(model(layer(units=1)))) == of(h5(model(renamed)))
    assert of(h5(model(layer("Conv2D", kernel_size=[3, 3])))) == of(
        h5(model(layer("Conv2D", kernel_size=[5, 7])))
    )


@pytest.mark.parametrize(
    "other",
    [
        dataclasses.replace(SMALL, writer=h5(model(), keras="2.10").writer),
        h5(model(layer(units=2, activation="tanh"), layer(units=1))),
        h5(model(layer(units=2, activation="relu"), layer(units=1, use_bias=True))),
        h5(model(layer(units=2, activation="relu"), layer(units=1), layer("Dropout"))),
        h5(model(layer(units=2, activation="relu"), layer(units=1), class_name="Functional")),
        h5(SMALL.config, training={"loss": "mse"}),
        h5(SMALL.config, optimizer_arrays=9),
        h5(SMALL.config, called="model.keras"),
        archive(SMALL.config, keras="2.9.0"),
    ],
)
def test_a_setting_the_writer_and_the_format_do(other):
    assert of(SMALL) != of(other)


def test_a_class_that_is_missing_is_another_thing_than_one_that_is_brought():
    mine, yours = h5(model(layer("Mine", units=1))), h5(model(layer("Yours", rate=1)))
    assert of(mine) == of(yours)
    assert of(mine, {"Mine"}) != of(mine)
    assert of(mine, {"Mine"}) != of(yours, {"Yours"})


def test_where_a_layer_stands_makes_a_difference():
    nested = model(model(layer(units=1)), layer(units=1))
    flat = model(model(), layer(units=1))
    assert of(h5(nested)) != of(h5(flat))


def test_files_without_an_architecture_are_alike_by_their_writer():
    assert of(weights()) == of(weights(called="other.h5"))
    assert of(weights()) != of(weights(keras="2.3.0"))
    assert of(saved_model(tensorflow="2.16.1")) != of(saved_model(tensorflow="2.17.1"))


def test_what_decides_of_an_environment_depends_on_the_file():
    reader = target("3.9", tensorflow="2.18.1", python="3.12")
    coded = h5(model(layer("Lambda", function=[LAMBDA_3_8, None, None])))
    assert reader_of(features_of(SMALL), reader) == "3.9"
    assert reader_of(features_of(saved_model()), reader) == "3.9 2.18"
    assert reader_of(features_of(coded), reader) == "3.9 3.12"


def test_a_config_nested_without_end_has_a_likeness():
    endless = layer("Bidirectional")
    endless["config"]["layer"] = endless
    assert of(h5(endless))
