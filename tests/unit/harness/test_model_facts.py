"""Stirring, with a fake model."""

import types

import numpy as np
import pytest

from kerasmatrix.harness import model_facts


class Model:
    """Weights as Keras gives them: variables that are not arrays, and the arrays."""

    def __init__(self, *arrays, untrained=()):
        self.arrays = [np.asarray(array) for array in arrays]
        self.weights = [types.SimpleNamespace() for _ in arrays]
        self.trainable_weights = [v for n, v in enumerate(self.weights) if n not in untrained]
        self.set = 0

    def get_weights(self):
        return self.arrays

    def set_weights(self, arrays):
        self.arrays = arrays
        self.set += 1


def stirred(*arrays, **more):
    model = Model(*arrays, **more)
    model_facts.randomize_weights(model, 1)
    return model.arrays


KERNEL = np.linspace(-1, 1, 12, dtype="float32").reshape(3, 4)


def test_randomize_weights_ignores_initial_draw():
    (one,), (other,) = stirred(KERNEL), stirred(KERNEL[::-1] * 0.3)
    assert one.dtype == np.float32
    assert np.array_equal(one, other)
    assert np.abs(one).max() <= np.sqrt(6 / 7)
    assert np.unique(one).size == 12


@pytest.mark.parametrize("kind", ["float32", "float16"])
def test_randomize_weights_constant_array_changes(kind):
    zeros, ones = stirred(np.zeros(3, kind), np.ones(3, kind), untrained=(1,))
    assert zeros.dtype == ones.dtype == kind
    assert ((zeros >= 0.04) & (zeros <= 0.21)).all()
    assert ((ones >= 1.04) & (ones <= 1.21)).all()


def test_randomize_weights_bias_of_zeros_and_ones_changes():
    (bias,) = stirred(np.array([0, 0, 1, 1], "float32"))
    assert (bias != [0, 0, 1, 1]).all()


def test_randomize_weights_untrained_array_stays():
    mean, counter = np.array([1.0, 2.0], "float32"), np.array(7)
    model = Model(mean, counter, untrained=(0, 1))
    model_facts.randomize_weights(model, 1)
    assert model.set == 0
    assert model.arrays[0] is mean


def test_randomize_weights_unpaired_weights_stay():
    model = Model(KERNEL)
    model.weights.append(types.SimpleNamespace())
    model_facts.randomize_weights(model, 1)
    assert np.array_equal(model.arrays[0], KERNEL)


def optimizer(**more):
    """An optimizer of Keras 3, which has made five steps."""
    return types.SimpleNamespace(iterations=5, _iterations=5, **more)


def accumulating():
    """Every second of its steps updates the weights, and only those are its iterations."""
    return types.SimpleNamespace(iterations=2, _iterations=5, gradient_accumulation_steps=2)


@pytest.mark.parametrize(
    "known",
    [
        optimizer(),
        optimizer(gradient_accumulation_steps=None),
        accumulating(),
        types.SimpleNamespace(iterations=2, inner_optimizer=accumulating()),
        types.SimpleNamespace(iterations=5),
    ],
)
def test_steps_are_those_that_a_file_holds(known):
    assert model_facts.steps_of(known) == 5


def test_digest_of_whole_numbers_is_the_same_for_every_size():
    numbers = np.array([1, -2, 3])
    digests = {model_facts.digest(numbers.astype(dtype)) for dtype in ("int8", "int32", "int64")}
    assert len(digests | {model_facts.digest(np.array([1, -2, 4]))}) == 2
    assert model_facts.digest(numbers.astype("float64")) not in digests
