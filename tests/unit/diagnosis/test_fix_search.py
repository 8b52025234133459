import pytest

from kerasmatrix.diagnosis.catalogue import Advice, Catalogue, Cause, Remedy, Signature
from kerasmatrix.diagnosis.fix_search import MOST_ATTEMPTS, FailingCell, Tried, search_fix

FAILED = Tried(verified=False)
VERIFIED = Tried(verified=True)


def failed_with(cause):
    return Tried(verified=False, cause=cause)


def remedy(id_, **more):
    told = {"title": id_, "by": "load", "formats": ("h5",), "code": "x", "source": "here", **more}
    return Remedy.model_validate({"id": id_, **told})


def cause(slug, *advice, within=None):
    return Cause(
        slug=slug,
        within=within,
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
        cause("bad-class-of-tf", "import-it", within="bad-class"),
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
        remedy("rebuild", general=True, final=True, pointless=[("h5", "switched")]),
        remedy("call", general=True, final=True, formats=("savedmodel",)),
    ),
)


def following(cause_, tried, *, form="h5", keras=2, **more):
    return search_fix(CATALOGUE, FailingCell(cause_, form, keras), tried, **more)


def test_search_fix_special_case_takes_those_of_the_wider_cause():
    assert following("bad-class-of-tf", {}) == ("custom",)


def test_search_fix_own_fixes_before_general_ones():
    tried = {}
    order = []
    while (wanted := following("bad-config", tried)) is not None:
        order.append(wanted)
        tried[wanted] = FAILED
    assert order == [("rewrite",), ("custom",), ("rebuild",)]


def test_search_fix_verified_ends_unless_everything():
    tried = {("rewrite",): VERIFIED}
    assert following("bad-config", tried) is None
    assert following("bad-config", tried, everything=True) == ("custom",)


def test_search_fix_adds_to_one_that_got_further():
    tried = {("rewrite",): failed_with("bad-class")}
    assert following("bad-config", tried) == ("custom", "rewrite")
    tried["custom", "rewrite"] = failed_with("bad-loss")
    assert following("bad-config", tried) == ("bare", "custom", "rewrite")


def test_search_fix_same_cause_is_not_added_to():
    tried = {("rewrite",): failed_with("bad-config")}
    assert following("bad-config", tried) == ("custom",)


def test_search_fix_adds_nothing_to_a_final_fix():
    tried = {("rebuild",): failed_with("bad-class")}
    assert following(None, tried) is None


def test_search_fix_final_fix_only_with_program_fixes():
    tried = {("rewrite",): failed_with("bad-class"), ("custom", "rewrite"): FAILED}
    tried["custom",] = FAILED
    assert following("bad-config", tried) == ("rebuild",)
    tried = {("before",): failed_with("wants-rebuild"), ("rebuild",): FAILED}
    assert following("bad-program", tried) == ("before", "rebuild")


def test_search_fix_no_combination_twice():
    tried = {
        ("rewrite",): failed_with("bad-class"),
        ("custom", "rewrite"): FAILED,
        ("custom",): failed_with("bad-config"),
    }
    assert following("bad-config", tried) == ("rebuild",)


def test_search_fix_unclassified_gets_general_fixes():
    assert following(None, {}) == ("rebuild",)
    assert following("unclassified", {}) == ("rebuild",)


@pytest.mark.parametrize(
    ("form", "keras", "first"),
    [("h5", 3, ("new-only",)), ("h5", 2, None), ("savedmodel", 2, ("call",))],
)
def test_search_fix_only_applicable_fixes(form, keras, first):
    assert following("switched", {}, form=form, keras=keras) == first


def test_search_fix_search_ends():
    tried = {(f"other-{number}",): FAILED for number in range(MOST_ATTEMPTS)}
    assert following("bad-config", tried) is None
