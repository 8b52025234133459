"""Sample inputs, made without TensorFlow for what stands in for a model."""

import types

import numpy as np
import pytest

from kerasmatrix.harness import backend, feeding, sample_batches, sample_inputs


@pytest.fixture(autouse=True)
def _eager(monkeypatch):
    """Let nothing ask TensorFlow for tensors: arrays are good enough for these models."""
    monkeypatch.setattr(backend.TensorFlow, "tensor", lambda _, array, spec: array)


def tensor(*shape, dtype="float32", name="x", **kind):
    return types.SimpleNamespace(shape=shape, dtype=dtype, name=name, **kind)


class Model:
    """Has a config and inputs, and says of a batch whether it takes it."""

    def __init__(self, inputs=None, config=None, takes=lambda *arrays: True, layers=()):
        self.inputs = inputs
        self.layers = layers
        self.weights = []
        self.calls = []
        self._config = config
        self._takes = takes

    def get_config(self):
        if self._config is None:
            raise NotImplementedError
        return self._config

    def __call__(self, arrays):
        self.calls.append(arrays)
        problem = self._takes(*arrays)
        if problem is not True:
            raise ValueError(problem)
        return [np.ones(len(arrays[0]), "float32")]


def call(model, arrays, keys=None):
    return model(arrays)


def find(model, script=None, path=""):
    return sample_inputs.find(model, script or {}, path, call=call)


def sequential(*layers):
    return {"layers": [{"class_name": kind, "config": config} for kind, config in layers]}


def test_find_signature_of_two_inputs_gives_a_batch_of_each():
    model = Model([tensor(None, 3), tensor(None, None, 2, dtype="int32", name="y")])
    sample = find(model)
    numbers, indices = sample.inputs
    assert (numbers.shape, numbers.dtype) == ((4, 3), np.float32)
    assert (indices.shape, indices.dtype) == ((4, 5, 2), np.int32)
    assert np.array_equal(numbers, find(model).inputs[0])
    assert len(sample.outputs) == 1


@pytest.mark.parametrize(
    ("dtype", "kind"),
    [("bool", "b"), ("uint8", "u"), ("int64", "i"), ("complex64", "c"), ("string", "U"),
     ("bfloat16", "f"), ("float16", "f")],
)  # fmt: skip
def test_find_input_of_a_dtype_gives_values_of_it(dtype, kind):
    (array,) = find(Model([tensor(None, 3, dtype=dtype)])).inputs
    assert (array.shape, array.dtype.kind) == ((4, 3), kind)


def test_find_pixels_go_up_to_255():
    (array,) = find(Model([tensor(None, 8, 8, 3, dtype="uint8")])).inputs
    assert array.max() > 200


def test_find_fixed_batch_is_kept():
    (array,) = find(Model([tensor(3, 2)])).inputs
    assert array.shape == (3, 2)


def test_find_embedding_gives_indices_below_its_size():
    config = sequential(("Embedding", {"input_dim": 7}), ("Dense", {}))
    (array,) = find(Model([tensor(None, 30)], config)).inputs
    assert array.dtype == np.float32
    assert set(array.ravel()) <= set(range(7))
    assert array.max() == 6


def test_find_embedding_in_a_custom_layer_is_found():
    embedding = type("Embedding", (), {"input_dim": 3})()
    model = Model([tensor(None, 30)], layers=[embedding],
                  takes=lambda array: True if array.min() >= 0 and array.max() == 2
                  else "out of range")  # fmt: skip
    assert set(find(model).inputs[0].ravel()) == {0, 1, 2}


def test_find_bound_in_message_is_respected():
    def takes(array):
        return True if 0 <= array.min() <= array.max() < 11 else "indices[0,3] is not in [0, 11)"

    model = Model([tensor(None, 30, dtype="float32")], takes=takes)
    assert find(model).inputs[0].max() == 10
    assert len(model.calls) == 3  # refused, and then twice the same


def test_find_size_in_a_message_is_tried():
    def takes(array):
        return True if array.shape[1] == 37 else f"expected axis 1 to be 37, got {array.shape}"

    assert find(Model([tensor(None, None)], takes=takes)).inputs[0].shape == (4, 37)


