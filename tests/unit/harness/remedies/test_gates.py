import numpy as np
import pytest

from kerasmatrix.harness.remedies import gates
from tests.unit.harness.remedies.fake_keras import Variable


def hard_sigmoid(x):
    return x


def sigmoid(x):
    return x


class Part:
    def __init__(self, name, **attributes):
        self.name = name
        vars(self).update(attributes)


class LSTMCell(Part):
    pass


class GRUCell(Part):
    pass


def ones(name, *shape):
    return Variable(name, *shape, fill=1)


def weights(units, parts, biases=()):
    return {
        "kernel": ones("kernel", 2, units * parts),
        "recurrent_kernel": ones("recurrent_kernel", units, units * parts),
        "bias": ones("bias", *biases, units * parts),
    }


def test_scale_lstm_scales_all_gates_but_the_candidate():
    cell = LSTMCell("cell", recurrent_activation=hard_sigmoid, **weights(2, 4))
    assert gates.scale(Part("m", layers=[Part("lstm", cell=cell)]), 2) == ["cell"]
    row = [1.2, 1.2, 1.2, 1.2, 1, 1, 1.2, 1.2]
    assert cell.kernel.value[0] == pytest.approx(row)
    assert cell.recurrent_kernel.value[1] == pytest.approx(row)
    assert cell.bias.value == pytest.approx(row)


def test_scale_gru_with_two_biases_goes_back():
    cell = GRUCell("cell", recurrent_activation=hard_sigmoid, **weights(1, 3, (2,)))
    wrapped = Part("two", forward_layer=Part("gru", cell=cell))
    assert gates.scale(Part("m", layers=[wrapped]), 3) == ["cell"]
    assert cell.bias.value[1] == pytest.approx([1 / 1.2, 1 / 1.2, 1])


def test_scale_dense_with_the_activation_scales_everything():
    dense = Part(
        "dense", activation=hard_sigmoid, kernel=ones("kernel", 2, 3), bias=ones("bias", 3)
    )
    assert gates.scale(Part("m", layers=[dense]), 2) == ["dense"]
    assert dense.kernel.value == pytest.approx(np.full((2, 3), 1.2))


def test_scale_other_activations_stay():
    cell = LSTMCell("cell", recurrent_activation=sigmoid, **weights(2, 4))
    assert gates.scale(Part("m", layers=[Part("rnn", cell=cell)]), 2) == []
    assert cell.kernel.value[0, 0] == 1
