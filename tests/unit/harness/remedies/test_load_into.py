"""Weights of each layout of file, read into fake models."""

import io
import zipfile

import h5py
import numpy as np
import pytest

from kerasmatrix.harness.remedies import checkpoint, layout, weights
from tests.unit.harness.remedies.fake_keras import (
    GRU,
    BatchNormalization,
    Bidirectional,
    Dense,
    Functional,
    Layer,
    Model,
    Variable,
    Vocabulary,
    values,
)


def older(path, layers, within=None):
    """Write Keras's older layout: ``layers`` are names with the arrays of each, in order."""
    with h5py.File(path, "w") as file:
        group = file.create_group(within) if within else file
        group.attrs["layer_names"] = [name.encode() for name, _ in layers]
        for name, arrays in layers:
            inner = group.create_group(name)
            inner.attrs["weight_names"] = [f"{name}/{n}:0".encode() for n in range(len(arrays))]
            for number, array in enumerate(arrays):
                inner.create_dataset(f"{name}/{number}:0", data=array)


def newer(target, arrays):
    """Write Keras's newer layout: ``arrays`` by path."""
    with h5py.File(target, "w") as file:
        for path, array in arrays.items():
            file.create_dataset(path, data=array)


def full(number, *shape):
    return np.full(shape, number, "float32")


def two_layers():
    return Model(Dense("first", 2, 3), Layer("flat"), Dense("second", 3, 1))


FIRST = [full(1, 2, 3), full(2, 3)]
SECOND = [full(3, 3, 1), full(4, 1)]
ALL = {"first/kernel:0": 1, "first/bias:0": 2, "second/kernel:0": 3, "second/bias:0": 4}


@pytest.mark.parametrize(("form", "within"), [("h5", "model_weights"), ("weights", None)])
def test_load_into_old_layout_reads_by_layer(tmp_path, form, within):
    name = "model.h5" if form == "h5" else "weights.h5"
    older(tmp_path / name, [("first", FIRST), ("flat", []), ("second", SECOND)], within)
    model = two_layers()
    how = weights.load_into(model, form, str(tmp_path))
    assert (how, values(model)) == ("read layer by layer, by name", ALL)


def test_load_into_chooses_format_by_content(tmp_path):
    older(tmp_path / "model.keras", [("first", FIRST), ("second", SECOND)], "model_weights")
    model = two_layers()
    weights.load_into(model, "keras", str(tmp_path))
    assert values(model) == ALL


def test_load_into_other_names_pairs_in_order(tmp_path):
    older(tmp_path / "weights.h5", [("dense_7", FIRST), ("dense_8", SECOND)])
    model = two_layers()
    how = weights.load_into(model, "weights", str(tmp_path))
    assert (how, values(model)) == ("read layer by layer, in the file's order", ALL)


def test_load_into_other_order_pairs_by_name(tmp_path):
    older(tmp_path / "weights.h5", [("right", FIRST), ("left", [full(3, 2, 3), full(4, 3)])])
    model = Model(Dense("left", 2, 3), Dense("right", 2, 3))
    weights.load_into(model, "weights", str(tmp_path))
    assert [values(model)[f"{name}/kernel:0"] for name in ("left", "right")] == [3, 1]


def test_load_into_layer_missing_in_file_raises(tmp_path):
    older(tmp_path / "weights.h5", [("first", FIRST)])
    with pytest.raises(ValueError, match=r"1 layers with weights, the model has 2"):
        weights.load_into(two_layers(), "weights", str(tmp_path))


def test_load_into_layer_missing_in_model_raises(tmp_path):
    older(tmp_path / "weights.h5", [("first", FIRST), ("second", SECOND)])
    with pytest.raises(ValueError, match=r"2 layers with weights, the model has 1"):
        weights.load_into(Model(Dense("first", 2, 3)), "weights", str(tmp_path))