def test_find_free_size_fits_strides():
    conv = ("Conv2D", {"kernel_size": [3, 3], "strides": [1, 1], "padding": "valid"})
    pool = ("MaxPooling2D", {"pool_size": [2, 2], "strides": [2, 2], "padding": "valid"})
    config = sequential(*[conv, pool] * 4)

    def takes(array):
        size = array.shape[1]
        for _ in range(4):
            size = (size - 2) // 2
        return True if size > 0 else "Negative dimension size"

    model = Model([tensor(None, None, None, 3)], config, takes=takes)
    assert find(model).inputs[0].shape[1] >= 46
    assert np.array_equal(model.calls[0][0], model.calls[1][0])


def test_find_all_refused_raises_the_first_error():
    model = Model([tensor(None, None)], takes=lambda array: f"no {array.shape[1]}")
    with pytest.raises(ValueError, match=r"^no 5$"):
        find(model)
    assert len(model.calls) <= sample_batches.MOST_TRIES


def test_find_memory_error_is_raised():
    def takes(array):
        raise MemoryError

    with pytest.raises(MemoryError):
        find(Model([tensor(None, 3)], takes=takes))


def test_find_time_is_over_stops_trying():
    model = Model([tensor(None, None)], takes=lambda array: "no")
    with pytest.raises(ValueError, match="no"):
        sample_inputs.find(model, {}, call=call, seconds=-1.0)
    assert len(model.calls) == 1


def test_find_outputs_all_nan_tries_other_values():
    class Root(Model):
        def __call__(self, arrays):
            with np.errstate(invalid="ignore"):
                return [np.sqrt(arrays[0].min(axis=1) - 0.0)]

    (array,) = find(Root([tensor(None, 30)])).inputs
    assert array.min() >= 0


def test_find_scripts_own_probe_goes_first():
    model = Model()
    sample = find(model, {"probe": lambda: [[1.0, 2.0]]})
    assert sample.inputs[0].tolist() == [1.0, 2.0]


def test_find_given_names_are_put_in_the_models_order():
    model = Model([tensor(None, 1, name="a"), tensor(None, 2, name="b")])
    sample = find(model, {"probe": lambda: {"b": np.zeros((4, 2)), "a": np.ones((4, 1))}})
    assert [array.shape for array in sample.inputs] == [(4, 1), (4, 2)]


@pytest.mark.parametrize(
    "given",
    [{"c": np.zeros((4, 3))}, {"c": np.zeros(4)}, {"c": np.array([["text", "text"]])},
     {"c": np.zeros((4, 2)), "d": np.zeros((4, 2))}],
)  # fmt: skip
def test_find_given_that_do_not_fit_names_both_sides(given):
    model = Model([tensor(None, 2, name="a")])
    with pytest.raises(
        sample_inputs.Misfit, match=r"takes a: float32 \(any, 2\): they are c: "
    ) as error:
        find(model, {"probe": lambda: given})
    assert str(tuple(given["c"].shape)) in str(error.value)
    assert not model.calls


class Unbuilt:
    weights = ()

    @property
    def inputs(self):
        raise ValueError("Sequential model 'sequential_1' has no defined inputs yet.")


@pytest.mark.parametrize("model", [types.SimpleNamespace(), Model(), Unbuilt()])
def test_find_model_without_declared_inputs_is_unusable(model):
    with pytest.raises(sample_inputs.Unusable, match="give it sample inputs"):
        find(model)


def test_find_dtype_without_numbers_is_unusable():
    with pytest.raises(sample_inputs.Unusable, match="give sample inputs"):
        find(Model([tensor(None, dtype="resource")]))


def test_find_subclassed_model_uses_saved_inputs():
    model = Model()
    model._saved_model_inputs_spec = {"b": tensor(None, 2), "a": tensor(None, 1)}
    sample = find(model)
    assert sample.keys == ["a", "b"]
    assert [array.shape for array in sample.inputs] == [(4, 1), (4, 2)]


def test_find_subclassed_model_uses_built_shape():
    model = Model()
    model._build_input_shape = (None, 6)
    assert find(model).inputs[0].shape == (4, 6)


def test_check_outputs_that_change_are_refused():
    with pytest.raises(sample_inputs.Unusable, match="not deterministic"):
        sample_inputs.check([np.array([1.0])], [np.array([2.0])])


def test_check_outputs_without_a_number_are_refused():
    empty = [np.array([np.nan, np.inf])]
    with pytest.raises(sample_inputs.Unusable, match="NaN or infinite"):
        sample_inputs.check(empty, empty)


def test_check_outputs_with_some_numbers_are_fine():
    some = [np.array([np.nan, 1.0]), np.array(["text"])]
    sample_inputs.check(some, some)


