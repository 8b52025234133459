"""Targets that fit a loss, and changes of weights as numbers; with fake models."""

import json
import types

import numpy as np
import pytest

from kerasmatrix.harness import training

OUTPUT = np.array([[0.2, 0.3, 0.5], [0.1, 0.8, 0.1], [0.6, 0.2, 0.2], [0.3, 0.3, 0.4]], "float32")


def model(loss, **more):
    return types.SimpleNamespace(loss=loss, **more)


class SparseCategoricalCrossentropy:
    pass


def binary_crossentropy():
    pass


@pytest.mark.parametrize(
    "loss",
    ["sparse_categorical_crossentropy", SparseCategoricalCrossentropy()],
)
def test_targets_of_a_sparse_loss_are_indices(loss):
    made = training.targets(model(loss), [OUTPUT])
    assert (made.shape, made.dtype) == ((4,), np.int32)
    assert set(made) <= {0, 1, 2}


def test_targets_of_a_categorical_loss_are_one_hot():
    made = training.targets(model("categorical_crossentropy"), [OUTPUT])
    assert (made.sum(axis=1) == 1).all()
    assert set(np.unique(made)) == {0.0, 1.0}


@pytest.mark.parametrize(
    ("loss", "values"), [(binary_crossentropy, {0.0, 1.0}), ("squared_hinge", {-1.0, 1.0})]
)
def test_targets_of_a_loss_of_two_kinds_are_those(loss, values):
    assert set(np.unique(training.targets(model(loss), [OUTPUT]))) == values


def test_targets_of_an_unknown_loss_are_numbers_far_from_zero():
    made = training.targets(model(lambda true, predicted: 0), [OUTPUT])
    assert made.shape == OUTPUT.shape
    assert ((made >= 0.1) & (made <= 0.9)).all()


def test_targets_are_the_same_for_the_same_reference():
    one, other = (training.targets(model(["mse", "mae"]), [OUTPUT, OUTPUT[:, :1]]) for _ in "ab")
    assert [each.shape for each in one] == [(4, 3), (4, 1)]
    assert all(np.array_equal(mine, its) for mine, its in zip(one, other, strict=True))


def test_targets_of_losses_by_name_follow_the_outputs():
    both = model({"b": "sparse_categorical_crossentropy", "a": "mse"}, output_names=["a", "b"])
    numbers, indices = training.targets(both, [OUTPUT, OUTPUT])
    assert (numbers.dtype.kind, indices.dtype.kind) == ("f", "i")


@pytest.mark.parametrize(
    ("loss", "reference", "reason"),
    [
        (None, [OUTPUT], "without a loss"),
        ({"other": "mse"}, [OUTPUT], "outputs that it does not have"),
        (["mse", None], [OUTPUT, OUTPUT], "not every output"),
        ("mse", [np.array([1, 2])], "not an array of floating-point"),
        ("mse", [np.array([np.nan])], "not all finite"),
    ],
)
def test_targets_that_no_loss_takes_are_refused_with_the_reason(loss, reference, reason):
    with pytest.raises(training.NotComparable, match=reason):
        training.targets(model(loss, output_names=["a"]), reference)


def test_targets_of_losses_that_layers_add_are_none():
    assert training.targets(model(None, losses=[1.0]), [OUTPUT]) is None


def test_steps_of_permuted_change_differ():
    before = [np.zeros((3, 3)), np.array(["a"])]
    change = np.arange(9.0).reshape(3, 3)
    one = training._steps(before, [change, before[1]])
    other = training._steps(before, [change.T, before[1]])
    assert one[0][0] == other[0][0] != 0
    assert one[0][1] != other[0][1]
    assert one[1] == [0.0, 0.0]


def test_steps_of_many_weights_are_summed_up():
    arrays = [np.zeros(2)] * (training.MOST_WEIGHTS + 50)
    changed = [array + 1 for array in arrays]
    assert len(training._steps(arrays, changed)) == training.MOST_WEIGHTS + 1


def test_steps_that_are_not_numbers_can_be_written_as_json():
    before = [np.ones(3), np.ones(2)]
    after = [np.array([1.0, np.nan, 1.0]), np.full(2, np.inf)]
    steps = training._steps(before, after)
    assert json.loads(json.dumps(steps, allow_nan=False)) == steps
    assert steps == training._steps(before, after)
    assert steps != training._steps(before, before)
