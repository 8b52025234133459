"""Cells that fail the gate are measured again; flaky ones are marked."""

import json
from pathlib import Path
from xml.etree import ElementTree as Xml

import pytest

from kerasmatrix.report.frame import cell_frame
from kerasmatrix.report.junit import to_junit
from kerasmatrix.report.markdown import to_markdown
from kerasmatrix.results.results_json import read_results


@pytest.fixture
def measured(command):
    """A project of two environments that were well, with a run to compare with."""
    command.project("good", "good-too", scenarios=("alpha",), formats=("h5",))
    assert command()[0] == 0
    return command


def upset_after(engine, count, kind="load", name="good-too"):
    """Let the next tasks of that kind in an environment fail."""
    engine.upset[f"{name} {kind}"] = count


def tasks(engine, name="good-too", kind="load"):
    return [task for at, task in engine.tasks if (at, task.kind) == (name, kind)]


def retries(table):
    return {
        (cell["saved_with"], cell["loaded_with"]): [again["status"] for again in cell["retries"]]
        for cell in table["cells"]
        if cell["retries"]
    }


def test_cell_failing_once_is_flaky_and_undecided(measured, engine):
    upset_after(engine, 1)
    code, table, out = measured("--gate", "--fresh")
    assert code == 3, out
    ((pair, did),) = retries(table).items()
    assert (pair[1], did) == ("good-too", ["pass"])
    (cell,) = [cell for cell in table["cells"] if cell["flaky"]]
    assert cell["status"] == "fail"
    assert "flaky (1)" in out
    assert "pass → fail" in out
    assert "; again: pass" in out
    assert "1 cell is flaky" in out
    assert "1 flaky result" in out


def test_accept_flaky_passes_and_lists_the_cell(measured, engine):
    upset_after(engine, 1)
    code, _, out = measured("--gate", "--fresh", "--accept-flaky")
    assert code == 0
    assert "flaky (1)" in out
    assert "The gate passes, 1 flaky cells accepted." in out


def test_cell_failing_each_time_is_broken(measured, engine):
    upset_after(engine, 99)
    code, table, out = measured("--gate", "--fresh", "--remedies", "none")
    assert code == 1
    assert set(map(tuple, retries(table).values())) == {("fail", "fail")}
    assert not any(cell["flaky"] for cell in table["cells"])
    assert "worse than the baseline (2)" in out
    assert "again: fail (unknown-layer-functional); fail" in out or "again: fail" in out


def test_retries_option_limits_retries(measured, engine):
    upset_after(engine, 99)
    before = len(tasks(engine))
    code, table, _ = measured("--gate", "--fresh", "--retries", "3", "--remedies", "none")
    assert code == 1
    assert {len(did) for did in retries(table).values()} == {3}
    assert len(tasks(engine)) - before == 2 + 2 * 3
    upset_after(engine, 99)
    code, table, _ = measured("--gate", "--baseline", "last", "--fresh", "--retries", "0")
    assert retries(table) == {}


def test_known_retries_are_not_measured_again(measured, engine):
    upset_after(engine, 1)
    first = Path("reports/results.json").read_text()
    Path("baseline.json").write_text(first)
    assert measured("--gate", "--fresh")[0] == 3
    before = len(engine.tasks)
    code, table, out = measured("--gate", "--baseline", "baseline.json")
    assert (code, len(engine.tasks)) == (3, before)
    assert "1 cell is flaky" in out
    assert retries(table) != {}
    # A plain run still says so; a fresh one begins anew.
    assert retries(measured()[1]) != {}
    assert retries(measured("--fresh")[1]) == {}


def test_save_failing_once_makes_its_row_flaky(measured, engine):
    upset_after(engine, 1, "save")
    code, table, out = measured("--gate", "--fresh")
    assert code == 3, out
    flaky = [cell for cell in table["cells"] if cell["flaky"]]
    assert {cell["saved_with"] for cell in flaky} == {"good-too"}
    assert {cell["status"] for cell in flaky} == {"save-failed"}
    assert [again["summary"] for again in flaky[0]["retries"]] == ["the save worked this time"]
    assert len(tasks(engine, kind="save")) == 3  # once for each run, and once again for the row
    assert "the save worked this time" in out