def test_load_into_other_shapes_raise_and_change_nothing(tmp_path):
    older(tmp_path / "weights.h5", [("first", FIRST), ("second", [full(3, 3, 2), full(4, 2)])])
    model = two_layers()
    with pytest.raises(layout.OtherShapes, match=r"layer second: .*\(3, 2\).*\(3, 1\)") as caught:
        weights.load_into(model, "weights", str(tmp_path))
    assert "GRU" not in str(caught.value)
    assert set(values(model).values()) == {-1}


@pytest.mark.parametrize(
    ("stored", "wanted", "reset_after"), [((2, 6), (6,), "True"), ((6,), (2, 6), "False")]
)
def test_load_into_gru_of_other_kind_names_reset_after(tmp_path, stored, wanted, reset_after):
    older(tmp_path / "weights.h5", [("gru", [full(1, 3, 6), full(2, *stored)])])
    model = Model(GRU("gru", Variable("kernel", 3, 6), Variable("bias", *wanted)))
    with pytest.raises(layout.OtherShapes, match=f"saved with reset_after={reset_after}"):
        weights.load_into(model, "weights", str(tmp_path))


NEWER = {
    "layers/dense/vars/0": full(1, 2, 3),
    "layers/dense/vars/1": full(2, 3),
    "layers/flatten/seed_generator/vars/0": np.array([1, 2]),
    "layers/dense_1/vars/0": full(3, 3, 1),
    "layers/dense_1/vars/1": full(4, 1),
    "optimizer/vars/0": np.array(7),
}


@pytest.mark.parametrize("layers", ["layers", "_layer_checkpoint_dependencies"])
def test_load_into_new_layout_of_windows_is_read(tmp_path, layers):
    joined = {
        path.replace("/vars/", "\n").replace("/", "\\").replace("\n", "/vars/"): array
        for path, array in NEWER.items()
    }
    named = {path.replace("layers", layers, 1): array for path, array in joined.items()}
    newer(tmp_path / "model.weights.h5", named)
    model = two_layers()
    weights.load_into(model, "weights", str(tmp_path))
    assert values(model) == ALL


def test_load_into_new_layout_of_windows_nested_is_read(tmp_path):
    newer(tmp_path / "model.weights.h5", {
        "layers\\functional\\layers\\dense/vars/0": full(1, 2, 3),
        "layers\\functional\\layers\\dense/vars/1": full(2, 3),
        "layers\\functional/vars": np.zeros(0),
        "layers\\dense/vars/0": full(3, 3, 1),
        "layers\\dense/vars/1": full(4, 1),
    })  # fmt: skip
    model = Model(Functional(Dense("first", 2, 3)), Dense("second", 3, 1))
    weights.load_into(model, "weights", str(tmp_path))
    assert values(model) == ALL


def test_load_into_new_layout_pairs_by_class_and_number(tmp_path):
    newer(tmp_path / "model.weights.h5", NEWER)
    model = two_layers()
    how = weights.load_into(model, "weights", str(tmp_path))
    assert (how, values(model)) == ("read by the path of each variable", ALL)


@pytest.mark.parametrize("start", ["layers", "_layer_checkpoint_dependencies"])
def test_load_into_archive_reads_inner_weights_file(tmp_path, start):
    inner = io.BytesIO()
    # 2.12 leaves numbers out.
    renamed = {
        path.replace("layers", start).replace("dense_1", "dense_2"): array
        for path, array in NEWER.items()
    }
    newer(inner, renamed)
    with zipfile.ZipFile(tmp_path / "model.keras", "w") as archive:
        archive.writestr("model.weights.h5", inner.getvalue())
    model = two_layers()
    weights.load_into(model, "keras", str(tmp_path))
    assert values(model) == ALL


