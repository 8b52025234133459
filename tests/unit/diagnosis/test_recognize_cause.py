"""Synthetic catalogues; that of the package is tested in `test_catalogue.py`."""

import pytest

from kerasmatrix.diagnosis.catalogue import Catalogue
from kerasmatrix.diagnosis.recognize_cause import (
    LONGEST_TEXT,
    AmbiguousError,
    Evidence,
    candidates,
    recognize_cause,
)
from kerasmatrix.results.bounds import MOST_LINKS
from kerasmatrix.results.cells import Status


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


def changed(catalogue, number, **changes):
    causes = list(catalogue.causes)
    causes[number] = causes[number].model_copy(update=changes)
    return catalogue.model_copy(update={"causes": tuple(causes)})


def test_recognize_cause_special_case_wins_a_tie():
    both = catalogue({"error": "a"}, {"error": "b"})
    for number, other in ((0, 1), (1, 0)):
        special = changed(both, number, within=f"cause{other}")
        assert recognize_cause(special, EVIDENCE).slug == f"cause{number}"


def test_recognize_cause_reported_ones_tie():
    both = catalogue({"error": "a"}, {"error": "b"})
    both = changed(changed(both, 0, reported=True), 1, reported=True)
    with pytest.raises(AmbiguousError, match=r"^equally specific: cause0, cause1$"):
        recognize_cause(both, EVIDENCE)


def test_recognize_cause_two_signatures_of_one_cause_fit():
    (one,) = catalogue({"error": "a"}).causes
    twice = one.model_copy(update={"signatures": one.signatures * 2})
    assert recognize_cause(Catalogue(causes=(twice,)), EVIDENCE) == twice


FACTS = {"status": Status.FAIL, "format": "h5", "writer_keras": 2, "reader_keras": 3}
ASKED = {"status": ["fail"], "format": ["h5", "keras"], "writer_keras": 2, "reader_keras": 3}
OTHERS = {"status": ["drift"], "format": ["keras"], "writer_keras": 3, "reader_keras": 2}


def with_facts(**facts):
    return Evidence(chain=[("ValueError", "abc")], **facts)


@pytest.mark.parametrize("fact", FACTS)
def test_candidates_lack_the_facts_that_are_unknown(fact):
    signature = {"error": "a", fact: ASKED[fact]}
    known = {name: value for name, value in FACTS.items() if name != fact}
    (lacking,) = candidates(catalogue(signature), with_facts(**known))
    assert lacking.lacks == (fact,)
    (complete,) = candidates(catalogue(signature), with_facts(**FACTS))
    assert complete.lacks == ()
    contradicted = catalogue({"error": "a", fact: OTHERS[fact]})
    assert candidates(contradicted, with_facts(**FACTS)) == []
    assert recognize_cause(catalogue(signature), with_facts(**FACTS))
    assert recognize_cause(catalogue(signature), with_facts(**known)) is None
    assert recognize_cause(contradicted, with_facts(**FACTS)) is None


def test_candidates_that_lack_a_fact_come_last():
    found = candidates(
        catalogue({"error": "a", "rank": 5, "status": ["fail"]}, {"error": "b"}, {"error": "x"},
                  {"error": "c", "rank": 4}), EVIDENCE,
    )  # fmt: skip
    assert [candidate.cause.slug for candidate in found] == ["cause3", "cause1", "cause0"]


def test_candidates_go_on_after_a_contradicted_one():
    found = candidates(
        catalogue({"error": "a", "reader_keras": 2}, {"error": "a", "reader_keras": 3}), EVIDENCE
    )
    assert [candidate.cause.slug for candidate in found] == ["cause1"]


def test_candidates_take_the_best_signature_of_a_cause():
    (one,) = catalogue({"error": "a"}).causes
    signatures = catalogue(
        {"error": "x", "rank": 9}, {"error": "abc", "rank": 5, "status": ["fail"]},
        {"error": "ab", "rank": 5, "reader_keras": 3}, {"error": "b"},
        {"error": "bc", "rank": 2, "status": ["fail"]},
    )  # fmt: skip
    together = tuple(cause.signatures[0] for cause in signatures.causes)
    several = Catalogue(causes=(one.model_copy(update={"signatures": together}),))
    (candidate,) = candidates(several, EVIDENCE)
    assert (candidate.matched, candidate.lacks) == ("ab", ())
    (candidate,) = candidates(several, with_facts(reader_keras=2))
    assert (candidate.matched, candidate.signature, candidate.lacks) == ("b", together[3], ())
    lacking = Catalogue(causes=(one.model_copy(update={"signatures": together[1::3]}),))
    (candidate,) = candidates(lacking, EVIDENCE)
    assert (candidate.cause.slug, candidate.matched, candidate.lacks) == (
        "cause0", "abc", ("status",),
    )  # fmt: skip


