import pytest

from kerasmatrix.diagnosis.catalogue import Catalogue, the_catalogue
from kerasmatrix.diagnosis.recognize_cause import (
    AmbiguousError,
    Evidence,
    candidates,
    recognize_cause,
)
from kerasmatrix.results.cells import Status
from tests.unit.diagnosis.messages import MESSAGES

STORED = [(slug, evidence) for slug, found in MESSAGES.items() for evidence in found]


@pytest.mark.parametrize(("slug", "evidence"), STORED)
def test_recognize_cause_stored_message_has_its_cause(slug, evidence):
    assert recognize_cause(the_catalogue(), evidence).slug == slug


def test_recognize_cause_unknown_error_is_none():
    chain = [("ValueError", "the moon is in the seventh house")]
    assert recognize_cause(the_catalogue(), Evidence(chain=chain, status=Status.FAIL)) is None
    assert recognize_cause(the_catalogue(), Evidence()) is None


def test_recognize_cause_anywhere_in_the_chain():
    chain = [("RuntimeError", "could not load"), ("ValueError", "Unknown layer: Functional")]
    assert recognize_cause(the_catalogue(), Evidence(chain=chain)).slug == "unknown-functional"


def catalogue(*signatures):
    return Catalogue.model_validate(
        {
            "causes": [
                {
                    "slug": f"cause{number}",
                    "story": "s",
                    "what": "w",
                    "signatures": [signature],
                    "advice": [{"id": "r", "do": "d"}],
                    "sources": ["s"],
                }
                for number, signature in enumerate(signatures)
            ]
        }
    )


EVIDENCE = Evidence(chain=[("ValueError", "abc")], format="h5", reader_keras=3)


def test_recognize_cause_more_specific_wins():
    assert (
        recognize_cause(catalogue({"error": "a"}, {"error": "b", "rank": 5}), EVIDENCE).slug
        == "cause1"
    )
    more = catalogue({"error": "a"}, {"error": "b", "format": ["h5"]})
    assert recognize_cause(more, EVIDENCE).slug == "cause1"


def test_recognize_cause_tie_is_an_error():
    with pytest.raises(AmbiguousError, match="cause0, cause1"):
        recognize_cause(catalogue({"error": "a"}, {"error": "b"}), EVIDENCE)


def test_candidates_are_the_causes_that_fit():
    found = candidates(catalogue({"error": "x"}, {"error": "a"}, {"error": "b"}), EVIDENCE)
    assert [each.cause.slug for each in found] == ["cause1", "cause2"]


@pytest.mark.parametrize(
    "signature",
    [
        {"error": "x"},
        {"error": "a", "log": "printed"},
        {"error": "a", "lost": "state"},
        {"error": "a", "format": ["keras"]},
        {"error": "a", "reader_keras": 2},
    ],
)
def test_recognize_cause_all_conditions_must_hold(signature):
    assert recognize_cause(catalogue(signature), EVIDENCE) is None


def test_recognize_cause_condition_on_unknown_fact_is_not_met():
    assert recognize_cause(catalogue({"error": "a", "status": ["fail"]}), EVIDENCE) is None
    assert recognize_cause(catalogue({"error": "a", "writer_keras": 2}), EVIDENCE) is None


def test_recognize_cause_measured_one_wins_a_tie():
    both = catalogue({"error": "a", "rank": 5}, {"error": "b", "rank": 5})
    first, second = both.causes
    tied = both.model_copy(update={"causes": (first.model_copy(update={"reported": True}), second)})
    assert recognize_cause(tied, EVIDENCE).slug == second.slug


def test_recognize_cause_path_of_keras_2_is_the_files():
    """The chain of a load has the import that failed, too."""
    refused = "Could not deserialize class 'Functional' because its parent module "
    chain = [
        ("TypeError", f"{refused}keras.engine.functional cannot be imported."),
        ("ModuleNotFoundError", "No module named 'keras.engine'"),
    ]
    evidence = Evidence(
        chain=chain, status=Status.FAIL, format="keras", writer_keras=2, reader_keras=2
    )
    assert recognize_cause(the_catalogue(), evidence).slug == "functional-module-path"
