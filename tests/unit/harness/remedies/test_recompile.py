import h5py
import numpy as np
import pytest

from kerasmatrix.harness.remedies import architecture, recompile
from tests.unit.harness.remedies.fake_keras import UNSET, Variable
from tests.unit.harness.remedies.readers import FakeReader

TRAINING = {
    "optimizer_config": {"class_name": "Adam", "config": {"learning_rate": 0.003}},
    "loss": "mae",
    "metrics": [["accuracy", None]],
}


class Adam:
    def __init__(self, variables):
        self.variables = variables
        self.iterations = Variable("iteration", fill=0)

    def build(self, weights):
        self.built_for = weights

    def get_config(self):
        return {"learning_rate": 0.003}


class Model:
    def __init__(self, variables):
        self.trainable_variables = [Variable("dense/kernel", 2, 3), Variable("dense/bias", 3)]
        self.outputs = [None]
        self.optimizer = Adam(variables)
        self.compiled = None

    def compile(self, **arguments):
        self.compiled = arguments


class Reader(FakeReader):
    def deserialize_training(self, place, entry, custom_objects):
        return (place, entry["class_name"])


def variables():
    """The moments as Keras 3 orders them: both of one weight together."""
    kinds = ("momentum", "velocity")
    return [
        Variable("adam/learning_rate"),
        *(Variable(f"adam/kernel_{kind}", 2, 3) for kind in kinds),
        *(Variable(f"adam/bias_{kind}", 3) for kind in kinds),
    ]


def compiled(tmp_path, moments):
    path = tmp_path / "m.h5"
    with h5py.File(path, "w") as file:
        group = file.create_group("optimizer_weights")
        for name, array in moments:
            group[name] = array
        group.attrs["weight_names"] = [name.encode() for name, _ in moments]
    model = Model(variables())
    stored = architecture.Stored(
        {"class_name": "Sequential", "config": {"layers": []}}, TRAINING, archive=False
    )
    done = recompile.compile_as_stored(model, str(path), stored, Reader(3), {})
    return model, done


def test_compile_as_stored_reorders_the_moments(tmp_path):
    shapes = {"kernel": (2, 3), "bias": (3,)}
    # As Keras 2.4 orders them: all of one kind together.
    moments = [("Adam/iter:0", np.int64(7))]
    moments += [
        (f"Adam/dense/{weight}/{kind}:0", np.full(shape, number))
        for number, kind in enumerate("mv", start=1)
        for weight, shape in shapes.items()
    ]
    model, done = compiled(tmp_path, moments)
    assert done == "compiled as in the file, with the optimizer's state"
    assert [variable.value.flat[0] for variable in model.optimizer.variables[1:]] == [1, 2, 1, 2]
    assert model.optimizer.iterations.value == 7
    assert model.compiled["metrics"] == ["accuracy"]
    assert model.compiled["loss"] == "mean_absolute_error"


def test_compile_as_stored_without_moments_only_compiles(tmp_path):
    model, done = compiled(tmp_path, [])
    assert done == "compiled as in the file"
    assert model.optimizer.iterations.value == 0


@pytest.mark.parametrize("shape", [(5,), (3, 2)])
def test_compile_as_stored_other_moments_are_left_out(tmp_path, shape):
    moments = [(f"Adam/w{number}/m:0", np.ones(shape)) for number in range(4)]
    model, done = compiled(tmp_path, moments)
    assert done.startswith("compiled as in the file, without the optimizer's state")
    assert all((variable.value == UNSET).all() for variable in model.optimizer.variables)
