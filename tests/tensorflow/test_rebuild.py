"""Weights into a model that code has built, and calls of a signature, across Keras 2 and 3."""

import pytest

from kerasmatrix.results.observations import Status
from tests.real import cell, measure

pytestmark = pytest.mark.tensorflow

SCENARIOS = ("nested_models", "several_inputs_outputs", "subclassed_with_config")
FAILING = [
    # Attributes and a list lead to the same layers, and Keras 2.3 has no such layout.
    ("subclassed_with_config", "weights", "tf2.16", "tf2.4", "rebuild-and-load-weights"),
    # What is Functional now was called Model before TF 2.3.
    ("nested_models", "weights", "tf2.16", "tf2.2", "rebuild-and-load-weights"),
    ("several_inputs_outputs", "savedmodel", "tf2.16", "tf2.4", "rebuild-and-load-weights"),
    # Operations and attributes that an older TensorFlow does not know.
    ("subclassed_with_config", "savedmodel", "tf2.16", "tf2.2", "saved-model-load"),
    # Several inputs and outputs, of which a signature has only the names.
    ("several_inputs_outputs", "savedmodel", "tf2.16", "tf2.2", "saved-model-load"),
    ("nested_models", "savedmodel", "tf2.16", "tf2.4", "saved-model-load"),
]


@pytest.fixture(scope="module")
def results(engine, tmp_path_factory):
    return measure(
        engine,
        tmp_path_factory.mktemp("store"),
        scenarios=SCENARIOS,
        formats=("savedmodel", "weights"),
        remedies="all",
    )


@pytest.mark.parametrize(("scenario", "form", "saved", "loaded", "remedy"), FAILING)
def test_what_a_plain_load_refuses_is_brought_back(results, scenario, form, saved, loaded, remedy):
    found = cell(results, scenario, form, saved, loaded)
    assert found.status is Status.FAIL
    tried = {each.id: (each.status, each.summary) for each in found.remedies}
    assert tried[remedy][0] == "verified", tried
