import pytest

from kerasmatrix.prediction.features import FEATURES, features_of
from tests.unit.prediction.made import along, h5, layer, model


def has(name, config):
    return FEATURES[name](features_of(h5(config)), None)


@pytest.mark.parametrize(
    ("axis", "class_name", "shape", "wanted"),
    [
        (1, "Concatenate", (None, 6, 4), True),
        (-2, "Concatenate", (None, 6, 4), True),
        (1, "Concatenate", (None, 4), False),
        (-1, "Softmax", (None, 6, 4), False),
        (1, "Dense", (None, 6, 4), False),
        ([1], "BatchNormalization", (None, 6, 4), False),
        (9, "Softmax", (None, 4), False),
    ],
)
def test_axis_forgotten_is_not_last(axis, class_name, shape, wanted):
    assert has("axis-forgotten", along(axis, class_name, shape)) is wanted


def test_axis_of_weights_forgotten_of_other_size():
    assert has("axis-of-weights-forgotten", along(1, "BatchNormalization"))
    assert not has("axis-of-weights-forgotten", along(1, "BatchNormalization", (None, 4, 4)))
    assert not has("axis-of-weights-forgotten", along(1, "Softmax"))


@pytest.mark.parametrize(
    ("source", "wanted"),
    [
        (layer("InputLayer", batch_input_shape=[None, 6, 4]), True),
        (layer("InputLayer", batch_input_shape=[None, 4]), False),
        (layer("MaxPooling2D"), True),
        (layer("GlobalMaxPooling2D"), False),
    ],
)
def test_axis_forgotten_after_layer_of_keras_2(source, wanted):
    joined = layer("Concatenate", axis=1) | {
        "name": "joined",
        "inbound_nodes": [[["source", 0, 0, {}], ["source", 0, 0, {}]]],
    }
    config = model(source | {"name": "source"}, joined, class_name="Functional")
    assert has("axis-forgotten", config) is wanted