CHAIN = [
    ("KeyError", "'a'"),
    ("ValueError", "layer=Dense in=Dense"),
    ("ValueError", "last"),
    ("ValueError", "48 and 24"),
    ("ValueError", "48 or 32"),
]


@pytest.mark.parametrize(
    ("signature", "matched"),
    [
        ({"error": "^KeyError: '.'$"}, "KeyError: 'a'"),
        ({"error": "Error: l"}, "Error: l"),
        ({"error": "last"}, "last"),
        ({"log": "pr.n"}, "prin"),
        ({"lost": "opt"}, "opt"),
        ({"error": "last", "log": "printed", "lost": "state"}, "last"),
        ({"log": "printed", "lost": "state"}, "printed"),
        ({"status": ["fail"]}, ""),
        ({"error": "last", "log": "not there"}, None),
        ({"error": "last", "lost": "not there"}, None),
        ({"error": "last", "log": "last"}, None),
        ({"error": "printed"}, None),
        ({"log": "state"}, None),
        ({"error": "layer=(?P<l>[a-z]+)"}, None),
        ({"error": "layer=(?P<l>[A-Za-z]+)", "unless": {"l": "Lambda"}}, "layer=Dense"),
        ({"error": "layer=(?P<l>[A-Za-z]+)", "unless": {"l": "Dense"}}, None),
        ({"error": "=(?P<l>D[a-z]+).*=(?P<o>D[a-z]+)", "unless": {"l": "X", "o": "Dense"}}, None),
        ({"error": "=(?P<l>D[a-z]+).*=(?P<o>D[a-z]+)", "same": ["l", "o"]}, "=Dense in=Dense"),
        ({"error": "=(?P<l>D[a-z]+).*=(?P<o>D[a-z])", "same": ["l", "o"]}, None),
        ({"error": "=(?P<l>D[a-z]+)", "same": ["l"], "unless": {"l": "Dense"}}, None),
        ({"error": "(?P<a>[0-9]+) and (?P<b>[0-9]+)", "twice": ["a", "b"]}, "48 and 24"),
        ({"error": "(?P<a>[0-9]+) or (?P<b>[0-9]+)", "twice": ["a", "b"]}, None),
        ({"error": "layer=(?P<l>[A-Za-z]+)", "unless": {"l": "X"}, "log": "printed"},
         "layer=Dense"),
    ],
)  # fmt: skip
def test_candidates_show_the_text_that_matched(signature, matched):
    evidence = Evidence(
        chain=CHAIN, log="printed", lost=("metrics", "optimizer state"), status=Status.FAIL
    )
    found = candidates(catalogue(signature), evidence)
    assert [candidate.matched for candidate in found] == ([] if matched is None else [matched])
    assert (recognize_cause(catalogue(signature), evidence) is None) == (matched is None)


def test_recognize_cause_any_match_of_a_message_may_be_allowed():
    evidence = Evidence(chain=[("E", "layer=A layer=B")])
    allowed = catalogue({"error": "layer=(?P<l>.)", "unless": {"l": "A"}})
    assert recognize_cause(allowed, evidence)


def test_evidence_is_limited():
    long = "a" * LONGEST_TEXT
    evidence = Evidence(chain=[("E", f"{long}middle{long}")] * 2 * MOST_LINKS, log=2 * long,
                        lost=["\ud800"] * 2 * MOST_LINKS)  # fmt: skip
    for text in (*evidence.texts, *evidence.logs):
        assert LONGEST_TEXT - 1 <= len(text) <= LONGEST_TEXT
    assert len(evidence.texts) == len(evidence.losses) == MOST_LINKS
    assert set(evidence.losses) == {b"?"}
