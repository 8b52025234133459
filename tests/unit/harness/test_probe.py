"""Probe inputs, made without TensorFlow from what stands in for a model."""

import types

import numpy as np
import pytest

from kerasmatrix.harness import probe


def tensor(*shape, dtype="float32"):
    return types.SimpleNamespace(shape=shape, dtype=np.dtype(dtype))


def test_a_batch_follows_the_models_signature():
    model = types.SimpleNamespace(inputs=[tensor(None, 3), tensor(None, None, 2, dtype="int32")])
    numbers, indices = probe.make(model, {})
    assert (numbers.shape, numbers.dtype) == ((4, 3), np.float32)
    assert (indices.shape, indices.dtype) == ((4, 5, 2), np.int32)
    again, _ = probe.make(model, {})
    assert np.array_equal(numbers, again)


def test_a_scripts_own_probe_goes_first():
    (array,) = probe.make(types.SimpleNamespace(), {"probe": lambda: [[1.0, 2.0]]})
    assert array.tolist() == [1.0, 2.0]


class Unbuilt:
    @property
    def inputs(self):
        raise ValueError("Sequential model 'sequential_1' has no defined inputs yet.")


@pytest.mark.parametrize(
    "model", [types.SimpleNamespace(), types.SimpleNamespace(inputs=None), Unbuilt()]
)
def test_a_model_that_does_not_say_its_inputs_needs_a_probe(model):
    with pytest.raises(probe.Unusable, match=r"give save.py a probe\(\)"):
        probe.make(model, {})


def test_a_dtype_without_numbers_needs_a_probe():
    with pytest.raises(TypeError, match=r"give save\.py a probe"):
        probe.make(types.SimpleNamespace(inputs=[tensor(None, dtype="<U3")]), {})


def test_outputs_that_change_from_call_to_call_are_refused():
    with pytest.raises(probe.Unusable, match="not deterministic"):
        probe.check([np.array([1.0])], [np.array([2.0])])


def test_outputs_without_a_number_are_refused():
    empty = [np.array([np.nan, np.inf])]
    with pytest.raises(probe.Unusable, match="NaN or infinite"):
        probe.check(empty, empty)


def test_outputs_with_some_numbers_are_fine():
    some = [np.array([np.nan, 1.0]), np.array(["text"])]
    probe.check(some, some)


def test_inputs_and_outputs_come_back_in_order(tmp_path):
    inputs = [np.full(2, number) for number in range(12)]
    probe.save(str(tmp_path / "probe.npz"), inputs, [np.zeros(1)])
    back, (output,) = probe.load(str(tmp_path / "probe.npz"))
    assert [array[0] for array in back] == list(range(12))
    assert output.tolist() == [0.0]
