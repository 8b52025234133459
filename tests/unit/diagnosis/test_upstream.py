"""Promises and known issues: which cells they are about, and which break a promise."""

import datetime

import pytest

from kerasmatrix.analysis.upstream import said_of, upstream_results
from kerasmatrix.diagnosis.catalogue import the_catalogue
from kerasmatrix.diagnosis.upstream import load_upstream, side_of, the_upstream
from kerasmatrix.errors import UsageError
from kerasmatrix.results.cells import Status
from kerasmatrix.results.schema import EnvironmentResult, RemedyResult
from tests.unit.report.factory import make_cell

DAY = datetime.date(2026, 12, 1)
PACKAGES = {
    "tf1.15": {"tensorflow": "1.15.5"},
    "tf2.4": {"tensorflow-cpu": "2.4.4", "keras": "2.4.3"},
    "tf2.15": {"tensorflow-cpu": "2.15.1", "keras": "2.15.0"},
    "tf2.21": {"tensorflow-cpu": "2.21.0", "keras": "3.15.1"},
    "keras3.15-jax": {"keras": "3.15.1", "jax": "0.11.0"},
    "keras3.15-numpy": {"keras": "3.15.1", "jax": "0.11.0"},
}
ENVIRONMENTS = {
    name: EnvironmentResult(
        name=name,
        python="3.11",
        packages=packages,
        keras_major=3 if packages.get("keras", "2")[0] == "3" else 2,
        lock="",
        backend=name.partition("-")[2] or "tensorflow",
    )
    for name, packages in PACKAGES.items()
}

SIDES = {name: side_of(environment) for name, environment in ENVIRONMENTS.items()}


def cell(form, saved, loaded, status=Status.FAIL, cause="savedmodel-revival", fixes=()):
    tried = tuple(RemedyResult(id=name, status=found, summary="") for name, found in fixes)
    return make_cell("lstm", form, saved, loaded, status).but(cause=cause, remedies=tried)


def said(*about, **more):
    found = said_of(cell(*about, **more), SIDES)
    return {each.statement.id: each.kept for each in found if hasattr(each.statement, "id")}


def issues(*about, **more):
    found = said_of(cell(*about, **more), SIDES)
    return [each.statement.link.rpartition("/")[2] for each in found if each.words[0] == "K"]


@pytest.mark.parametrize(
    ("fixes", "kept"),
    [
        ([("saved-model-load", "verified")], "kept"),
        ([("tfsm-layer", "failed"), ("saved-model-load", "failed")], "broken"),
        ([("tfsm-layer", "failed")], None),
        ([], None),
    ],
)
def test_promise_of_a_graph_is_decided_by_its_own_call(fixes, kept):
    promises = said("savedmodel", "tf2.4", "tf2.15", fixes=fixes)
    assert promises == {"savedmodel-same-major": kept}


@pytest.mark.parametrize(
    ("about", "cause", "promises"),
    [
        (("h5", "tf2.4", "tf2.15"), "silent-drift", {"data-of-earlier-minors": "broken"}),
        (("h5", "tf2.4", "tf2.15"), "custom-class-missing", {}),
        (("h5", "tf2.15", "tf2.4"), "unknown-functional", {"earlier-reader": None}),
        (("h5", "tf1.15", "tf2.4"), "keras-1-file", {}),
        (("h5", "tf2.15", "tf2.21"), "config-key-removed", {"between-keras-2-and-3": None}),
        (
            ("h5", "tf2.21", "tf2.15"),
            "config-key-too-new",
            {"earlier-reader": None, "between-keras-3-and-2": None},
        ),
        (("h5", "tf2.21", "keras3.15-jax"), "op-layer", {}),
        (("h5", "tf2.21", "keras3.15-numpy"), "op-layer", {"numpy-only-predicts": None}),
        (
            ("savedmodel", "tf2.15", "tf2.21"),
            "savedmodel",
            {"savedmodel-same-major": None, "savedmodel-in-keras-3": None},
        ),
        (("savedmodel", "tf1.15", "tf2.4"), "savedmodel-revival", {"savedmodel-next-major": None}),
    ],
)
def test_promises_of_a_failing_cell(about, cause, promises):
    assert said(*about, cause=cause) == promises


