"""The functions of SavedModels, distinguished by what they compute, not by their names."""

import pytest

from kerasmatrix.inspection.saved_functions import read_functions
from kerasmatrix.inspection.wire import Malformed
from tests.unit.inspection.graphs import dense, function, node, saved, tensor


def test_read_functions_names_inputs_and_outputs(tmp_path):
    found = read_functions(dense(tmp_path)).signatures["serving_default"]
    assert found.interface == ("x: float32 (None, 3)", "y: float32 (None, 2)")
    assert found.computes.operations == 4  # the handle of the weight, and three in the function


def test_read_functions_same_work_by_other_names_is_equal(tmp_path):
    one = read_functions(dense(tmp_path / "a"))
    other = read_functions(dense(tmp_path / "b", number=77, layer="model/dense_5"))
    assert one == other


def test_read_functions_another_operation_differs(tmp_path):
    one = read_functions(dense(tmp_path / "a")).signatures["serving_default"]
    other = read_functions(dense(tmp_path / "b", operation="Tanh")).signatures["serving_default"]
    assert one.interface == other.interface
    assert one.computes != other.computes


def test_read_functions_shared_input_is_not_two_inputs(tmp_path):
    places = {"a": tensor("a:0"), "b": tensor("b:0")}
    nodes = [node("a", "Placeholder"), node("b", "Placeholder")]
    computed = []
    for second in ("a", "b"):
        folder = saved(
            tmp_path / second,
            [*nodes, node("sum", "AddV2", "a", second)],
            [],
            serve=(places, {"sum": tensor("sum:0")}),
        )
        computed.append(read_functions(folder).signatures["serve"].computes.digest)
    assert computed[0] != computed[1]


def test_read_functions_leaves_out_those_that_store(tmp_path):
    store = function("__inference__traced_save_9", ["x"], [node("W", "Write", "x")], y="W:y:0")
    assert read_functions(dense(tmp_path / "a", unused=[store])) == read_functions(
        dense(tmp_path / "b")
    )


def test_read_functions_that_call_themselves_are_refused(tmp_path):
    endless = function("f", ["x"], [node("call", "f", "x")], y="call:y:0")
    with pytest.raises(Malformed, match="without end"):
        read_functions(dense(tmp_path, unused=[endless]))


def test_read_functions_missing_operation_is_unknown(tmp_path):
    folder = saved(tmp_path, [], [], serve=({}, {"y": tensor("gone:0")}))
    assert read_functions(folder).signatures["serve"].computes.operations == 0
