import pytest

from kerasmatrix.diagnosis.catalogue import Advice, Catalogue, Cause, Remedy, Signature
from kerasmatrix.diagnosis.fix_search import ATTEMPTS, Patient, Tried, next_attempt

FAILED = Tried(verified=False)
VERIFIED = Tried(verified=True)


def failed_with(cause):
    return Tried(verified=False, cause=cause)


def remedy(id_, **more):
    told = {"title": id_, "by": "load", "formats": ("h5",), "code": "x", "source": "here", **more}
    return Remedy.model_validate({"id": id_, **told})


def cause(slug, *advice):
    return Cause(
        slug=slug,
        story=slug,
        what=slug,
        signatures=(Signature(error=slug),),
        advice=tuple(Advice(id=id_, do=id_) for id_ in advice),
        sources=("here",),
    )


CATALOGUE = Catalogue(
    causes=(
        cause("bad-config", "newer-loader", "rewrite", "custom"),
        cause("bad-class", "custom"),
        cause("bad-loss", "bare"),
        cause("switched", "twin", "new-only"),
        cause("bad-program", "before"),
        cause("wants-rebuild", "rebuild"),
    ),
    remedies=(
        remedy("before", program=True),
        remedy("bare"),
        remedy("custom"),
        remedy("twin", by="environment"),
        remedy("new-only", reader_keras=3),
        remedy("rewrite"),
        remedy("rebuild", general=True, final=True),
        remedy("call", general=True, final=True, formats=("savedmodel",)),
    ),
)


def following(cause_, tried, *, form="h5", keras=2, **more):
    return next_attempt(CATALOGUE, Patient(cause_, form, keras), tried, **more)


def test_a_cause_names_its_remedies_in_order_then_come_the_general_ones():
    tried = {}
    order = []
    while (wanted := following("bad-config", tried)) is not None:
        order.append(wanted)
        tried[wanted] = FAILED
    assert order == [("rewrite",), ("custom",), ("rebuild",)]


def test_what_works_ends_the_search_unless_everything_is_wanted():
    tried = {("rewrite",): VERIFIED}
    assert following("bad-config", tried) is None
    assert following("bad-config", tried, everything=True) == ("custom",)


def test_an_attempt_that_gets_further_is_built_upon_in_the_catalogues_order():
    tried = {("rewrite",): failed_with("bad-class")}
    assert following("bad-config", tried) == ("custom", "rewrite")
    tried["custom", "rewrite"] = failed_with("bad-loss")
    assert following("bad-config", tried) == ("bare", "custom", "rewrite")


def test_an_attempt_that_fails_the_same_way_is_not_built_upon():
    tried = {("rewrite",): failed_with("bad-config")}
    assert following("bad-config", tried) == ("custom",)


def test_nothing_is_added_to_a_final_remedy():
    tried = {("rebuild",): failed_with("bad-class")}
    assert following(None, tried) is None


def test_what_takes_the_place_of_the_load_goes_only_with_what_comes_before_it():
    tried = {("rewrite",): failed_with("bad-class"), ("custom", "rewrite"): FAILED}
    tried["custom",] = FAILED
    assert following("bad-config", tried) == ("rebuild",)
    tried = {("before",): failed_with("wants-rebuild"), ("rebuild",): FAILED}
    assert following("bad-program", tried) == ("before", "rebuild")


def test_the_same_remedies_are_not_tried_twice_in_another_order():
    tried = {
        ("rewrite",): failed_with("bad-class"),
        ("custom", "rewrite"): FAILED,
        ("custom",): failed_with("bad-config"),
    }
    assert following("bad-config", tried) == ("rebuild",)


def test_an_unclassified_cell_gets_the_general_remedies():
    assert following(None, {}) == ("rebuild",)
    assert following("unclassified", {}) == ("rebuild",)


@pytest.mark.parametrize(
    ("form", "keras", "first"),
    [("h5", 3, ("new-only",)), ("h5", 2, ("rebuild",)), ("savedmodel", 2, ("call",))],
)
def test_only_what_makes_sense_for_the_format_and_the_reader_is_tried(form, keras, first):
    assert following("switched", {}, form=form, keras=keras) == first


def test_a_search_ends():
    tried = {(f"other-{number}",): FAILED for number in range(ATTEMPTS)}
    assert following("bad-config", tried) is None
