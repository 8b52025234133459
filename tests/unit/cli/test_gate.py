"""Comparing, gating and asking before an upgrade: what is printed, and the exit codes."""

import json

import pytest

from kerasmatrix import cli
from kerasmatrix.analysis.expectations import expect
from kerasmatrix.config.expectation import Expectation
from kerasmatrix.results.cells import Status
from kerasmatrix.results.results_json import to_json
from kerasmatrix.results.schema import RemedyResult
from kerasmatrix.store.runs import Archive
from tests.unit.report.factory import HOSTILE, REJECTED, VERIFIED, make_cell, make_results


@pytest.fixture
def call(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)

    def run(*arguments):
        with pytest.raises(SystemExit) as leaving:
            cli.main(list(arguments))
        printed = capsys.readouterr()
        return leaving.value.code, printed.out, printed.err

    return run


def cell(status, loaded="tf2.2", remedies=(), message="words"):
    made = make_cell("first", "h5", "tf2.1", loaded, Status(status), message=message)
    return made.but(remedies=tuple(RemedyResult(**each) for each in remedies))


HELPED, HELPLESS = cell("fail", remedies=[VERIFIED]), cell("fail", remedies=[REJECTED])


def results_of(*cells, run="a", complete=True):
    base = make_results(environments=2)
    told = base.run.model_copy(update={"id": run, "complete": complete})
    return base.model_copy(update={"cells": cells, "run": told, "claims": ()})


@pytest.fixture
def kept(tmp_path):
    """Keep a run before and a run after."""

    def keep(before, after):
        archive = Archive(tmp_path / ".kerasmatrix")
        archive.keep(before.model_copy(update={"run": before.run.model_copy(update={"id": "a"})}))
        archive.keep(after.model_copy(update={"run": after.run.model_copy(update={"id": "b"})}))

    return keep


@pytest.mark.parametrize(
    ("before", "after", "code", "said"),
    [
        (cell("pass"), cell("pass"), 0, "The gate passes."),
        (cell("fail"), cell("pass"), 0, "1 newly fixed"),
        (cell("drift"), cell("pass"), 0, "1 better"),
        (cell("pass"), cell("fail"), 1, "newly broken: first · h5 · tf2.1 → tf2.2: pass → fail"),
        (cell("pass"), cell("degraded"), 1, "worse: first"),
        (cell("pass"), cell("save-failed"), 1, "newly broken"),
        (HELPED, HELPLESS, 1, "lost its remedy"),
        (HELPLESS, HELPED, 0, "has a remedy now"),
        (cell("pass"), cell("infra"), 3, "1 cells of the baseline were not measured"),
        (cell("pass"), cell("not-run"), 3, "cannot decide"),
        (cell("pass"), cell("not-comparable"), 3, "1 cells of the baseline were not measured"),
        (cell("not-comparable"), cell("pass"), 0, "1 newly measured"),
        (cell("infra"), cell("fail"), 0, "1 newly measured"),
        (cell("pass"), cell("unsupported"), 0, "1 not measured any more"),
    ],
)  # fmt: skip
def test_gate_decides_on_every_kind_of_change(call, kept, before, after, code, said):
    kept(results_of(before), results_of(after))
    left, out, _ = call("gate", "--baseline", "previous")
    assert left == code
    assert said in out


def test_gate_worse_cell_outweighs_a_missing_one(call, kept):
    before = results_of(cell("pass"), cell("pass", "tf2.1"))
    kept(before, results_of(cell("fail"), cell("infra", "tf2.1")))
    assert call("gate", "--baseline", "a")[0] == 1


def test_gate_of_an_incomplete_run_cannot_pass(call, kept):
    kept(results_of(cell("pass")), results_of(cell("pass"), complete=False))
    assert call("gate", "--baseline", "a")[0] == 3


def test_gate_without_a_common_cell_is_undecided(call, kept):
    kept(results_of(cell("pass")), results_of(cell("pass", "tf2.1")))
    code, out, _ = call("gate", "--baseline", "a")
    assert (code, "no cell in common" in out) == (3, True)


