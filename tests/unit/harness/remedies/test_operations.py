import pytest

from kerasmatrix.harness.remedies import lambdas, operations
from kerasmatrix.harness.remedies.keras_3_operations import expression
from kerasmatrix.harness.remedies.nodes import Call, Tensor

SLICES = [{"start": None, "stop": 2, "step": None}]
CODE = ["Y29kZQ==", None, [3.0]]


def older(function, name="op"):
    config = {"name": name, "trainable": True, "dtype": "float32", "function": function}
    kind = "SlicingOpLambda" if function.endswith("getitem") else "TFOpLambda"
    return {"class_name": kind, "config": config}


def newer(kind, **more):
    return {"class_name": kind, "config": {"name": "op"}, **more}


def test_operation_arithmetic_survives_round_trip():
    call = Call([Tensor("a", 0, 0)], {"y": 2.0, "name": None}, bare=True)
    kind, module, config, (made,) = operations.to_keras_3(older("math.multiply"), [call])
    assert (kind, module, config) == ("Multiply", "keras.src.ops.numpy", {"name": "op"})
    assert made.args[1:] == [2.0]
    kind, module, config, (back,) = operations.to_keras_2(newer("Multiply"), [made])
    assert (kind, module, config["function"]) == ("TFOpLambda", None, "math.multiply")
    assert (back.kwargs, back.bare) == ({"y": 2.0}, True)


def test_operation_slice_survives_round_trip():
    call = Call([Tensor("a", 0, 0)], {"slice_spec": SLICES}, bare=True)
    kind, _, _, (made,) = operations.to_keras_3(older("__operators__.getitem"), [call])
    assert (kind, made.args[1]) == ("GetItem", [{"class_name": "__slice__", "config": SLICES[0]}])
    kind, _, config, (back,) = operations.to_keras_2(newer("GetItem"), [made])
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
def test_operation_without_equivalent_is_not_translated(function, args, kwargs):
    assert operations.to_keras_3(older(function), [Call(args, kwargs)]) is None


def test_operation_other_key_is_not_translated():
    key = [{"class_name": "Ellipsis", "config": {}}]
    assert operations.to_keras_2(newer("GetItem"), [Call([Tensor("a", 0, 0), key], {})]) is None


def test_operation_differs_from_layer_of_same_name():
    assert operations.is_keras_3_operation(newer("Add", module="keras.src.ops.numpy"))
    assert operations.is_keras_3_operation(newer("Add"))
    assert not operations.is_keras_3_operation(newer("Add", module="keras.layers"))
    layer = {"class_name": "Add", "config": {"name": "add", "trainable": True, "dtype": "float32"}}
    assert not operations.is_keras_3_operation(layer)
    assert not operations.is_keras_3_operation({"class_name": "Zeros", "config": {}})


def test_lambda_code_survives_round_trip():
    old = {"name": "l", "function": CODE, "function_type": "lambda", "module": "m",
           "output_shape": None, "output_shape_type": "raw",
           "output_shape_module": None}  # fmt: skip
    new = lambdas.to_keras_3(old)
    assert set(new) == {"name", "function", "output_shape"}
    assert new["function"]["config"]["closure"] == [3.0]
    assert lambdas.to_keras_2(new) == {**old, "module": None}


def test_lambda_named_function_survives_round_trip():
    new = lambdas.to_keras_3({"function": "double", "function_type": "function", "module": "m"})
    assert (new["function"]["class_name"], new["function"]["config"]) == ("function", "double")
    old = lambdas.to_keras_2(new)
    assert (old["function"], old["function_type"]) == ("double", "function")


def test_lambda_in_keras_2_has_demanded_keys():
    assert {"function_type", "output_shape", "output_shape_type"} <= set(lambdas.to_keras_2({}))


def test_expression_has_the_arguments_of_call_and_operation():
    config = {"name": "m", "axis": {"class_name": "__tuple__", "items": [1, 2]}, "keepdims": True}
    assert expression("Mean", config, ["x"]) == "tf.reduce_mean(x, axis=[1, 2], keepdims=True)"
    assert expression("Maximum", {}, ["x[0]", "2.0"]) == "tf.maximum(x[0], 2.0)"


@pytest.mark.parametrize(
    ("name", "config", "arguments"),
    [
        ("Mean", {"axis": 1}, ["x"]),
        ("Maximum", {}, ["x"]),
        ("Unheard", {}, ["x"]),
        ("Resize", {"size": [2, 2], "data_format": "channels_first"}, ["x"]),
    ],
)
def test_expression_without_all_that_it_needs_is_none(name, config, arguments):
    assert expression(name, config, arguments) is None


class Named:
    def __init__(self, axis=None, name=None):
        pass


class Unnamed:
    def __init__(self, axis=None):
        pass


class Open:
    def __init__(self, **arguments):
        pass


@pytest.mark.parametrize(
    ("name", "kept"),
    [("Named", {"axis", "name"}), ("Unnamed", {"axis"}), ("Open", {"axis", "name"}),
     ("Missing", {"axis", "name"})],
)  # fmt: skip
def test_arguments_for_keras_3_are_those_of_the_release(name, kept):
    entry = {"module": __name__, "class_name": name}
    config = {"axis": -1, "name": "mean"}
    assert set(operations.arguments_for_keras_3(entry, config)) == kept