def test_save_sample_comes_back_in_order(tmp_path):
    inputs = [np.full(2, number) for number in range(12)]
    path = str(tmp_path / "probe.npz")
    sample_inputs.save(path, sample_inputs.Sample(inputs, [np.zeros(1)], ["k"]))
    back = sample_inputs.load(path)
    assert [array[0] for array in back.inputs] == list(range(12))
    assert back.outputs[0].tolist() == [0.0]
    assert back.keys == ["k"]


def test_save_nothing_comes_back_as_nothing(tmp_path):
    sample_inputs.save(str(tmp_path / "probe.npz"), None)
    assert sample_inputs.load(str(tmp_path / "probe.npz")) is None


def test_load_without_a_reference_is_unusable(tmp_path):
    with pytest.raises(sample_inputs.Unusable, match="nothing to compare it with"):
        sample_inputs.load(str(tmp_path / "probe.npz"))


def test_batches_dict_is_tried_where_the_model_takes_one():
    model = Model()
    model._nested_inputs = {"b": tensor(None, 2, name="b"), "a": tensor(None, 1, name="a")}
    first, second = feeding.batches(model, [np.zeros(1), np.ones(1)])
    assert list(first) == ["a", "b"]
    assert isinstance(second, list)


def test_batches_single_input_is_an_array_first():
    model = Model([tensor(None, 2)])
    first, *_ = feeding.batches(model, [np.zeros(1)])
    assert isinstance(first, np.ndarray)


def test_forget_states_resets_stateful_layers_at_any_depth():
    done = []
    stateful = types.SimpleNamespace(stateful=True, reset_states=lambda: done.append("it"))
    other = types.SimpleNamespace(stateful=False, reset_states=lambda: done.append("other"))
    wrapper = types.SimpleNamespace(layers=[other], layer=stateful)
    feeding.forget_states(types.SimpleNamespace(layers=[wrapper, stateful]))
    assert done.count("it") >= 1
    assert "other" not in done


class Sequential(Model):
    pass


def test_find_sequential_without_input_asks_first_layer():
    vectorizer = type("TextVectorization", (), {})()
    (texts,) = find(Sequential(layers=[vectorizer])).inputs
    assert texts.dtype.kind == "U"
    embedding = type("Embedding", (), {"input_dim": 3})()
    (indices,) = find(Sequential(layers=[embedding])).inputs
    assert (indices.shape, indices.dtype) == ((4, 5), np.int32)
    spec = types.SimpleNamespace(ndim=None, min_ndim=2, axes={-1: 7})
    dense = type("Dense", (), {"input_spec": spec})()
    assert find(Sequential(layers=[dense])).inputs[0].shape == (4, 7)


class Amplifier(Model):
    """Multiplies its inputs by a factor, or by one that depends on them."""

    def __init__(self, factor, **options):
        super().__init__([tensor(None, 3)], **options)
        self._factor = factor

    def __call__(self, arrays):
        super().__call__(arrays)
        return [np.sin(self._factor(arrays[0]) * arrays[0].astype("float64"))]


def is_small(array):
    return abs(array).max() < 0.1


def is_positive(array):
    return array.min() > 0


@pytest.mark.parametrize("bad", [1e6, 0.0], ids=["rounding changes outputs", "nothing does"])
@pytest.mark.parametrize("is_good", [is_small, is_positive])
def test_find_takes_the_inputs_whose_outputs_show_most(is_good, bad):
    sample = find(Amplifier(lambda array: 1.0 if is_good(array) else bad))
    assert is_good(sample.inputs[0])
    assert sample.outputs[0].any()


def test_find_rounding_changes_all_outputs_gives_zeros():
    assert not find(Amplifier(lambda array: 1e6)).inputs[0].any()


def test_find_nothing_changes_the_outputs_gives_the_first_inputs():
    model = Amplifier(lambda array: 0.0)
    assert find(model).inputs[0] is model.calls[0][0]


def test_find_calmer_inputs_are_refused_keeps_the_first():
    def takes(array):
        return bool(abs(array).max() > 1) or "too small"

    assert abs(find(Amplifier(lambda array: 1e6, takes=takes)).inputs[0]).max() > 1


def test_find_does_not_change_indices_by_rounding():
    config = sequential(("Embedding", {"input_dim": 7}), ("Dense", {}))
    model = Model([tensor(None, 30)], config)
    find(model)
    assert len(model.calls) == 2