def test_cell_better_than_expected_is_retried(command, engine):
    path = command.project("good", "good-too", scenarios=("alpha",), formats=("h5",))
    rule = "{loaded_with: good-too, status: fail, reason: known}"
    path.write_text(f"{path.read_text()}\nexpectations:\n  - {rule}\n")
    calls = iter([False, False, True, True])
    engine.is_upset = lambda name, kind: (
        next(calls) if (name, kind) == ("good-too", "load") else False
    )
    code, table, out = command("--gate")
    assert code == 3, out
    assert set(map(tuple, retries(table).values())) == {("fail",)}
    assert "expected to be fail, is pass; again: fail" in out


def test_retry_in_a_missing_environment_leaves_cell_broken(measured, engine):
    upset_after(engine, 99)
    prepare = engine.prepare

    def once(environment, lock):
        if engine.upset["good-too load"] < 98:
            raise_gone()
        prepare(environment, lock)

    def raise_gone():
        from kerasmatrix.errors import InfrastructureError

        raise InfrastructureError("gone")

    engine.prepare = once
    code, table, _ = measured("--gate", "--fresh", "--remedies", "none")
    assert code == 1
    assert retries(table) == {}


def test_gate_retries_a_stored_run(measured, engine):
    upset_after(engine, 2)
    assert measured("--fresh", "--remedies", "none")[0] == 0
    code, _, out = measured("--baseline", "previous", verb="gate")
    assert (code, "worse than the baseline (2)" in out) == (1, True)
    code, _, out = measured("--baseline", "previous", "--retries", "2", verb="gate")
    assert code == 3, out
    assert "flaky (2)" in out
    run = out.partition("kerasmatrix report ")[2].split()[0]
    code, _, out = measured(run, "--format", "json", "--output", "again.json", verb="report")
    assert code == 0, out
    assert len(retries(json.loads(Path("again.json").read_text()))) == 2


def test_gate_retries_of_an_unknown_run_are_refused(measured, engine):
    Path("reports/results.json").rename("baseline.json")
    upset_after(engine, 2)
    measured("--fresh", "--remedies", "none")
    Path("reports/results.json").rename("head.json")
    Path(".kerasmatrix").rename("elsewhere")
    gate = ("head.json", "--baseline", "baseline.json", "--retries", "1")
    code, _, out = measured(*gate, verb="gate")
    assert code == 2
    assert "does not know alpha / h5 / good / good-too, which is to be measured again" in out
    assert "--store" in out
    assert measured(*gate, "--store", "elsewhere", verb="gate")[0] == 3


def test_gate_retries_after_a_changed_lock_are_refused(measured, engine):
    upset_after(engine, 2)
    measured("--fresh", "--remedies", "none")
    lock = Path("images/locks/good-too.txt")
    lock.write_text(lock.read_text().replace("sha256:00", "sha256:11"))
    code, _, out = measured("--baseline", "previous", "--retries", "1", verb="gate")
    assert code == 2
    assert "good-too has another lock than" in out
    assert "kerasmatrix run" in out


def test_fix_working_once_of_twice_is_flaky(command, engine):
    command.project("good", "fails-rewrite-config", scenarios=("alpha",), formats=("h5",))
    command()
    engine.upset["fails-rewrite-config remedy"] = 99
    seen = set()

    def calm_down(task):
        """Make the second attempt of a fix work."""
        if task.remedies and (task.artifact, task.remedies) in seen:
            engine.upset.clear()
        seen.add((task.artifact, task.remedies))

    engine.before_task = calm_down
    code, table, out = command("--gate", "--fresh")
    assert code == 3, out
    assert "lost its remedy: alpha · h5 · good → fails-rewrite-config: fail → fail" in out
    assert "fixed by rewrite-config" in out
    flaky = [cell for cell in table["cells"] if cell["flaky"]]
    assert [cell["retries"][0]["remedy"] for cell in flaky] == ["rewrite-config"] * len(flaky)
    assert flaky


def test_flaky_cell_is_in_every_output(measured, engine):
    upset_after(engine, 1)
    measured("--gate", "--fresh")
    results = read_results(Path("reports/results.json").read_text(), "results.json")
    root = Xml.fromstring(to_junit(results))
    (failure,) = root.findall(".//failure")
    assert failure.get("type") == "flaky"
    assert failure.get("message") == "flaky: fail, and when it was measured again: pass"
    assert root.get("failures") == "1"
    assert "**1 flaky:** the result changed" in to_markdown(results)
    assert cell_frame(results)["flaky"].sum() == 1
    page = Path("reports/index.html").read_text()
    assert "flaky" in page
