"""The functions of two SavedModels, as `diff` compares them."""

from kerasmatrix.files.diff import read_difference
from kerasmatrix.report.diff_text import text_of_diff
from tests.unit.files import models
from tests.unit.inspection.graphs import dense, function, node


def test_diff_same_functions_by_other_names_are_equal(tmp_path):
    found = read_difference(dense(tmp_path / "a"), dense(tmp_path / "b", number=8, layer="top"))
    assert (found.functions, found.notes) == ((), ())


def test_diff_other_operations_are_a_change(tmp_path):
    a, b = dense(tmp_path / "a"), dense(tmp_path / "b", operation="Tanh")
    found = read_difference(a, b)
    assert [(each.what, each.a, each.b) for each in found.functions] == [
        ("serving_default", "4 operations", "4 others")
    ]
    assert not found.equal
    assert "other functions (serving_default)" in found.verdict
    assert "serving_default: 4 operations became 4 others" in text_of_diff(found)


def test_diff_other_outputs_of_a_function_are_a_change(tmp_path):
    found = read_difference(dense(tmp_path / "a"), dense(tmp_path / "b", output="z"))
    (change,) = found.functions
    assert (change.a[-20:], change.b[-20:]) == ("y: float32 (None, 2)", "z: float32 (None, 2)")


def test_diff_operations_of_two_versions_are_not_compared(tmp_path):
    a = dense(tmp_path / "a")
    found = read_difference(a, dense(tmp_path / "b", operation="Tanh", tensorflow="2.16.1"))
    assert found.functions == ()
    (note,) = found.notes
    assert note.startswith("serving_default has 4 operations of TensorFlow 2.15.0 in a")


def test_diff_functions_without_a_signature_are_noted(tmp_path):
    more = function("other", ["x"], [node("abs", "Abs", "x")], y="abs:y:0")
    found = read_difference(dense(tmp_path / "a"), dense(tmp_path / "b", unused=[more]))
    assert found.notes == ("functions without a signature differ",)


def test_diff_with_another_format_compares_no_functions(tmp_path):
    found = read_difference(dense(tmp_path / "a"), models.hdf5(tmp_path / "b.h5"))
    assert "a is a SavedModel, whose functions are not compared" in found.notes
