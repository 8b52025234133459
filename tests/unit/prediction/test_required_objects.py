import json

import pytest

from kerasmatrix.errors import UsageError
from kerasmatrix.inspection.inspect import inspect
from kerasmatrix.prediction.required_objects import (
    inspect_required,
    program_arguments,
    required_objects,
)
from tests.unit.inspection import files

GATE = {"class_name": "Gate", "config": {"name": "gate", "units": 2}}


def sequential(*layers):
    return {"class_name": "Sequential", "config": {"name": "s", "layers": list(layers)}}


def dense(**changes):
    return {**files.DENSE, "config": {**files.DENSE["config"], **changes}}


def names(path):
    return [(each.name, each.registered, each.to_compile) for each in required_objects(path)]


def test_required_objects_of_a_plain_model_are_none(tmp_path):
    assert required_objects(files.hdf5_model(tmp_path / "model.h5")) == ()


def test_required_objects_are_classes_functions_and_losses(tmp_path):
    training = {"loss": "huber_ish", "metrics": ["mae"], "optimizer_config": None}
    config = sequential(GATE, dense(activation="my_swish"), GATE)
    path = files.hdf5_model(tmp_path / "model.h5", config, training=training)
    assert names(path) == [
        ("Gate", (), False), ("my_swish", (), False), ("huber_ish", (), True),
    ]  # fmt: skip
    assert program_arguments(required_objects(path)) == (
        'custom_objects={"Gate": Gate, "my_swish": my_swish, "huber_ish": huber_ish}'
    )


def test_required_objects_registered_names_are_the_keys(tmp_path):
    own = {**GATE, "class_name": "my_package>Gate"}
    config = sequential(own, dense(activation="Custom>sampling"))
    path = files.hdf5_model(tmp_path / "model.h5", config, training=None)
    assert names(path) == [
        ("Gate", ("my_package>Gate",), False), ("sampling", ("Custom>sampling",), False),
    ]  # fmt: skip
    assert '"Custom>sampling": sampling' in program_arguments(required_objects(path))


def test_required_objects_of_an_archive_are_found_by_module(tmp_path):
    own = {**GATE, "module": "my_layers", "registered_name": "Gate"}
    config = {**sequential(own), "module": "keras", "registered_name": None}
    path = files.archive(tmp_path / "model.keras", config)
    assert names(path) == [("Gate", (), False)]


def test_required_objects_without_a_name_are_left_out(tmp_path):
    training = {**files.TRAINING, "loss": "<lambda>"}
    assert required_objects(files.hdf5_model(tmp_path / "m.h5", training=training)) == ()


def test_required_objects_outside_the_model_are_left_out(tmp_path):
    """No program is asked to pass ``os.system``."""
    activation = {"module": "os", "class_name": "function", "config": "system"}
    path = files.hdf5_model(tmp_path / "m.h5", sequential(GATE, dense(activation=activation)))
    model_file, required = inspect_required(path)
    assert [hazard.names for hazard in model_file.hazards] == ["os.system"]
    assert [each.name for each in required] == ["Gate"]


def test_required_objects_of_a_damaged_file_are_an_error(tmp_path):
    (tmp_path / "model.h5").write_text(json.dumps("text"))
    with pytest.raises(UsageError, match=r"model\.h5"):
        required_objects(tmp_path / "model.h5")


def test_inspect_required_equals_both_readings(tmp_path):
    path = files.hdf5_model(tmp_path / "model.h5")
    assert inspect_required(path) == (inspect(path), required_objects(path))


def test_inspect_required_keeps_model_if_objects_raise(tmp_path, monkeypatch):
    def trip(_):
        raise RecursionError

    monkeypatch.setattr("kerasmatrix.prediction.required_objects._required_by", trip)
    path = files.hdf5_model(tmp_path / "model.h5")
    assert inspect_required(path) == (inspect(path), ())


def test_required_objects_function_as_keras_3_writes_it(tmp_path):
    square = {"module": "builtins", "class_name": "function", "config": "square"}
    config = sequential(dense(activation={**square, "registered_name": "function"}))
    path = files.hdf5_model(tmp_path / "model.h5", config, keras="3.15.1", training=None)
    assert names(path) == [("square", (), False)]