def test_gate_baseline_may_be_a_file(call, kept, tmp_path):
    kept(results_of(cell("fail")), results_of(cell("fail")))
    (tmp_path / "baseline.json").write_text(to_json(results_of(cell("pass"))))
    assert call("gate", "--baseline", "baseline.json")[0] == 1


@pytest.mark.parametrize("content", ["{", '{"schema_version": 99}', "[]"])
def test_gate_unreadable_baseline_is_a_usage_error(call, kept, tmp_path, content):
    kept(results_of(cell("pass")), results_of(cell("pass")))
    (tmp_path / "baseline.json").write_text(content)
    code, _, err = call("gate", "--baseline", "baseline.json")
    assert code == 2
    assert "baseline.json" in err


def test_gate_without_a_run_is_a_usage_error(call):
    code, _, err = call("gate", "--baseline", "previous")
    assert (code, "kerasmatrix run" in err) == (2, True)


def test_run_with_gate_decides_at_its_end(command, engine):
    command.project("good", "picky-good", scenarios=("alpha",), formats=("h5",))
    assert command("--gate")[0] == 2  # there is nothing to compare with yet
    assert command()[0] == 0
    code, _, out = command("--gate", "--fresh")
    assert code == 0
    assert "The gate passes." in out


def test_page_shows_changes_against_a_baseline(command, tmp_path):
    command.project("good", scenarios=("alpha",), formats=("h5",))
    command()
    command("--baseline", "last", "--fresh")
    page = (tmp_path / "reports/index.html").read_text()
    assert "Nothing changed in 1 cells that both runs have." in page
    command()
    assert "Changes since" not in (tmp_path / "reports/index.html").read_text()


def test_compare_lists_changes_by_kind(call, kept):
    before = results_of(cell("pass"), cell("fail", "tf2.1"))
    kept(before, results_of(cell("fail"), cell("pass", "tf2.1")))
    code, out, _ = call("compare")
    assert code == 0
    assert "Compared 2 cells: 1 newly broken, 1 newly fixed." in out
    assert out.index("newly broken (1)") < out.index("newly fixed (1)")


def test_compare_without_changes_says_so(call, kept):
    kept(results_of(cell("pass")), results_of(cell("pass")))
    assert "Compared 1 cell: nothing changed." in call("compare", "a", "b")[1]


def test_compare_as_json(call, kept):
    kept(results_of(cell("pass")), results_of(cell("fail")))
    found = json.loads(call("compare", "--format", "json")[1])
    assert [change["kind"] for change in found["changes"]] == ["newly broken"]


def test_compare_markdown_escapes_hostile_text(call, kept):
    hostile = cell("fail", message=HOSTILE).but(cause="a|b`c`<img>")
    kept(results_of(cell("pass")), results_of(hostile))
    out = call("compare", "--format", "markdown")[1]
    (row,) = [line for line in out.splitlines() if line.startswith("| first")]
    assert row.replace("\\|", "").count("|") == 5
    assert "<img" not in out.replace("\\<", "")


def test_can_upgrade_answers_yes_or_no(call, kept):
    home = cell("pass", "tf2.1")
    kept(results_of(home), results_of(home, cell("pass")))
    code, out, _ = call("can-upgrade", "--from", "tf2.1", "--to", "tf2.2")
    assert (code, out.startswith("Yes")) == (0, True)
    kept(results_of(home), results_of(home, cell("fail", remedies=[VERIFIED])))
    code, out, _ = call("can-upgrade", "--from", "tf2.1", "--to", "tf2.2")
    assert code == 1
    assert "No: 1 of 1 files that work in tf2.1 are worse in tf2.2 (1 with a verified fix)." in out
    assert "cause: unknown-functional" in out
    assert "fix: no-compile + rewrite-config" in out
    assert (
        call(
            "can-upgrade",
            "--from",
            "tf2.1",
            "--to",
            "tf2.2",
            "--accept-remedies",
            "--accept",
            "compile-state",
        )[0]
        == 0
    )


