"""The order of a SavedModel's inputs and outputs, and the parts that may be removed."""

import json
from types import SimpleNamespace

import pytest

from kerasmatrix.harness.remedies import downgrade, positions
from tests.unit.harness.remedies.fake_keras import node


class Value(SimpleNamespace):
    """A value of a traced function's signature."""

    def WhichOneof(self, _):  # noqa: N802 - protobuf's name
        return next(iter(vars(self)))


def tensors(*names):
    return Value(
        list_value=SimpleNamespace(
            values=[Value(tensor_spec_value=SimpleNamespace(name=name)) for name in names]
        )
    )


def traced(*functions):
    """Return a graph with functions, each with the value that is its first argument."""
    return SimpleNamespace(
        object_graph_def=SimpleNamespace(
            concrete_functions={
                str(number): SimpleNamespace(
                    canonicalized_input_signature=Value(
                        tuple_value=SimpleNamespace(
                            values=[
                                Value(tuple_value=SimpleNamespace(values=list(first))),
                                Value(dict_value=None),
                            ]
                        )
                    )
                )
                for number, first in enumerate(functions)
            }
        )
    )


def test_positions_single_input_needs_no_order():
    assert positions.inputs(traced(), ["x"]) == ["x"]
    assert positions.outputs(["y"], "") == ["y"]


def test_positions_inputs_have_order_of_traced_function():
    functions = [
        [],
        [Value(bool_value=True)],
        [tensors("inputs/0", "inputs/1")],
        [tensors("b", "a")],
    ]
    assert positions.inputs(traced(*functions), ["a", "b"]) == ["b", "a"]


@pytest.mark.parametrize("functions", [[], [[tensors("b", "a")], [tensors("a", "b")]]])
def test_positions_inputs_of_unknown_order_raise(functions):
    with pytest.raises(ValueError, match=r"inputs \['a', 'b'\] and does not say which is which"):
        positions.inputs(traced(*functions), ["b", "a"])


def test_positions_outputs_of_keras_3_are_numbered():
    names = [f"output_{number}" for number in (10, 2, 1, 0)]
    assert positions.outputs(names, "") == ["output_0", "output_1", "output_2", "output_10"]


@pytest.mark.parametrize("before", ["", "\n\x8d\x05\x12\x04root2\x80\x05"])
def test_positions_outputs_of_keras_2_are_in_config(before):
    noted = {"name": "model", "config": {"output_layers": [["wide", 0, 0], ["narrow", 0, 0]]}}
    metadata = before + json.dumps(noted) + '\x12{"name": "dense"}'
    assert positions.outputs(["narrow", "wide"], metadata) == ["wide", "narrow"]


def test_positions_outputs_in_dictionary_have_its_names():
    layers = {"wide": ["wide", 0, 0], "narrow": ["out", 0, 0]}
    metadata = json.dumps({"config": {"output_layers": layers}})
    assert positions.outputs(["narrow", "wide"], metadata) == ["wide", "narrow"]
    assert positions.are_named(["narrow", "wide"], metadata)
    assert not positions.are_named(["narrow", "other"], metadata)
    assert not positions.are_named(["a"], '{"config": {"output_layers": [["a", 0, 0]]}}')


@pytest.mark.parametrize("metadata", ["", '{"config": null}', '{"config": {"layers": []}}'])
def test_positions_outputs_of_unknown_order_raise(metadata):
    with pytest.raises(ValueError, match="which is which"):
        positions.outputs(["narrow", "wide"], metadata)


def definition(name, **attr):
    return SimpleNamespace(
        name=name,
        attr=[SimpleNamespace(name=key, default_value=value) for key, value in attr.items()],
    )


@pytest.fixture
def known(monkeypatch):
    """The operations of this TensorFlow, with their attributes."""
    operations = {
        "MatMul": definition("MatMul", T=None),
        "VarHandleOp": definition("VarHandleOp", dtype=None),
    }
    monkeypatch.setattr(downgrade, "_known_operations", lambda: operations.get)
    return operations


def graph(*nodes, function=(), control=(), defaults=()):
    library = SimpleNamespace(
        node_def=list(function),
        control_ret=dict(control),
        signature=SimpleNamespace(control_output=[name for name, _ in control]),
    )
    return SimpleNamespace(
        graph_def=SimpleNamespace(
            node=list(nodes), library=SimpleNamespace(function=[library] if function else [])
        ),
        meta_info_def=SimpleNamespace(stripped_op_list=SimpleNamespace(op=list(defaults))),
    )


DEFAULTS = [definition("MatMul", T=None, grad_a=False)]


def test_downgrade_unknown_default_attribute_is_removed(known):
    product = node("MatMul", "product", T=1, grad_a=False, _class="x")
    stored = graph(function=[product], defaults=DEFAULTS)
    assert downgrade.downgrade(stored) == ["left out MatMul.grad_a"]
    assert product.attr == {"T": 1, "_class": "x"}


def test_downgrade_attribute_not_default_stays(known):
    product = node("MatMul", "product", T=1, grad_a=True)
    assert downgrade.downgrade(graph(product, defaults=DEFAULTS)) == []
    assert product.attr == {"T": 1, "grad_a": True}


def test_downgrade_known_parts_stay(known):
    product = node("MatMul", "product", T=1)
    unknown = node("Newest", "newest", what=3)
    assert downgrade.downgrade(graph(product, unknown, defaults=DEFAULTS)) == []
    assert unknown.attr == {"what": 3}


def test_downgrade_debug_name_is_removed(known):
    variable = node("VarHandleOp", "v", dtype=1, debug_name="v/")
    assert downgrade.downgrade(graph(variable)) == ["left out VarHandleOp.debug_name"]
    assert variable.attr == {"dtype": 1}


def test_downgrade_operation_without_effect_is_removed(known):
    hint = node("DisableCopyOnRead", "hint", "v")
    product = node("MatMul", "product", "v", "^hint", "^other", T=1)
    stored = graph(function=[hint, product], control=[("one", "hint"), ("two", "product")])
    assert downgrade.downgrade(stored) == ["left out DisableCopyOnRead"]
    (function,) = stored.graph_def.library.function
    assert function.node_def == [product]
    assert product.input == ["v", "^other"]
    assert (function.control_ret, function.signature.control_output) == (
        {"two": "product"},
        ["two"],
    )


def test_downgrade_known_operation_without_effect_stays(known):
    known["DisableCopyOnRead"] = definition("DisableCopyOnRead")
    hint = node("DisableCopyOnRead", "hint", "v")
    stored = graph(hint)
    assert downgrade.downgrade(stored) == []
    assert stored.graph_def.node == [hint]
