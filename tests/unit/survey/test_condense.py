import json

import pytest

UNKNOWN = [["ValueError", "Unknown layer: GroupNormalization"]]
ENVIRONMENTS = {"2.4": "tf2.4", "2.15": "tf2.15", "3.4": "tf2.16"}


@pytest.fixture
def condense(zoo_module):
    return zoo_module("condense")


def saved(name, digest="a", form="h5"):
    return {"name": name, "format": form, "digest": digest, "path": "x"}


def answer(name, digest="a", form="h5", **what):
    return {"task": f"{name} {form} {digest}", **what}


def test_condense_gives_ranges_of_writers_and_readers(condense):
    name = "layers/Dense/units=5"
    table = condense.condense(
        ENVIRONMENTS,
        {"2.4": [saved(name)], "2.15": [saved(name)], "3.4": [saved(name, "b")]},
        {
            "2.4": [answer(name), answer(name, "b", failed=UNKNOWN)],
            "2.15": [answer(name), answer(name, "b", lost=["outputs"])],
            "3.4": [answer(name), answer(name, "b")],
        },
    )
    row = table["exhibits"][name]["h5"]
    assert row["2.4-2.15"] == {"pass": "2.4-3.4"}
    assert row["3.4"]["drift outputs"] == "2.15"
    assert row["3.4"]["pass"] == "3.4"
    assert next(what for what, span in row["3.4"].items() if span == "2.4").startswith("fail ")


def test_condense_names_releases_that_measured(condense):
    unread, unsaved = "layers/Dense/units=5", "layers/Dense/units=7"
    table = condense.condense(
        {"2.4": "tf2.4", "2.15": "tf2.15"},
        {"2.4": [saved(unread), saved(unsaved)], "2.15": [saved(unread, "b")]},
        {
            "2.4": [answer(unread), answer(unread, "b"), answer(unsaved)],
            "2.15": [answer(unread), answer(unsaved)],
        },
    )
    only = {"among": "2.4", "h5": {"2.4": {"pass": "2.4"}}}
    assert table["exhibits"] == {unread: only, unsaved: only}


def test_condense_refusal_is_fact_of_release(condense):
    name = "layers/Dense/units=-1"
    table = condense.condense(
        ENVIRONMENTS,
        {
            "2.4": [{"name": name, "absent": "no such argument"}],
            "2.15": [{"name": name, "refused": [["ValueError", "units must be positive"]]}],
            "3.4": [{"name": name, "ended": "crash"}],
        },
        {"2.4": [], "2.15": [], "3.4": []},
    )
    assert table["exhibits"][name] == {"refused": {"ValueError": "2.15", "crash": "3.4"}}


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        ({}, "pass"),
        ({"ended": "timeout"}, "timeout"),
        ({"lost": ["outputs", "call"]}, "fail call"),
        ({"lost": ["compile state"]}, "degraded compile-state"),
        ({"failed": [["ValueError", "no signature fits this"]]}, "fail unclassified"),
    ],
)
def test_outcome_of_answer(condense, found, expected):
    assert condense.outcome(found, "h5", "2.4", "2.15") == expected


def test_write_has_one_line_for_each_exhibit(condense, tmp_path):
    table = {"releases": ENVIRONMENTS, "exhibits": {"a/B": {"h5": {}}, "a/C": {"h5": {}}}}
    condense.write(tmp_path / "zoo.json", table)
    text = (tmp_path / "zoo.json").read_text(encoding="utf-8")
    assert json.loads(text) == table
    assert '  "a/B": {"h5": {}},\n' in text


def test_difference_names_changed_exhibits(condense):
    before = {"releases": {}, "exhibits": {"a": {"h5": {"2.4": "x"}}, "b": {}}}
    after = {"releases": {}, "exhibits": {"a": {"h5": {"2.4": "y"}}, "c": {}}}
    lines = condense.difference(before, after).splitlines()
    assert [line[:3] for line in lines] == ["~ a", "- b", "+ c"]
    assert condense.difference(after, after) == "nothing changed"
