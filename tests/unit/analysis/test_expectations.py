import datetime

import pytest
from pydantic import ValidationError

from kerasmatrix.analysis.expectations import expect
from kerasmatrix.config.expectation import Expectation, PatternError, names_of
from kerasmatrix.config.matrix import load_matrix
from kerasmatrix.errors import UsageError
from kerasmatrix.results.observations import Status
from tests.unit.fakes import make_project
from tests.unit.report.factory import make_cell, make_results

VERSIONS = ("tf2.2", "tf2.9", "tf2.15", "tf2.16")
KNOWN = {
    "scenario": ("first",),
    "format": ("h5", "keras"),
    "saved_with": ("tf2.1", "tf2.2"),
    "loaded_with": ("tf2.1", "tf2.2"),
}


@pytest.mark.parametrize(
    ("patterns", "names"),
    [
        (["*"], VERSIONS),
        (["tf2.9"], ["tf2.9"]),
        (["tf2.1?"], ["tf2.15", "tf2.16"]),
        (["tf2.9..tf2.15"], ["tf2.9", "tf2.15"]),
        (["..tf2.9"], ["tf2.2", "tf2.9"]),
        (["tf2.15.."], ["tf2.15", "tf2.16"]),
        ([".."], VERSIONS),
        (["tf2.2", "tf2.16"], ["tf2.2", "tf2.16"]),
    ],
)
def test_a_pattern_is_a_name_a_glob_or_a_range(patterns, names):
    assert names_of(patterns, VERSIONS, ordered=True) == set(names)


@pytest.mark.parametrize(
    ("pattern", "message", "hint"),
    [
        ("tf2.17", "'tf2.17' stands for nothing", "did you mean 'tf2.1"),
        ("tf3.*", "'tf3.*' stands for nothing", None),
        ("tf2.8..tf2.15", "'tf2.8' is no environment", "did you mean"),
        ("tf2.15..tf2.9", "'tf2.15..tf2.9' stands for nothing", None),
    ],
)
def test_a_pattern_for_nothing_is_an_error(pattern, message, hint):
    with pytest.raises(PatternError) as caught:
        names_of([pattern], VERSIONS, ordered=True)
    assert str(caught.value) == message
    if hint:
        assert hint in caught.value.hint


def test_a_range_means_nothing_without_an_order():
    with pytest.raises(PatternError):
        names_of(["h5..keras"], ("h5", "keras"), ordered=False)


def expectation(**told):
    return Expectation.model_validate({"status": "fail", "reason": "known", **told})


def results_of(*statuses, finished=None):
    """Return results of cells of tf2.1's first.h5, loaded with tf2.1, tf2.2."""
    base = make_results(environments=2)
    cells = tuple(
        make_cell("first", "h5", "tf2.1", loaded, Status(status), message="words")
        for loaded, status in zip(("tf2.1", "tf2.2"), statuses, strict=False)
    )
    run = base.run.model_copy(update={"finished": finished}) if finished else base.run
    return base.model_copy(update={"cells": cells, "run": run})


@pytest.mark.parametrize(
    ("expected", "status", "verdict"),
    [
        ({"status": "fail"}, "fail", "met"),
        ({"status": ["fail", "crash"]}, "crash", "met"),
        ({"status": "fail"}, "drift", "better"),
        ({"status": "fail"}, "pass", "better"),
        ({"status": "drift"}, "fail", "worse"),
        ({"status": "fail"}, "crash", "worse"),  # as bad, and not what is expected
        ({"status": "fail", "cause": "unknown-functional"}, "fail", "met"),
        ({"status": "fail", "cause": "weights-count"}, "fail", "worse"),
        ({"status": "fail"}, "infra", None),
        ({"status": "fail"}, "not-run", None),
        ({"status": "pass"}, "unsupported", None),
        ({"status": "pass"}, "not-comparable", None),
        ({"status": ["pass", "not-comparable"]}, "not-comparable", "met"),
    ],
)
def test_a_cell_keeps_to_what_is_expected_or_not(expected, status, verdict):
    found = expect(results_of(status), [expectation(**expected)], KNOWN)
    assert found.cells[0].expected == verdict
    assert (found.cells[0].expectation is None) == (verdict is None)


def test_the_last_expectation_that_speaks_of_a_cell_counts():
    rule = expectation(status="fail")
    exception = expectation(status="pass", loaded_with="tf2.2")
    found = expect(results_of("fail", "pass"), [rule, exception], KNOWN)
    assert [(cell.expectation, cell.expected) for cell in found.cells] == [(0, "met"), (1, "met")]
    assert [(told.cells, told.met) for told in found.expectations] == [(2, 1), (1, 1)]


def test_what_nobody_expects_anything_of_has_no_verdict():
    found = expect(results_of("fail", "pass"), [expectation(format="keras")], KNOWN)
    assert [cell.expected for cell in found.cells] == [None, None]


def test_an_expectation_is_unmatched_only_where_all_its_cells_cannot_exist():
    told = expect(results_of("unsupported"), [expectation()], KNOWN).expectations[0]
    assert told.unmatched
    # This run may just not have what it is about.
    told = expect(results_of("fail"), [expectation(format="keras")], KNOWN).expectations[0]
    assert not told.unmatched


@pytest.mark.parametrize(("day", "expired"), [(1, False), (2, False), (3, True)])
def test_an_expectation_lasts_until_the_end_of_its_day(day, expired):
    finished = datetime.datetime(2026, 1, day, 23, 59, tzinfo=datetime.UTC)
    told = expectation(until="2026-01-02")
    (found,) = expect(results_of("fail", finished=finished), [told], KNOWN).expectations
    assert found.expired == expired


@pytest.mark.parametrize("told", [{"status": "fial"}, {"reason": " "}, {"until": "soon"}, {"x": 1}])
def test_nonsense_is_refused(told):
    with pytest.raises(ValidationError):
        expectation(**told)


def matrix_with(tmp_path, line):
    path = make_project(tmp_path, "tf2.1", "tf2.2", scenarios=("first",))
    path.write_text(f"{path.read_text()}\nexpectations:\n  - {line}\n")
    return path


def test_an_expectation_knows_where_it_stands(tmp_path):
    path = matrix_with(tmp_path, "{saved_with: tf2.2.., status: [fail], reason: known}")
    (found,) = load_matrix(path).expectations
    last = len(path.read_text().splitlines())
    assert found.where == f"matrix.yaml:{last}"


@pytest.mark.parametrize(
    ("line", "message", "hint"),
    [
        ("{scenario: frist, status: fail, reason: r}", "scenario: 'frist' stands for nothing",
         "did you mean 'first'?"),
        ("{loaded_with: tf2.9.., status: fail, reason: r}", "'tf2.9' is no environment", "tf2."),
        ("{status: fial, reason: r}", "status", ""),
        ("{status: fail}", "reason: is missing", ""),
        ("{status: fail, reason: r, cause: unknown-funktional}",
         "unknown cause 'unknown-funktional'", "did you mean 'unknown-functional'?"),
        ("{status: fail, reason: r, where: here}", "unknown key", ""),
    ],
)  # fmt: skip
def test_a_mistake_is_told_with_its_line(tmp_path, line, message, hint):
    path = matrix_with(tmp_path, line)
    with pytest.raises(UsageError) as caught:
        load_matrix(path)
    assert f"matrix.yaml:{len(path.read_text().splitlines())}: " in caught.value.message
    assert message in caught.value.message
    assert hint in (caught.value.hint or "")
