import pytest

from kerasmatrix.harness.remedies import lambdas, operations
from kerasmatrix.harness.remedies.nodes import Call, Tensor

SLICES = [{"start": None, "stop": 2, "step": None}]
CODE = ["Y29kZQ==", None, [3.0]]


def older(function, name="op"):
    config = {"name": name, "trainable": True, "dtype": "float32", "function": function}
    kind = "SlicingOpLambda" if function.endswith("getitem") else "TFOpLambda"
    return {"class_name": kind, "config": config}


def newer(kind, **more):
    return {"class_name": kind, "config": {"name": "op"}, **more}


def test_arithmetic_goes_there_and_back():
    call = Call([Tensor("a", 0, 0)], {"y": 2.0, "name": None}, bare=True)
    kind, module, config, (made,) = operations.to_newer(older("math.multiply"), [call])
    assert (kind, module, config) == ("Multiply", "keras.src.ops.numpy", {"name": "op"})
    assert made.args[1:] == [2.0]
    kind, module, config, (back,) = operations.to_older(newer("Multiply"), [made])
    assert (kind, module, config["function"]) == ("TFOpLambda", None, "math.multiply")
    assert (back.kwargs, back.bare) == ({"y": 2.0}, True)


def test_slices_go_there_and_back():
    call = Call([Tensor("a", 0, 0)], {"slice_spec": SLICES}, bare=True)
    kind, _, _, (made,) = operations.to_newer(older("__operators__.getitem"), [call])
    assert (kind, made.args[1]) == ("GetItem", [{"class_name": "__slice__", "config": SLICES[0]}])
    kind, _, config, (back,) = operations.to_older(newer("GetItem"), [made])
    assert (kind, config["function"]) == ("SlicingOpLambda", "__operators__.getitem")
    assert back.kwargs == {"slice_spec": SLICES}


@pytest.mark.parametrize(
    ("function", "args", "kwargs"),
    [
        ("math.reduce_mean", [Tensor("a", 0, 0)], {"axis": 1}),
        ("math.multiply", [2.0], {"y": 3.0}),
        ("math.multiply", [Tensor("a", 0, 0)], {"y": 2.0, "odd": 1}),
    ],
)
def test_what_is_not_surely_the_same_is_left_alone(function, args, kwargs):
    assert operations.to_newer(older(function), [Call(args, kwargs)]) is None


def test_a_key_that_is_no_slice_is_left_alone():
    key = [{"class_name": "Ellipsis", "config": {}}]
    assert operations.to_older(newer("GetItem"), [Call([Tensor("a", 0, 0), key], {})]) is None


def test_an_operation_is_told_from_the_layer_of_its_name():
    assert operations.is_newer_operation(newer("Add", module="keras.src.ops.numpy"))
    assert operations.is_newer_operation(newer("Add"))
    assert not operations.is_newer_operation(newer("Add", module="keras.layers"))
    layer = {"class_name": "Add", "config": {"name": "add", "trainable": True, "dtype": "float32"}}
    assert not operations.is_newer_operation(layer)
    assert not operations.is_newer_operation({"class_name": "Zeros", "config": {}})


def test_the_code_of_a_lambda_goes_there_and_back():
    old = {"name": "l", "function": CODE, "function_type": "lambda", "module": "m",
           "output_shape": None, "output_shape_type": "raw",
           "output_shape_module": None}  # fmt: skip
    new = lambdas.to_newer(old)
    assert set(new) == {"name", "function", "output_shape"}
    assert new["function"]["config"]["closure"] == [3.0]
    assert lambdas.to_older(new) == {**old, "module": None}


def test_a_function_of_a_lambda_is_found_by_its_name():
    new = lambdas.to_newer({"function": "double", "function_type": "function", "module": "m"})
    assert (new["function"]["class_name"], new["function"]["config"]) == ("function", "double")
    old = lambdas.to_older(new)
    assert (old["function"], old["function_type"]) == ("double", "function")


def test_what_keras_2_cannot_do_without_is_there():
    assert {"function_type", "output_shape", "output_shape_type"} <= set(lambdas.to_older({}))