def test_can_upgrade_uses_current_and_candidate(call, kept):
    named = {"current": "tf2.1", "candidate": "tf2.2"}
    both = results_of(cell("pass", "tf2.1"), cell("pass")).model_copy(update=named)
    kept(both, both)
    assert call("can-upgrade")[0] == 0
    kept(both, results_of(cell("pass", "tf2.1"), cell("pass")))
    code, _, err = call("can-upgrade")
    assert (code, "--from and --to" in err) == (2, True)


def test_can_upgrade_as_json(call, kept):
    home = cell("pass", "tf2.1")
    kept(results_of(home), results_of(home, cell("fail")))
    code, out, _ = call("can-upgrade", "--from", "tf2.1", "--to", "tf2.2", "--json")
    assert code == 1
    found = json.loads(out)
    assert (found["possible"], found["reasons"][0]["status"]) == (False, "fail")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--from", "tf2.1", "--to", "tf2.22"), "the nearest is tf2.2"),
        (("--from", "tf2.1", "--to", "tf2.2", "--formats", "h6"), "did you mean 'h5'?"),
        (("--from", "tf2.2", "--to", "tf2.1"), "no file that tf2.2 saves and loads was measured"),
    ],
)
def test_can_upgrade_without_an_answer_is_a_usage_error(call, kept, arguments, said):
    kept(results_of(cell("pass", "tf2.1")), results_of(cell("pass", "tf2.1")))
    code, _, err = call("can-upgrade", *arguments)
    assert code == 2
    assert said in err


def judged(status, **told):
    """Return results of one cell and of what is expected of it."""
    known = {
        "scenario": ("first",), "format": ("h5", "keras"), "saved_with": ("tf2.1", "tf2.2"),
        "loaded_with": ("tf2.1", "tf2.2"),
    }  # fmt: skip
    expectation = {"status": "fail", "reason": "known", "where": "matrix.yaml:7", **told}
    return expect(results_of(cell(status)), [Expectation.model_validate(expectation)], known)


@pytest.mark.parametrize(
    ("results", "code", "said"),
    [
        (judged("fail"), 0, "The gate passes."),
        (judged("crash"), 1, "worse than expected (1)"),
        (judged("fail", cause="weights-count"), 1, "expected to be fail (weights-count)"),
        (judged("pass"), 1, "better than expected (1): remove the expectation"),
        (judged("unsupported"), 1, "expectation without a cell (1)"),
        (judged("fail", until="2025-12-31"), 1, "matrix.yaml:7: it ended on 2025-12-31 (known)"),
        (judged("infra"), 3, "1 cells could not be measured"),
    ],
)
def test_gate_judges_by_expectations(call, kept, results, code, said):
    kept(results, results)
    left, out, _ = call("gate")
    assert left == code
    assert said in out


def test_gate_expectation_outweighs_the_baseline(call, kept):
    kept(results_of(cell("pass")), judged("fail"))
    assert call("gate", "--baseline", "previous")[0] == 0


def test_gate_without_a_criterion_is_a_usage_error(call, kept):
    kept(results_of(cell("pass")), results_of(cell("pass")))
    code, _, err = call("gate")
    assert (code, "nothing to compare with" in err) == (2, True)


def test_gate_of_a_run_with_expectations_needs_no_baseline(command, tmp_path):
    path = command.project("good", "fails", scenarios=("alpha",), formats=("h5",))
    rule = "{loaded_with: fails, status: fail, reason: known}"
    path.write_text(f"{path.read_text()}\nexpectations:\n  - {rule}\n")
    code, table, out = command("--gate")
    assert code == 0, out
    assert {cell["loaded_with"]: cell["expected"] for cell in table["cells"]} == {
        "good": None, "fails": "met",
    }  # fmt: skip
    path.write_text(path.read_text().replace("status: fail", "status: crash"))
    code, _, out = command("--gate")
    assert code == 1
    assert "worse than expected" in out or "better than expected" in out
    assert "matrix.yaml:" in out
