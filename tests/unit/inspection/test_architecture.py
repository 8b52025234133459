import base64
import marshal
import sys

import pytest

from kerasmatrix.inspection.architecture import (
    custom_objects,
    dtype_policies,
    read_architecture,
    read_training,
)
from kerasmatrix.inspection.lambdas import lambdas
from tests.unit.inspection.files import DENSE, SEQUENTIAL


def model(*layers):
    return {"class_name": "Functional", "config": {"name": "model", "layers": list(layers)}}


def layer(class_name, name="it", **more):
    return {"class_name": class_name, "config": {"name": name, **more.pop("config", {})}, **more}


def test_read_architecture_layers_have_properties():
    root = read_architecture(SEQUENTIAL, {"dense": 8})
    (dense,) = root.parts
    assert (root.class_name, dense.class_name, dense.name) == ("Sequential", "Dense", "dense")
    assert (dense.shape, dense.parameters, dense.dtype) == ((None, 3), 8, "float32")


def test_read_architecture_list_is_sequential():
    root = read_architecture({"class_name": "Sequential", "config": [DENSE]}, {})
    assert [part.class_name for part in root.walk()] == ["Sequential", "Dense"]


def test_read_architecture_nested_layers_are_read():
    cell = {"class_name": "LSTMCell", "config": {"name": "cell"}}
    wrapped = layer("Bidirectional", config={"layer": layer("RNN", config={"cells": [cell, cell]})})
    found = [part.class_name for part in read_architecture(model(wrapped), {}).walk()]
    assert found == ["Functional", "Bidirectional", "RNN", "LSTMCell", "LSTMCell"]


@pytest.mark.parametrize(
    ("told", "custom"),
    [
        (layer("Dense"), False),
        (layer("TFOpLambda"), False),
        (layer("GetItem"), False),  # an operation of Keras 3 in HDF5 names no module
        (layer("MyLayer"), True),
        (layer("Package>MyLayer"), True),
        (layer("MyLayer", module="keras.layers", registered_name=None), False),
        (layer("Dense", module="my.layers", registered_name="Dense"), True),
        (layer("Scale", module=None, registered_name="pack>Scale"), True),
        (layer("Dense", module="tf_keras.src.layers"), False),
    ],
)
def test_is_custom_unknown_class(told, custom):
    found = custom_objects(read_architecture(model(told), {}))
    assert bool(found) == custom
    assert all(">" not in name for name in found)


def test_read_architecture_endless_nesting_is_cut():
    nested = layer("Dense")
    for _ in range(900):
        nested = layer("TimeDistributed", config={"layer": nested})
    assert sum(1 for _ in read_architecture(model(nested), {}).walk()) < 300


@pytest.mark.parametrize(
    "config", [{}, {"class_name": None, "config": 3}, {"config": {"layers": 1}}]
)
def test_read_architecture_nonsense_is_single_part(config):
    assert len(list(read_architecture(config, {}).walk())) == 1


def test_dtype_policies_text_or_mapping():
    new = {"class_name": "DTypePolicy", "config": {"name": "mixed_bfloat16"}}
    told = model(
        layer("Dense", config={"dtype": "mixed_float16"}),
        layer("Dense", config={"dtype": new}),
        layer("Dense", config={"dtype": "float32"}),
    )
    assert dtype_policies(told) == ("mixed_float16", "mixed_bfloat16")


def stored(function):
    return base64.b64encode(marshal.dumps(function.__code__)).decode()


def test_lambdas_bytecode_has_python():
    factor = 3
    for function in (lambda x: x + 1, lambda x: x * factor):
        told = model(layer("Lambda", "double", config={"function": [stored(function), None, None]}))
        (found,) = lambdas(told)
        assert found.layer == "double"
        first, _, last = (found.python or "").partition(" to ")
        minors = [int(part.removeprefix("3.")) for part in (first, last or first)]
        assert minors[0] <= sys.version_info.minor <= minors[1]


def test_lambdas_keras_3_bytecode_is_nested():
    code = {"class_name": "__lambda__", "config": {"code": stored(lambda x: x)}}
    (found,) = lambdas(model(layer("Lambda", config={"function": code})))
    assert found.python is not None


# By hand, from the formats of CPython 3.7 and 3.9: numbers, then the code as a string.
@pytest.mark.parametrize(
    ("numbers", "code", "python"),
    [
        (5, b"|\x00S\x00", "3.7 and before"),
        (6, b"|\x00S\x00", "3.8 to 3.10"),
        (5, b"\x97\x00|\x00", "3.11 to 3.12"),
        (5, b"\x95\x01\x97\x00", "3.11 to 3.12"),
        (5, b"\x95\x00U\x00", "3.13"),
        (5, b"\x3e\x01\x95\x00", "3.13"),
    ],
)
def test_lambdas_bytecode_ages_are_distinguished(numbers, code, python):
    raw = b"\xe3" + b"\x01\x00\x00\x00" * numbers + b"s" + len(code).to_bytes(4, "little") + code
    function = base64.b64encode(raw).decode()
    (found,) = lambdas(model(layer("Lambda", config={"function": [function, None, None]})))
    assert found.python == python


@pytest.mark.parametrize(
    "function", [None, "a name", ["!!"], {"config": 1}, [base64.b64encode(b"x").decode()]]
)
def test_lambdas_invalid_bytecode_has_no_python(function):
    (found,) = lambdas(model(layer("Lambda", config={"function": function})))
    assert found.python is None


@pytest.mark.parametrize(
    ("told", "loss", "metrics", "optimizer"),
    [
        ({"loss": "mse", "metrics": ["mae"], "optimizer": "sgd"}, "mse", ("mae",), "sgd"),
        (
            {
                "loss": {"class_name": "LossFunctionWrapper", "config": {"fn": "huber"}},
                "metrics": [[{"class_name": "MeanMetricWrapper", "config": {"name": "acc"}}]],
                "optimizer_config": {"class_name": "Custom>Adam", "config": {}},
            },
            "huber", ("acc",), "Adam",
        ),
        ({"loss": {"a": "mse", "b": "mae"}}, "a: mse, b: mae", (), None),
        ({"loss": {"class_name": "function", "config": "mine"}}, "mine", (), None),
        ({"loss": None, "metrics": {"out": ["mse"]}}, None, ("mse",), None),
    ],
)  # fmt: skip
def test_read_training_any_release(told, loss, metrics, optimizer):
    found = read_training(told, state=True)
    assert (found.loss, found.metrics, found.optimizer) == (loss, metrics, optimizer)
