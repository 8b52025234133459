"""A check as a gate: exit codes, a baseline, losses that do not matter, annotations."""

import json
import shutil
from pathlib import Path

import pytest

from kerasmatrix.report.markdown import to_markdown
from kerasmatrix.results.results_json import read_results
from tests.unit import fakes
from tests.unit.cli.test_check_fix import check  # noqa: F401 - a fixture
from tests.unit.fakes import make_project

REWRITE = "fails-unless-rewrite-config"
RESULTS = Path("reports/check/results.json")
UPGRADE = ("models", "--from", "good", "--to", "good2")


def results():
    return read_results(RESULTS.read_text(), str(RESULTS))


def lose(losses, environment):
    """Let the cells of an environment lose something, in a results.json."""
    told = json.loads(RESULTS.read_text())
    for cell in told["cells"]:
        if cell["loaded_with"] == environment:
            cell |= {"status": "degraded", "lost": losses}
    RESULTS.write_text(json.dumps(told))


def test_check_gate_passes_where_nothing_is_worse(check):  # noqa: F811
    check.project("good", "good2")
    code, out, _ = check(*UPGRADE, "--gate")
    assert (code, "The gate passes." in out) == (0, True)


def test_check_gate_broken_file_is_code_1(check):  # noqa: F811
    check.project("good", REWRITE)
    code, out, _ = check("models", "--from", "good", "--to", REWRITE, "--gate")
    assert code == 1
    assert f"The gate fails: 2 of 2 files are worse in {REWRITE}." in out
    assert check("models", "--from", "good", "--to", REWRITE)[0] == 0


def test_check_gate_unavailable_version_is_code_3(check):  # noqa: F811
    check.project("good", "absent")
    code, out, _ = check("models", "--from", "good", "--to", "absent", "--gate")
    assert (code, "cannot decide: 2 of 2 files" in out) == (3, True)


def test_check_gate_baseline_finds_what_got_worse(check):  # noqa: F811
    check.project("good", "good2")
    check(*UPGRADE)
    shutil.copy(RESULTS, "old.json")
    code, out, _ = check(*UPGRADE, "--gate", "--baseline", "old.json")
    assert (code, "cells with old.json: nothing changed" in out) == (0, True)
    for folder in ("images", "scenarios"):
        shutil.rmtree(folder)
    make_project(Path(), "good", "fails")
    Path("old.json").write_text(Path("old.json").read_text().replace('"good2"', '"fails"'))
    code, out, _ = check("models", "--from", "good", "--to", "fails", "--gate",
                         "--baseline", "old.json", "--fresh")  # fmt: skip
    assert (code, "newly broken" in out) == (1, True)


def test_check_gate_gone_cells_of_the_baseline_fail(check):  # noqa: F811
    check.project("good", "good2")
    check(*UPGRADE)
    shutil.copy(RESULTS, "old.json")
    shutil.rmtree("models/sub")
    code, out, _ = check(*UPGRADE, "--gate", "--baseline", "old.json")
    assert code == 1
    assert "gone since the baseline (1)" in out
    assert "2 measured cells are not in this run" in out


def test_check_gate_other_reference_is_the_same_cell(check):  # noqa: F811
    check.project("good", "good2", "good3")
    check(*UPGRADE)
    shutil.copy(RESULTS, "old.json")
    code, out, _ = check(*UPGRADE, "--reference", "good3", "--gate", "--baseline", "old.json")
    assert (code, "The gate passes." in out) == (0, True)


def test_check_gate_options_need_a_gate(check):  # noqa: F811
    check.project("good", "good2")
    for more in (("--baseline", "old.json"), ("--accept", "training")):
        code, _, err = check(*UPGRADE, *more)
        assert (code, "has no effect without --gate" in err) == (2, True)
    code, _, err = check(*UPGRADE, "--gate", "--accept", "optimiser-state")
    assert (code, "did you mean 'optimizer-state'?" in err) == (2, True)
    code, _, err = check(*UPGRADE, "--gate", "--baseline", "old.json")
    assert (code, "old.json: cannot be read" in err) == (2, True)


@pytest.mark.parametrize(
    ("accept", "code"), [((), 1), (("--accept", "training"), 1), (("--accept", "saving"), 0)]
)
def test_check_gate_accepted_losses_pass(check, monkeypatch, accept, code):  # noqa: F811
    refused = {**fakes.LOAD_FACTS, "resave_error": fakes.ERROR}
    check.project("good", "good2")
    real = fakes.FakeWorker.run

    def run(worker, tasks):
        for task, answer in zip(tasks, real(worker, tasks), strict=True):
            is_load = worker.name == "good2" and task.kind == "load"
            yield {**answer, "value": refused} if is_load else answer

    monkeypatch.setattr(fakes.FakeWorker, "run", run)
    assert check(*UPGRADE, "--gate", *accept)[0] == code


def test_check_in_github_actions_annotates_files(check, monkeypatch):  # noqa: F811
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    check.project("good", REWRITE)
    Path("models/a.h5").rename("models/100%, a.h5")
    upgrade = ("models", "--from", "good", "--to", REWRITE)
    out = check(*upgrade, "--gate")[1]
    assert f"::error file=models/100%25%2C a.h5,title=kerasmatrix::{REWRITE}: " in out
    assert "::warning file=models/sub/b.h5" in check(*upgrade)[1]
    shutil.copy(RESULTS, "old.json")
    known = check(*upgrade, "--gate", "--baseline", "old.json")[1]
    assert "::warning file=models/sub/b.h5" in known
    assert "::error" not in known


def test_can_upgrade_accepted_losses_are_none(check):  # noqa: F811
    check.project("good", "good2")
    check(*UPGRADE)
    lose(["the optimizer state"], "good2")
    ask = ("--run", RESULTS, "--from", "good", "--to", "good2")
    assert check(*ask, verb="can-upgrade")[0] == 1
    assert check(*ask, "--accept", "training", verb="can-upgrade")[0] == 1
    assert check(*ask, "--accept", "optimizer-state", verb="can-upgrade")[0] == 0


def test_can_upgrade_fix_that_loses_is_accepted_like_a_cell(check):  # noqa: F811
    check.project("good", REWRITE)
    check("models", "--from", "good", "--to", REWRITE)
    told = json.loads(RESULTS.read_text())
    for cell in told["cells"]:
        for remedy in cell["remedies"]:
            remedy["lost"] = ["the optimizer state"]
    RESULTS.write_text(json.dumps(told))
    ask = ("--run", RESULTS, "--from", "good", "--to", REWRITE, "--accept-remedies")
    code, out, _ = check(*ask, verb="can-upgrade")
    assert code == 1
    assert "fix: rewrite-config (loses the optimizer state)" in out
    assert check(*ask, "--accept", "optimizer-state", verb="can-upgrade")[0] == 0


def test_check_summary_leads_with_the_verdict_and_files(check):  # noqa: F811
    check.project("good", REWRITE)
    check("models", "--from", "good", "--to", REWRITE)
    text = to_markdown(results())
    first, *_ = text.splitlines()
    assert first.replace("\\", "") == f"## 2 of 2 files break in {REWRITE}; all 2 can be fixed."
    assert "| models/a\\.h5 | ✓ pass | ✕ fail | " in text
    assert "rewrite\\-config" in text
