import pytest

from kerasmatrix.diagnosis.catalogue import Catalogue, the_catalogue
from kerasmatrix.diagnosis.classify import AmbiguousError, Evidence, classify
from kerasmatrix.results.observations import Status
from tests.unit.diagnosis.messages import MESSAGES

STORED = [(slug, evidence) for slug, found in MESSAGES.items() for evidence in found]


@pytest.mark.parametrize(("slug", "evidence"), STORED)
def test_a_stored_message_has_its_own_cause_and_no_other(slug, evidence):
    assert classify(the_catalogue(), evidence).slug == slug


def test_what_nobody_has_seen_is_unclassified():
    chain = [("ValueError", "the moon is in the seventh house")]
    assert classify(the_catalogue(), Evidence(chain=chain, status=Status.FAIL)) is None
    assert classify(the_catalogue(), Evidence()) is None


def test_the_cause_may_be_anywhere_in_the_chain():
    chain = [("RuntimeError", "could not load"), ("ValueError", "Unknown layer: Functional")]
    assert classify(the_catalogue(), Evidence(chain=chain)).slug == "unknown-functional"


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


def test_the_more_specific_wins():
    assert classify(catalogue({"error": "a"}, {"error": "b", "rank": 5}), EVIDENCE).slug == "cause1"
    more = catalogue({"error": "a"}, {"error": "b", "format": ["h5"]})
    assert classify(more, EVIDENCE).slug == "cause1"


def test_a_tie_is_an_error_of_the_catalogue():
    with pytest.raises(AmbiguousError, match="cause0, cause1"):
        classify(catalogue({"error": "a"}, {"error": "b"}), EVIDENCE)


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
def test_all_that_a_signature_asks_for_must_fit(signature):
    assert classify(catalogue(signature), EVIDENCE) is None


def test_a_status_that_is_not_known_contradicts_nothing_but_a_keras_must_be_known():
    assert classify(catalogue({"error": "a", "status": ["fail"]}), EVIDENCE).slug == "cause0"
    assert classify(catalogue({"error": "a", "writer_keras": 2}), EVIDENCE) is None