def test_load_into_attribute_underscore_is_optional(tmp_path):
    newer(
        tmp_path / "model.weights.h5",
        {
            "layers/bidirectional/forward_layer/cell/vars/0": full(1, 2),
            "layers/bidirectional/backward_layer/cell/vars/0": full(2, 2),
            "layers/bidirectional/query_dense/vars/0": full(3, 2),
        },
    )
    forward, backward, query = (
        Layer(name, Variable(name, 2)) for name in ("forward", "backward", "query")
    )
    both = Bidirectional(
        "both",
        forward_layer=Layer("f", cell=forward),
        backward_layer=Layer("b", cell=backward),
        _query_dense=query,
    )
    model = Model(both)
    weights.load_into(model, "weights", str(tmp_path))
    assert values(model) == {"forward": 1, "backward": 2, "query": 3}


def test_load_into_own_variables_trained_ones_first(tmp_path):
    path = "layers/batch_normalization/vars"
    newer(tmp_path / "model.weights.h5", {f"{path}/{n}": full(n, 2) for n in range(11)})
    names = [f"v{number}" for number in range(11)]
    trained, frozen = ([Variable(name, 2) for name in part] for part in (names[:9], names[9:]))
    model = Model(BatchNormalization("norm", *trained, frozen=frozen))
    weights.load_into(model, "weights", str(tmp_path))
    assert values(model) == {name: number for number, name in enumerate(names)}


def test_load_into_subclassed_model_uses_first_attribute(tmp_path):
    newer(
        tmp_path / "model.weights.h5",
        {
            "hidden/vars/0": full(1, 2, 3),
            "hidden/vars/1": full(2, 3),
            "layers/dense_1/vars/0": full(3, 3, 1),
            "layers/dense_1/vars/1": full(4, 1),
        },
    )
    hidden, out = Dense("first", 2, 3), Dense("second", 3, 1)
    model = Model(hidden, out, hidden=hidden, out=out)
    weights.load_into(model, "weights", str(tmp_path))
    assert values(model) == ALL


@pytest.mark.parametrize("container", [list, tuple, lambda layers: dict(enumerate(layers))])
def test_load_into_layers_in_own_container(tmp_path, container):
    blocks = {path.replace("layers", "blocks"): array for path, array in NEWER.items()}
    newer(tmp_path / "model.weights.h5", {**blocks, "layers/other/vars/0": full(5, 1)})
    inner = [Dense("first", 2, 3), Dense("second", 3, 1)]
    last = type("Other", (Layer,), {})("last", Variable("last", 1))
    model = Model(*inner, last, blocks=container(inner))
    weights.load_into(model, "weights", str(tmp_path))
    assert values(model) == {**ALL, "last": 5}


@pytest.mark.parametrize("kind", [Model, Functional])
def test_load_into_nested_model_has_old_name(tmp_path, kind):
    start = "layers/functional/layers/dense/vars"
    newer(tmp_path / "model.weights.h5", {f"{start}/0": FIRST[0], f"{start}/1": FIRST[1]})
    model = Model(kind(Dense("first", 2, 3), name="inner"))
    weights.load_into(model, "weights", str(tmp_path))
    assert values(model) == {"first/kernel:0": 1, "first/bias:0": 2}


def test_load_into_new_layout_missing_variable_raises(tmp_path):
    newer(tmp_path / "model.weights.h5", {k: v for k, v in NEWER.items() if "dense_1" not in k})
    with pytest.raises(weights.Unfilled, match="second/kernel, second/bias"):
        weights.load_into(two_layers(), "weights", str(tmp_path))


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("layers/dense_2/vars/0", "no further layer like it"),
        ("layers/conv2_d/vars/0", "no further layer like it"),
        ("table/vars/0", "nothing of that name"),
    ],
)
def test_load_into_new_layout_extra_variable_raises(tmp_path, path, words):
    newer(tmp_path / "model.weights.h5", {**NEWER, path: full(9, 1)})
    with pytest.raises(ValueError, match=words):
        weights.load_into(two_layers(), "weights", str(tmp_path))


