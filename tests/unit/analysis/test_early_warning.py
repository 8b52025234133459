"""Coming versions against the last release."""

import pytest

from kerasmatrix.analysis.early_warning import coming_versions
from kerasmatrix.report.early_text import early_warning_text, issue_of_scenario
from kerasmatrix.results.cells import Status
from tests.unit.report.factory import make_cell, make_results

RELEASE, COMING = "tf2.1", "tf2.2"


def results_of(*statuses):
    """Return results in which each scenario has these statuses: in the release, and coming."""
    cells = []
    for number, (before, after) in enumerate(statuses):
        for loaded, status in ((RELEASE, before), (COMING, after)):
            made = make_cell(f"s{number}", "h5", RELEASE, loaded, Status(status), message="words")
            cells.append(made.but(cause="a-cause" if status == "fail" else None, remedies=()))
    return make_results(environments=2).model_copy(update={"cells": tuple(cells)})


def coming(*statuses):
    (version,) = coming_versions(results_of(*statuses), RELEASE, [COMING])
    return version


@pytest.mark.parametrize(
    ("before", "after", "where"),
    [
        ("pass", "fail", "broken"),
        ("pass", "degraded", "broken"),
        ("fail", "pass", "improved"),
        ("pass", "drift", "other_numbers"),
        ("pass", "pass", None),
        ("infra", "pass", None),
    ],
)
def test_coming_versions_change_is_in_one_list(before, after, where):
    version = coming((before, after))
    named = {name for name in ("broken", "improved", "other_numbers") if getattr(version, name)}
    assert named == ({where} if where else set())


def test_coming_versions_counts_what_could_not_be_measured():
    version = coming(("pass", "infra"), ("pass", "pass"), ("unsupported", "pass"))
    assert (version.compared, version.unmeasured) == (1, 1)


def test_coming_versions_own_files_are_compared_too():
    base = results_of(("pass", "pass"))
    own = make_cell("s0", "h5", COMING, COMING, Status.CRASH, message="words")
    results = base.model_copy(update={"cells": (*base.cells, own)})
    (version,) = coming_versions(results, RELEASE, [COMING])
    assert [change.saved_with for change in version.broken] == [COMING]


def test_broken_kinds_are_by_cause_the_largest_first():
    version = coming(("pass", "degraded"), ("pass", "fail"), ("pass", "fail"))
    assert [(kind.cause, len(kind.changes)) for kind in version.broken_kinds] == [
        ("a-cause", 2), (None, 1),
    ]  # fmt: skip


def test_early_warning_text_names_version_and_issue():
    text = early_warning_text(
        RELEASE, [coming(("pass", "fail"))], {(COMING, "a-cause"): "issues/one.md"}
    )
    assert "TensorFlow 2.2.0" in text
    assert "[issues/one.md](issues/one.md)" in text
    assert "| s0 | h5 | tf2.1 | pass | fail |" in text


def test_early_warning_text_says_why_nothing_was_measured():
    version = coming(("pass", "infra")).model_copy(update={"trouble": "no disk"})
    assert "Not measured: no disk" in early_warning_text(RELEASE, [version], {})


def test_issue_of_scenario_has_its_scripts():
    version = coming(("pass", "fail"))
    (change,) = version.broken
    text = issue_of_scenario(version, change, RELEASE, {"save.py": "build()\n"})
    assert "build()\n```" in text
    assert "`python save.py model.h5` with the last release" in text
