"""Which changes and expectations become findings of the gate."""

import pytest

from kerasmatrix.analysis.compare import ChangeKind, compare
from kerasmatrix.analysis.expectations import expect
from kerasmatrix.analysis.gate import Finding, FindingKind, count_inconclusive, findings
from kerasmatrix.config.expectation import Expectation
from kerasmatrix.results.cells import Cell, Status
from kerasmatrix.results.observations import RetriedAttempt
from kerasmatrix.results.schema import RemedyResult
from tests.unit.report.factory import REJECTED, VERIFIED, make_cell, make_results

KEY = Cell("first", "h5", "tf2.1", "tf2.2")
KNOWN = {
    "scenario": ("first",), "format": ("h5", "keras"), "saved_with": ("tf2.1", "tf2.2"),
    "loaded_with": ("tf2.1", "tf2.2"),
}  # fmt: skip


def cell(status, loaded="tf2.2", retries=(), **more):
    made = make_cell("first", "h5", "tf2.1", loaded, Status(status), message="words")
    if "remedies" in more:
        more["remedies"] = tuple(RemedyResult(**each) for each in more["remedies"])
    return made.but(retries=tuple(retries), **more)


def again(status, **more):
    return RetriedAttempt(status=Status(status), summary="it was lost", **more)


def results_of(*cells):
    return make_results(environments=2).model_copy(update={"cells": cells, "claims": ()})


def gate(before, *after):
    results = results_of(*after)
    return findings(results, compare(results_of(before), results))


def expecting(*cells, **told):
    rule = {"status": "fail", "reason": "known", "where": "matrix.yaml:7", **told}
    return expect(results_of(*cells), [Expectation.model_validate(rule)], KNOWN)


def test_findings_worse_cell_is_named_with_both_statuses():
    (finding,) = gate(cell("pass"), cell("fail", cause="weights-count"))
    assert finding.kind is FindingKind.WORSE_THAN_BASELINE
    assert (finding.cell, finding.change, finding.where) == (KEY, ChangeKind.BROKEN, "")
    assert finding.text == ("newly broken: first · h5 · tf2.1 → tf2.2: pass → fail (weights-count)")


def test_findings_without_a_cause_end_with_the_status():
    (finding,) = gate(cell("pass"), cell("degraded"))
    assert finding.text == "worse: first · h5 · tf2.1 → tf2.2: pass → degraded"
    assert finding.change is ChangeKind.WORSE


def test_findings_without_comparison_or_expectation_are_none():
    assert findings(results_of(cell("fail")), None) == []


@pytest.mark.parametrize(("gone", "text"), [
    (["tf2.2"], "1 measured cell is not in this run"),
    (["tf2.2", "tf2.3"], "2 measured cells are not in this run"),
])  # fmt: skip
def test_findings_cells_that_are_gone_are_counted(gone, text):
    before = results_of(cell("pass", "tf2.1"), *(cell("pass", name) for name in gone))
    after = results_of(cell("pass", "tf2.1"))
    (finding,) = findings(after, compare(before, after))
    assert finding == Finding(FindingKind.GONE, text)
    # Without a common cell, the baseline is of something else.
    other = results_of(cell("pass", "tf2.9"))
    assert findings(other, compare(before, other)) == []


def test_findings_go_on_after_a_change_that_does_not_count():
    """An improvement sorts behind what got worse, a missing cell before a lost fix."""
    before = results_of(
        cell("pass", "tf2.1"), cell("fail", remedies=[VERIFIED]),
    )  # fmt: skip
    after = results_of(cell("infra", "tf2.1"), cell("fail", remedies=[REJECTED]))
    comparison = compare(before, after)
    (finding,) = findings(after, comparison)
    assert finding.change is ChangeKind.REMEDY_LOST
    assert count_inconclusive(comparison) == 1


def test_findings_go_on_after_a_cell_with_an_expectation():
    before = results_of(cell("pass", "tf2.1"), cell("pass"))
    after = expecting(cell("fail", "tf2.1"), cell("fail"), loaded_with="tf2.1")
    (finding,) = findings(after, compare(before, after))
    assert finding.cell == KEY


@pytest.mark.parametrize(
    ("before", "after", "count"),
    [("pass", "infra", 1), ("pass", "not-run", 1), ("pass", "unsupported", 0), ("pass", "fail", 0)],
)
def test_count_inconclusive_counts_what_was_not_measured(before, after, count):
    comparison = compare(results_of(cell(before)), results_of(cell(after)))
    assert count_inconclusive(comparison) == count


HELPED = {"remedies": [VERIFIED]}
HELPLESS = {"remedies": [REJECTED]}


