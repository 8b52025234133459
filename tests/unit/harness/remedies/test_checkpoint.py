"""Where the object graph of a SavedModel says that its variables are filed."""

from types import SimpleNamespace

import pytest

from kerasmatrix.harness.remedies import checkpoint


def graph(**objects):
    """Return nodes, the first of them the root; each is (variable or None, children by name)."""
    places = {name: place for place, name in enumerate(objects)}
    return [
        SimpleNamespace(
            attributes=[SimpleNamespace(name="VARIABLE_VALUE", full_name=variable)]
            if variable
            else [],
            children=[
                SimpleNamespace(local_name=local, node_id=places[to])
                for local, to in children.items()
            ],
        )
        for variable, children in objects.values()
    ]


def names(nodes):
    return [each.full_name for each in checkpoint._attributes_in_order(nodes)]


def test_the_list_of_variables_has_their_order_by_number():
    numbered = {str(number): f"v{number}" for number in (10, 2, 1, 0)}
    nodes = graph(
        root=(None, {"layer_with_weights-0": "v1", "variables": "list"}),
        list=(None, numbered),
        **{name: (name, {}) for name in numbered.values()},
    )
    assert names(nodes) == ["v0", "v1", "v2", "v10"]


def test_without_the_list_the_layers_are_gone_through_in_order():
    nodes = graph(
        root=(None, {"layer_with_weights-1": "b", "layer_with_weights-0": "a", "layer-0": "a"}),
        b=("b/kernel", {}),
        a=(None, {"layer": "inner", "again": "inner"}),
        inner=("a/kernel", {}),
    )
    assert names(nodes) == ["a/kernel", "b/kernel"]


def test_a_model_without_variables_has_an_empty_list():
    assert names(graph(root=(None, {"variables": "list"}), list=(None, {}))) == []


def test_what_is_no_keras_model_is_refused():
    with pytest.raises(ValueError, match="no list of its variables"):
        names(graph(root=(None, {"weight": "v"}), v=("v", {})))
