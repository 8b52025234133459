"""Weights from files of every layout into fake models."""

import zipfile

import h5py
import numpy as np
import pytest

from kerasmatrix.harness.remedies import weights
from kerasmatrix.harness.remedies.layout import find_arrays
from tests.unit.harness.remedies.fake_keras import Variable


class Layer:
    def __init__(self, *shapes, name="", **children):
        self.name = name
        self._trainable_weights = [
            Variable(f"{name}/{n}", *shape) for n, shape in enumerate(shapes)
        ]
        self._non_trainable_weights = []
        self._children = list(children.values())
        self.__dict__.update(children)

    @property
    def weights(self):
        own = self._trainable_weights + self._non_trainable_weights
        return own + [each for child in self._children for each in child.weights]

    @property
    def trainable_weights(self):
        return self.weights

    non_trainable_weights = ()


class Dense(Layer):
    pass


class LSTM(Layer):
    pass


class Model(Layer):
    def __init__(self, *layers, **attributes):
        super().__init__()
        self.layers = list(layers)
        self._children = self.layers
        self.__dict__.update(attributes)

    def get_weights(self):
        return [variable.value for variable in self.weights]

    def set_weights(self, arrays):
        for variable, array in zip(self.weights, arrays, strict=True):
            assert np.shape(array) == variable.shape
            variable.value = np.asarray(array)


def number(value, shape):
    return np.full(shape, value, "float32")


def model_of_two():
    cell = Layer((2, 8), (8,), name="cell")
    return Model(Dense((3, 2), (2,), name="d"), LSTM(name="lstm", cell=cell), Dense((2, 1), (1,)))


NEWER = {
    "layers/dense/vars/0": number(1, (3, 2)),
    "layers/dense/vars/1": number(2, (2,)),
    "layers/lstm/cell/vars/0": number(3, (2, 8)),
    "layers/lstm/cell/vars/1": number(4, (8,)),
    "layers/dense_2/vars/0": number(5, (2, 1)),  # 2.12 counts like this
    "layers/dense_2/vars/1": number(6, (1,)),
    "layers/lstm/cell/seed_generator/vars/0": np.zeros(2, "uint32"),
}


def write(path, arrays):
    with h5py.File(path, "w") as file:
        for name, array in arrays.items():
            file[name] = array
    return path


def values(model):
    return [float(array.flat[0]) for array in model.get_weights()]


def test_load_into_new_layout_reads_by_path(tmp_path):
    write(tmp_path / "model.weights.h5", NEWER)
    model = model_of_two()
    assert "by the path of each variable" in weights.load_into(model, "weights", str(tmp_path))
    assert values(model) == [1, 2, 3, 4, 5, 6]


def test_load_into_layer_list_of_keras_2_12(tmp_path):
    other = {name.replace("layers/", "_layer_checkpoint_dependencies/"): array
             for name, array in NEWER.items()}  # fmt: skip
    write(tmp_path / "model.weights.h5", other)
    model = model_of_two()
    weights.load_into(model, "weights", str(tmp_path))
    assert values(model) == [1, 2, 3, 4, 5, 6]


def test_load_into_archive(tmp_path):
    inner = write(tmp_path / "inner.h5", NEWER)
    with zipfile.ZipFile(tmp_path / "model.keras", "w") as file:
        file.write(inner, "model.weights.h5")
    model = model_of_two()
    weights.load_into(model, "keras", str(tmp_path))
    assert values(model) == [1, 2, 3, 4, 5, 6]


def test_load_into_member_stored_as_attribute(tmp_path):
    first, second = Dense((3, 2), name="a"), Dense((2, 1), name="b")
    model = Model(first, second, hidden=first)
    arrays = {"hidden/vars/0": number(1, (3, 2)), "layers/dense_1/vars/0": number(2, (2, 1))}
    write(tmp_path / "model.weights.h5", arrays)
    weights.load_into(model, "weights", str(tmp_path))
    assert values(model) == [1, 2]


def write_older(path, layers, root=""):
    with h5py.File(path, "w") as file:
        group = file.create_group(root) if root else file
        group.attrs["layer_names"] = [name.encode() for name in layers]
        for name, arrays in layers.items():
            layer = group.create_group(name)
            layer.attrs["weight_names"] = [f"{name}/{n}:0".encode() for n in range(len(arrays))]
            for n, array in enumerate(arrays):
                layer[f"{name}/{n}:0"] = array


OLDER = {
    "input_1": [],
    "dense": [number(1, (3, 2)), number(2, (2,))],
    "lstm": [number(3, (2, 8)), number(4, (8,))],
    "dense_1": [number(5, (2, 1)), number(6, (1,))],
}


@pytest.mark.parametrize(("form", "file", "root"), [
    ("weights", "weights.h5", ""), ("h5", "model.h5", "model_weights"),
])  # fmt: skip
def test_load_into_old_layout_reads_by_layer(tmp_path, form, file, root):
    write_older(tmp_path / file, OLDER, root)
    model = model_of_two()
    assert "layer by layer" in weights.load_into(model, form, str(tmp_path))
    assert values(model) == [1, 2, 3, 4, 5, 6]


def test_load_into_missing_weight_raises(tmp_path):
    fewer = {name: array for name, array in NEWER.items() if "lstm" not in name}
    write(tmp_path / "model.weights.h5", fewer)
    with pytest.raises(weights.Unfilled, match="nothing for cell/0"):
        weights.load_into(model_of_two(), "weights", str(tmp_path))


def test_load_into_value_not_set_raises(tmp_path):
    holes = {**OLDER, "dense": [number(float("nan"), (3, 2)), number(2, (2,))]}
    write_older(tmp_path / "weights.h5", holes)
    with pytest.raises(weights.Unfilled, match="nothing for d/0"):
        weights.load_into(model_of_two(), "weights", str(tmp_path))


def test_load_into_other_shapes_raise(tmp_path):
    write(tmp_path / "model.weights.h5", {**NEWER, "layers/dense/vars/0": number(1, (3, 5))})
    with pytest.raises(ValueError, match=r"/layers/dense: the file has the shapes \[\(3, 5\)"):
        weights.load_into(model_of_two(), "weights", str(tmp_path))


def test_load_into_other_layers_raise(tmp_path):
    write_older(tmp_path / "weights.h5", {**OLDER, "more": [number(7, (1,))]})
    with pytest.raises(ValueError, match="the file has 4 layers with weights, the model has 3"):
        weights.load_into(model_of_two(), "weights", str(tmp_path))
    write(tmp_path / "model.weights.h5", {**NEWER, "layers/conv2_d/vars/0": number(1, (1,))})
    with pytest.raises(ValueError, match="no further layer like it"):
        weights.load_into(model_of_two(), "weights", str(tmp_path))


def test_load_into_attribute_underscore_may_differ(tmp_path):
    model = Model()
    model._query = Layer((2,), name="query")
    model._children = [model._query]
    path = write(tmp_path / "file.h5", {"query/vars/0": number(1, (2,))})
    with h5py.File(path) as file:
        assert next(iter(find_arrays(file, model).values())).tolist() == [1, 1]


def test_load_into_unknown_group_raises(tmp_path):
    path = write(tmp_path / "file.h5", {"nowhere/vars/0": number(1, (2,))})
    with h5py.File(path) as file, pytest.raises(ValueError, match="the file has /nowhere"):
        find_arrays(file, Model())