@pytest.mark.parametrize(
    ("before", "after", "retry", "flaky"),
    [
        # In the repetition it was as good as before, or better, or could not be measured.
        (cell("degraded"), cell("fail"), again("degraded"), True),
        (cell("degraded"), cell("fail"), again("pass"), True),
        (cell("pass"), cell("fail"), again("infra"), True),
        (cell("pass"), cell("fail"), again("not-run"), True),
        # It was worse again, though not in the same way.
        (cell("pass"), cell("fail"), again("fail"), False),
        (cell("pass"), cell("fail"), again("degraded"), False),
        # It had the same losses as before, or others.
        (cell("degraded", lost=("a",)), cell("fail"), again("degraded", lost=("a",)), True),
        (cell("degraded", lost=("a",)), cell("fail"), again("degraded", lost=("b",)), False),
        # A lost fix: the cell loads again without one, another fix works, or nothing does.
        (cell("fail", **HELPED), cell("fail", **HELPLESS), again("pass"), True),
        (cell("fail", **HELPED), cell("fail", **HELPLESS), again("fail"), False),
        (cell("fail", **HELPED), cell("fail", **HELPLESS), again("crash"), False),
        (cell("fail", **HELPED), cell("fail", **HELPLESS), again("fail", remedy="other"), True),
        (cell("drift", **HELPED), cell("drift", **HELPLESS), again("fail", remedy="other"), False),
    ],
)  # fmt: skip
def test_findings_as_good_in_a_repetition_is_flaky(before, after, retry, flaky):
    (finding,) = gate(before, after.but(retries=(retry,)))
    expected = FindingKind.FLAKY if flaky else FindingKind.WORSE_THAN_BASELINE
    assert finding.kind is expected
    assert finding.cell == KEY


def test_findings_one_good_repetition_of_several_is_enough():
    retries = [again("fail"), again("pass")]
    (finding,) = gate(cell("pass"), cell("fail", retries=retries))
    assert finding.kind is FindingKind.FLAKY


def test_findings_list_the_repetitions():
    retries = [
        again("fail", cause="weights-count", remedy="no-compile"), again("not-run"), again("pass"),
    ]  # fmt: skip
    (finding,) = gate(cell("pass"), cell("fail", retries=retries, cause=None))
    assert finding.text.endswith(
        "pass → fail; again: fail (weights-count), fixed by no-compile; it was lost; pass"
    )


@pytest.mark.parametrize(
    ("status", "told", "kind", "text"),
    [
        ("crash", {"cause": None}, FindingKind.WORSE_THAN_EXPECTED,
         "expected to be fail, is crash"),
        ("pass", {"cause": None}, FindingKind.BETTER_THAN_EXPECTED,
         "expected to be fail, is pass"),
        ("fail", {"cause": "weights-count"}, FindingKind.WORSE_THAN_EXPECTED,
         "expected to be fail (weights-count), is fail (unknown-functional)"),
        ("pass", {"status": ["drift", "fail"]}, FindingKind.BETTER_THAN_EXPECTED,
         "expected to be drift or fail, is pass"),
    ],
)  # fmt: skip
def test_findings_other_than_expected_name_the_place(status, told, kind, text):
    (finding,) = findings(expecting(cell(status), **told), None)
    assert finding == (kind, f"first · h5 · tf2.1 → tf2.2: {text}", "matrix.yaml:7", KEY, None)


def test_findings_met_or_absent_expectation_is_passed_over():
    """The cells behind it are still judged."""
    cells = (cell("fail", "tf2.1"), cell("pass"))
    assert [each.cell for each in findings(expecting(*cells), None)] == [KEY]
    other = expecting(cell("pass", "tf2.1"), cell("pass"), loaded_with="tf2.2")
    assert [each.cell for each in findings(other, None)] == [KEY]


@pytest.mark.parametrize(
    ("retries", "kind"),
    [
        ([again("fail")], FindingKind.FLAKY),
        ([again("crash"), again("fail")], FindingKind.FLAKY),
        ([again("crash")], FindingKind.WORSE_THAN_EXPECTED),
        ([again("pass")], FindingKind.FLAKY),
    ],
)
def test_findings_expectation_met_in_a_repetition_is_flaky(retries, kind):
    (finding,) = findings(expecting(cell("crash", retries=retries)), None)
    assert finding.kind is kind
    assert "; again: " in finding.text


def test_findings_repetition_is_compared_by_its_cause_too():
    retries = [again("fail", cause="other")]
    (finding,) = findings(
        expecting(cell("fail", cause="wrong", retries=retries), cause="right"), None
    )
    assert finding.kind is FindingKind.WORSE_THAN_EXPECTED
    retries = [again("fail", cause="right")]
    (finding,) = findings(
        expecting(cell("fail", cause="wrong", retries=retries), cause="right"), None
    )
    assert finding.kind is FindingKind.FLAKY


def test_findings_outdated_expectations_name_their_lines():
    unmatched = findings(expecting(cell("unsupported")), None)
    assert unmatched == [
        (FindingKind.UNMATCHED, "it applies to no existing cell (known)", "matrix.yaml:7",
         None, None),
    ]  # fmt: skip
    expired = findings(expecting(cell("fail"), until="2025-12-31"), None)
    assert expired == [
        (FindingKind.EXPIRED, "it ended on 2025-12-31 (known)", "matrix.yaml:7", None, None),
    ]
