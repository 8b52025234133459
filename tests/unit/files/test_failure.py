import pytest

from kerasmatrix.files.failure import failure_of, template
from kerasmatrix.results.observations import LoadObservation

GONE = "Unknown layer: 'LocallyConnected1D'. Please ensure …"


def raised(*chain, stage="load"):
    links = [{"type": kind, "message": message} for kind, message in chain]
    return LoadObservation.parse(
        {"ended": "raised", "stage": stage, "error": {**links[0], "chain": links}}
    )


def failure(*chain, names=(), stage="load"):
    return failure_of(raised(*chain, stage=stage), "h5", names, (2, 3))


@pytest.mark.parametrize(
    ("message", "other"),
    [
        ("got 3 of 12 at 0x7f00aa", "got 4 of 15 at 0x7fbb"),
        ("bad argument {'a': [1, {'b': 2}]} here", "bad argument {} here"),
        ("config={'a': 1} is bad", "config={'b': {'c': 2}} is worse"),
        ("not found: filepath=/tmp/x/model.keras.", "not found: filepath=small.keras."),
        ("the layer 'hidden' is bad", "the layer 'other' is bad"),
        ("nodes {<Add name=hidden>: [[['x', 1", "nodes {<Add name=other>: [["),
    ],
)
def test_template_leaves_out_what_differs_by_model(message, other):
    assert template(message, ["hidden"]) == template(other, ["other"])


def test_template_keeps_classes_and_arguments():
    assert template("Unknown layer: 'Dense'", ["hidden"]) != template("Unknown layer: 'GRU'")


def test_failure_has_cause_and_root():
    found = failure(("TypeError", "could not be deserialized"), ("ValueError", GONE))
    assert (found.error, found.root, found.cause) == (
        "TypeError",
        "ValueError",
        "builtin-layer-gone",
    )


def test_failure_of_another_stage_is_not_alike():
    one, other = (failure(("ValueError", GONE), stage=stage) for stage in ("load", "call"))
    assert not one.is_like(other)
    assert one.is_like(failure(("ValueError", GONE)))


def test_failure_of_a_load_that_returned_is_none():
    assert failure_of(LoadObservation(ended="returned"), "h5", (), (2, 3)) is None