def test_promise_is_kept_by_a_cell_that_loads():
    loads = said("h5", "tf2.4", "tf2.15", status=Status.DEGRADED, cause="optimizer-config")
    assert loads == {"data-of-earlier-minors": "kept"}
    drifts = said("h5", "tf2.4", "tf2.15", status=Status.DRIFT, cause="silent-drift")
    assert drifts == {"data-of-earlier-minors": "kept", "floating-point-details": None}


@pytest.mark.parametrize(
    ("about", "cause", "numbers"),
    [
        (("keras", "tf2.15", "tf2.21"), "functional-module-path", ["19089"]),
        (("h5", "tf2.15", "tf2.21"), "functional-module-path", []),
        (("keras", "tf2.21", "tf2.15"), "functional-module-path", []),
        (("keras", "tf2.15", "keras3.15-jax"), "functional-module-path", ["19089"]),
        (("h5", "tf2.4", "tf2.15"), "lambda-bytecode", ["14875", "7440"]),
        (("h5", "tf2.4", "tf2.15"), None, []),
    ],
)
def test_issues_that_explain_a_cell(about, cause, numbers):
    assert issues(*about, cause=cause) == numbers


def test_results_name_the_cells_of_each_statement():
    broken = cell("h5", "tf2.4", "tf2.15", cause="lambda-scope-or-shape")
    fine = cell("h5", "tf2.4", "tf2.15", status=Status.PASS, cause=None)
    (found,) = upstream_results([broken, fine], ENVIRONMENTS.values())
    assert (found.id, found.kind, found.state) == ("data-of-earlier-minors", "promised", None)
    assert found.cells == found.broken == ("lstm/h5/tf2.4/tf2.15",)


def test_statement_of_an_environment_that_is_gone_is_none():
    assert said_of(cell("h5", "tf2.4", "tf2.15"), {}) == ()


def test_words_have_state_and_day():
    (first, *_) = said_of(cell("h5", "tf2.4", "tf2.15", cause="silent-drift"), SIDES)
    assert first.words.startswith("Promised, broken here (2026-12-01): Data that worked")


def test_upstream_has_no_date_of_the_future_and_25_issues():
    upstream = the_upstream()
    assert len(upstream.known_issues) >= 25
    assert all(entry.as_of <= DAY for entry in (*upstream.promises, *upstream.known_issues))


PROMISE = """
promises:
  - {id: a, kind: promised, says: It works, link: "https://a.example/", as_of: 2026-01-01}
"""
ISSUE = """
known_issues:
  - {says: It fails, link: "https://b.example/", as_of: 2026-01-01, state: open,
     causes: [op-layer]}
"""


@pytest.mark.parametrize(
    ("promises", "known_issues", "message"),
    [
        (PROMISE.replace("promised", "sworn"), ISSUE, "promises.0.kind: Input should be"),
        (PROMISE.replace("https:", "http:"), ISSUE, "promises.0.link: String should match"),
        (PROMISE.replace("id: a", "id: a, kept_by: magic"), ISSUE, "unknown name 'magic'"),
        (PROMISE.replace("id: a", "id: a, writer: new"), ISSUE, "promises.0.writer: String"),
        (PROMISE + PROMISE.split("\n", 2)[2], ISSUE, "promises.1.id: 'a' is there twice"),
        (PROMISE, ISSUE.replace("op-layer", "op-lyer"), "known_issues.0.causes: unknown name"),
        (PROMISE, ISSUE.replace("open", "lost"), "known_issues.0.state: Input should be"),
        (PROMISE, ISSUE + ISSUE.split("\n", 2)[2], "known_issues.1.link: is there twice"),
    ],
)
def test_load_upstream_refuses_a_wrong_entry(tmp_path, promises, known_issues, message):
    first, second = tmp_path / "promises.yaml", tmp_path / "known_issues.yaml"
    first.write_text(promises)
    second.write_text(known_issues)
    with pytest.raises(UsageError, match=message):
        load_upstream(first, second, the_catalogue())
