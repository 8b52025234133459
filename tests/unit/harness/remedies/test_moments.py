import numpy as np
import pytest

from kerasmatrix.harness.remedies import moments
from tests.unit.harness.remedies.fake_keras import Variable

SHAPES = {"kernel": (2, 1), "bias": (1,)}


class Newer:
    """An optimizer of Keras 3, or of TensorFlow 2.11 to 2.15."""

    def __init__(self, kinds):
        self.iterations = Variable("iteration", fill=0)
        self.variables = [self.iterations, *kinds]

    def build(self, weights):
        assert len(weights) == len(SHAPES)

    def get_config(self):
        return {}


class Older(Newer):
    """An optimizer of TensorFlow up to 2.10."""

    def __init__(self, kinds):
        super().__init__(kinds)
        self.weights = self.variables

    def _create_all_weights(self, weights):
        self.build(weights)


class Model:
    def __init__(self, generation, optimizer, order):
        self.trainable_variables = [Variable(name, *shape) for name, shape in SHAPES.items()]
        self.moments = {each: Variable(each, *SHAPES[each.split()[0]]) for each in order}
        self.optimizer = type(optimizer, (generation,), {})(list(self.moments.values()))


def together(*kinds):
    return [f"{weight} {kind}" for kind in kinds for weight in SHAPES]


def alternating(*kinds):
    return [f"{weight} {kind}" for weight in SHAPES for kind in kinds]


def state(order, *, is_newer, numbers=None, **settings):
    values = numbers or dict(zip(sorted(order), range(1, len(order) + 1), strict=True))
    arrays = [np.full(SHAPES[each.split()[0]], values[each], "float32") for each in order]
    variables = [("", np.int64(7)), *(("", array) for array in arrays)]
    return moments.State(variables, settings, is_newer), values


# An optimizer, and the order of its moments in the older generation and in the newer ones.
ORDERS = [
    ("SGD", together("m"), together("m")),
    ("Adam", together("m", "v"), alternating("m", "v")),
    ("Adam", together("m", "v", "hat"), alternating("m", "v") + together("hat")),
    ("RMSprop", together("rms", "m", "mg"), together("rms", "m", "mg")),
    ("Ftrl", alternating("n", "z"), alternating("n", "z")),
    ("Adamax", together("m", "u"), alternating("m", "u")),
]


@pytest.mark.parametrize(("optimizer", "older", "newer"), ORDERS)
@pytest.mark.parametrize("to_newer", [True, False])
def test_restore_finds_each_moment(optimizer, older, newer, to_newer):
    theirs, ours = (older, newer) if to_newer else (newer, older)
    stored, values = state(theirs, is_newer=not to_newer)
    model = Model(Newer if to_newer else Older, optimizer, ours)
    assert moments.restore(model, stored)
    assert {name: place.value.flat[0] for name, place in model.moments.items()} == values
    assert model.optimizer.iterations.value == 7


def test_restore_average_of_weights_comes_first():
    order = together("average") + alternating("m", "v")
    stored, values = state(order, is_newer=True, use_ema=True)
    model = Model(Newer, "Adam", order)
    model.optimizer.get_config = lambda: {"use_ema": True}
    moments.restore(model, stored)
    assert {name: place.value.flat[0] for name, place in model.moments.items()} == values


def test_restore_unused_momentum_of_sgd_is_left_out():
    stored, _ = state(together("m"), is_newer=True)
    model = Model(Newer, "SGD", [])
    assert moments.restore(model, stored)
    assert model.optimizer.iterations.value == 7


def test_restore_moments_without_a_place_are_an_error():
    stored, _ = state(alternating("m", "v") + together("hat"), is_newer=True)
    with pytest.raises(ValueError, match="the file has 3 moments of each weight, not 2"):
        moments.restore(Model(Newer, "Adam", alternating("m", "v")), stored)


def test_restore_leaves_out_placeholders_of_standalone_keras():
    stored, _ = state(together("m", "v"), is_newer=False)
    stored.variables.extend([("", np.zeros(1, "float32"))] * 2)
    assert moments.restore(Model(Newer, "Adam", alternating("m", "v")), stored)