@pytest.fixture
def saved_model(tmp_path, monkeypatch):
    def saved_model(*stored):
        (tmp_path / "model").mkdir()
        monkeypatch.setattr(checkpoint, "read_variables", lambda folder: list(stored))
        return str(tmp_path)

    return saved_model


def test_load_into_checkpoint_same_names_pair_by_name(saved_model):
    folder = saved_model(
        ("right/kernel", full(3, 2, 3)),
        ("right/bias", full(4, 3)),
        ("left/kernel", full(1, 2, 3)),
        ("left/bias", full(2, 3)),
    )
    model = Model(Dense("left", 2, 3), Dense("right", 2, 3))
    how = weights.load_into(model, "savedmodel", folder)
    assert how == "read from the checkpoint, by name"
    assert list(values(model).values()) == [1, 2, 3, 4]


def test_load_into_checkpoint_pairs_by_end_of_name(saved_model):
    folder = saved_model(
        ("net/right/kernel", full(3, 2, 3)),
        ("net/right/bias", full(4, 3)),
        ("left/kernel", full(1, 2, 3)),
        ("left/bias", full(2, 3)),
    )
    model = Model(Dense("left", 2, 3), Dense("right", 2, 3))
    weights.load_into(model, "savedmodel", folder)
    assert list(values(model).values()) == [1, 2, 3, 4]


def test_load_into_checkpoint_other_names_pair_by_kind(saved_model):
    folder = saved_model(
        ("net/bias", full(2, 3)),
        ("net/kernel", full(1, 3)),
        ("net/bias", full(4, 3)),
        ("net/kernel", full(3, 3)),
    )
    model = Model(Dense("first", 3), Dense("second", 3))
    how = weights.load_into(model, "savedmodel", folder)
    assert how == "read from the checkpoint, each kind in the model's order"
    assert values(model) == ALL


def test_load_into_checkpoint_else_pairs_in_order(saved_model):
    folder = saved_model(
        *[(f"Variable_{number}", array) for number, array in enumerate(FIRST + SECOND)]
    )
    model = two_layers()
    how = weights.load_into(model, "savedmodel", folder)
    assert how == "read from the checkpoint, in the model's order"
    assert values(model) == ALL


def test_load_into_checkpoint_other_variables_raise(saved_model):
    folder = saved_model(("first/kernel", FIRST[0]))
    with pytest.raises(layout.OtherShapes, match="the model: the file has"):
        weights.load_into(two_layers(), "savedmodel", folder)


def test_load_into_vocabulary_is_kept_and_reported(tmp_path):
    newer(tmp_path / "model.weights.h5", NEWER)
    words = Layer("words", frozen=[Vocabulary()])
    model = Model(words, *two_layers().layers)
    how = weights.load_into(model, "weights", str(tmp_path))
    assert "a vocabulary is not a weight" in how
    assert values(model) == ALL


def test_load_into_model_ignores_weights_raises(tmp_path):
    class Deaf(Model):
        def set_weights(self, values):
            pass

    newer(tmp_path / "model.weights.h5", NEWER)
    with pytest.raises(weights.Unfilled, match="did not take the file's value: first/kernel"):
        weights.load_into(Deaf(*two_layers().layers), "weights", str(tmp_path))


def test_load_into_unbuilt_model_is_called_first(tmp_path, monkeypatch):
    newer(tmp_path / "model.weights.h5", NEWER)
    sample = weights.sample_inputs.Sample([full(0, 4, 2)], [])
    weights.sample_inputs.save(str(tmp_path / "probe.npz"), sample)
    model = two_layers()
    model.layers[2].built = False
    called = []
    monkeypatch.setattr(weights.model_facts, "outputs", lambda *args: called.append(args))
    assert "called before" in weights.load_into(model, "weights", str(tmp_path))
    ((called_model, (batch,), _),) = called
    assert called_model is model
    assert batch.shape == (4, 2)
