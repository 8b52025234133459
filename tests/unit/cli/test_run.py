"""The whole command line on fake environments."""

import dataclasses
import gzip
import os
import sys
from collections import Counter
from pathlib import Path

import pytest

from kerasmatrix import cli
from kerasmatrix.engines.base import EngineDisconnected, WorkerDied
from kerasmatrix.errors import InfrastructureError
from kerasmatrix.results.formats import FORMATS
from kerasmatrix.store.store import Store
from tests.unit.fakes import make_project


def statuses(table):
    return Counter(cell["status"] for cell in table["cells"])


def cell(table, saved, loaded):
    return next(c for c in table["cells"] if (c["saved_with"], c["loaded_with"]) == (saved, loaded))


def test_run_gives_every_cell_its_status(command):
    command.project("good", "drifts", "fails", "crashes", "hangs", "answers-garbage",
                    "kills-workers", "cannot-save")  # fmt: skip
    code, table, _ = command()
    assert code == 0
    row = {c["loaded_with"]: c["status"] for c in table["cells"] if c["saved_with"] == "good"}
    assert row == {
        "good": "pass",
        "drifts": "drift",
        "fails": "fail",
        "crashes": "crash",
        "hangs": "timeout",
        "answers-garbage": "crash",
        "kills-workers": "crash",
        "cannot-save": "pass",
    }
    assert {c["status"] for c in table["cells"] if c["saved_with"] == "cannot-save"} == {
        "save-failed"
    }
    assert sum(statuses(table).values()) == 64


def test_failing_cell_has_its_exception_chain(command):
    command.project("good", "fails")
    _, table, _ = command()
    error = cell(table, "good", "fails")["error"]
    assert error["type"] == "ValueError"
    assert error["chain"][0]["message"] == "Unknown layer: Functional"


def test_cells_have_causes_which_are_counted(command):
    command.project("good", "fails", "drifts", "crashes")
    _, table, _ = command()
    assert cell(table, "good", "fails")["cause"] == "unknown-functional"
    assert cell(table, "good", "drifts")["cause"] == "silent-drift"
    assert cell(table, "good", "crashes")["cause"] == "unclassified"
    assert cell(table, "good", "good")["cause"] is None
    counted = {cause["slug"]: cause["cells"] for cause in table["causes"]}
    assert counted == {"unknown-functional": 4, "silent-drift": 4}


def test_unavailable_environment_is_infra_in_its_cells_only(command):
    command.project("good", "absent")
    code, table, printed = command()
    assert code == 3
    assert cell(table, "good", "good")["status"] == "pass"
    assert statuses(table) == {"pass": 1, "infra": 3}
    assert "no CPython 3.8" in cell(table, "absent", "good")["summary"]
    assert "absent: absent: no CPython 3.8" in printed


def test_full_disk_is_infra_and_is_measured_again(command, engine):
    command.project("good", "disk-full")
    code, table, _ = command()
    assert code == 3
    assert cell(table, "good", "disk-full")["status"] == "infra"
    assert cell(table, "good", "good")["status"] == "pass"
    done = len(engine.tasks)
    command()
    assert len(engine.tasks) == done + 2


def test_worker_dying_once_costs_one_retry(command, engine):
    command.project("dies-once")
    code, table, printed = command()
    assert code == 0
    assert statuses(table) == {"pass": 1}
    assert len(engine.workers) == 2
    assert "killed by signal 9" in printed

    assert table["run"]["retries"] == 1
    (only,) = table["cells"]
    assert only["flaky"] is False
    assert only["load"]["retried"] == ["killed by signal 9"]


def test_crash_not_repeated_is_flaky_and_shown(command):
    command.project("crashes-once")
    code, table, printed = command()
    assert code == 0
    (only,) = table["cells"]
    assert (only["status"], only["flaky"]) == ("pass", True)
    assert [again["status"] for again in only["retries"]] == ["crash"]
    assert only["load"]["retried"] == ["killed by signal 11"]
    assert "1 flaky result" in printed
    page = Path("reports/index.html").read_text()
    assert "cell is flaky" in page
    assert "1 inconclusive attempt repeated" in page
    _, later, _ = command()
    assert later["cells"] == table["cells"]
    assert later["run"]["retries"] == 0


def test_crash_repeated_is_not_flaky(command, engine):
    command.project("good", "crashes")
    found = cell(command()[1], "good", "crashes")
    assert (found["status"], found["flaky"]) == ("crash", False)
    assert found["load"]["retried"] == ["killed by signal 11"]
    tries = [task.id for name, task in engine.tasks if name == "crashes" and task.kind == "load"]
    assert len(tries) == len(set(tries))


def test_load_of_a_damaged_artifact_is_infra(command):
    command.project("good", "damages-artifacts")
    code, table, printed = command()
    assert code == 3
    assert "the artifact was damaged or removed" in printed
    assert "fail" not in statuses(table)
    code, table, _ = command()
    assert code == 0
    assert statuses(table) == {"pass": 4}


def test_worker_killed_for_memory_has_that_cause(command):
    command.project("good", "eats-memory")
    found = cell(command()[1], "good", "eats-memory")
    assert (found["status"], found["cause"]) == ("crash", "killed-for-memory")


def test_machines_lost_under_a_task_are_infra(command, engine):
    command.project("good", "loses-machines")
    code, table, _ = command()
    found = cell(table, "good", "loses-machines")
    assert code == 3
    assert found["status"] == "infra"
    assert "three machines in a row were lost" in found["summary"]
    assert cell(table, "good", "good")["status"] == "pass"
    asked = [task for name, task in engine.tasks if name == "loses-machines" and task.artifact]
    assert len({(task.artifact, task.kind) for task in asked}) == len(asked)


def test_engine_lost_ends_the_run_and_keeps_results(command, engine):
    command.project("good", "zebra")
    opening = engine.open

    def open_or_not(environment, *more):
        if environment.name == "zebra":
            raise EngineDisconnected("no scheduler answers")
        return opening(environment, *more)

    engine.open = open_or_not
    code, table, printed = command("--jobs", "1")
    assert code == 3
    assert "no scheduler answers" in printed
    assert statuses(table) == {"not-run": 4}
    engine.open = opening
    assert statuses(command()[1]) == {"pass": 4}
    assert len([task for name, task in engine.tasks if (name, task.kind) == ("good", "save")]) == 1


def test_environment_opens_one_worker(command, engine):
    command.project("good", "good2", "good3", scenarios=("first", "second"))
    command()
    assert len(engine.workers) == 3
    assert len(engine.tasks) == 6 + 18


def test_all_workers_and_the_engine_are_closed(command, engine):
    command.project("good", "fails")
    command()
    assert all(worker.closed for worker in engine.workers)
    assert engine.closed


def test_second_run_unchanged_starts_no_worker(command, engine):
    command.project("good", "fails")
    _, before, _ = command()
    opened = len(engine.workers)
    code, after, _ = command()
    assert code == 0
    assert len(engine.workers) == opened
    assert after["cells"] == before["cells"]
    assert after["run"]["measured"] == 0
    assert after["run"]["known"] == before["run"]["measured"] > 6


def test_fresh_measures_again(command, engine):
    command.project("good")
    command()
    command("--fresh")
    assert len(engine.tasks) == 4


def test_changed_scenario_is_measured_again(command, engine):
    command.project("good", scenarios=("first", "second"))
    command()
    Path("scenarios/second/load.py").write_text("def load(path): return 1\n")
    engine.tasks.clear()
    command()
    assert {task.scenario for _, task in engine.tasks} == {"second"}
    assert len(engine.tasks) == 2


def test_damaged_artifact_is_saved_again(command, engine):
    command.project("good")
    command()
    (artifact,) = Path(".kerasmatrix/artifacts").iterdir()
    (artifact / "model.h5").write_text("damaged")
    engine.tasks.clear()
    code, table, _ = command()
    assert code == 0
    assert statuses(table) == {"pass": 1}
    # The new artifact is equal to the lost one, so what was loaded from it is still known.
    assert [task.kind for _, task in engine.tasks] == ["save"]


def test_interrupted_run_reports_and_resumes(command, engine):
    command.project("good", "good2")

    def interrupt(task):
        if task.kind == "load" and sum(t.kind == "load" for _, t in engine.tasks) == 2:
            raise KeyboardInterrupt

    engine.before_task = interrupt
    code, table, printed = command("--jobs", "1")
    assert code == 130
    assert "incomplete" in printed
    assert table["run"]["complete"] is False
    assert statuses(table) == {"pass": 1, "not-run": 3}
    assert all(worker.closed for worker in engine.workers)
    engine.before_task = None
    engine.tasks.clear()
    code, table, _ = command()
    assert code == 0
    assert statuses(table) == {"pass": 4}
    assert len(engine.tasks) == 3


def test_engine_dying_midway_is_infra_and_resumes(command, engine):
    command.project("good", "good2")

    def die(task):
        if task.kind == "load":
            engine.open = refuse
            raise WorkerDied("connection refused")

    def refuse(*_):
        raise InfrastructureError("the Docker Engine does not answer")

    engine.before_task = die
    code, table, printed = command("--jobs", "1")
    assert code == 3
    assert statuses(table) == {"infra": 4}
    assert "does not answer" in printed
    del engine.open
    engine.before_task = None
    engine.tasks.clear()
    code, table, _ = command()
    assert code == 0
    assert statuses(table) == {"pass": 4}
    assert {task.kind for _, task in engine.tasks} == {"load"}


def test_full_store_ends_the_run_with_a_report(command, monkeypatch):
    command.project("good")

    def fail(*_):
        raise InfrastructureError("the store cannot be written: disk full", hint="make space")

    monkeypatch.setattr(Store, "keep_artifact", fail)
    code, table, printed = command()
    assert code == 3
    assert table["run"]["complete"] is False
    assert statuses(table) == {"not-run": 1}
    assert "make space" in printed


def test_scratch_is_empty_after_a_run(command):
    command.project("good")
    command()
    assert not Path(".kerasmatrix/scratch").exists()


def test_options_select_cells(command):
    command.project("good", "good2", scenarios=("first", "second"), formats=("h5", "weights"))
    _, table, _ = command(
        "--environments", "good2", "--scenarios", "second", "--formats", "weights"
    )
    (only,) = table["cells"]
    assert (only["scenario"], only["format"], only["saved_with"]) == ("second", "weights", "good2")


def test_columns_loads_with_one_environment_only(command, engine):
    command.project("good", "good2", "good3")
    code, table, _ = command("--columns", "good2")
    assert code == 0
    assert statuses(table) == {"pass": 3, "not-run": 6}
    assert {name for name, task in engine.tasks if task.kind == "load"} == {"good2"}


def test_unsupported_format_is_not_tried(command, engine, monkeypatch):
    newer = dataclasses.replace(FORMATS["keras"], since=(2, 12))
    monkeypatch.setitem(FORMATS, "keras", newer)
    command.project("good", formats=("h5", "keras"))
    _, table, _ = command()
    assert statuses(table) == {"pass": 1, "unsupported": 1}
    assert {task.format for _, task in engine.tasks} == {"h5"}


def test_dry_run_lists_the_plan_and_runs_nothing(command, engine):
    command.project("good", "good2")
    code, table, printed = command("--dry-run")
    assert code == 0
    assert table is None
    assert engine.tasks == []
    assert "2 saves and 4 loads to do, 0 known" in printed
    assert printed.index("save first") < printed.index("load good's")
    command()
    assert "0 saves and 0 loads to do, 6 known" in command("--dry-run")[2]


def test_terminal_table_counts_passing_cells(command):
    command.project("good", "fails")
    printed = command()[2]
    assert "4 cells: 2 pass, 2 fail" in printed
    assert "Report: reports/index.html" in printed


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--group", "al"], "unknown group 'al'"),
        (["--environments", "goof"], "did you mean 'good'?"),
        (["--scenarios", "frist"], "did you mean 'first'?"),
        (["--formats", "h"], "unknown format 'h'"),
        (["--columns", "goof"], "unknown environment 'goof'"),
        (["--jobs", "0"], "--jobs"),
        (["--matrix", "no.yaml"], "no.yaml: no such file"),
    ],
)
def test_usage_error_has_exit_code_2_and_a_hint(command, engine, arguments, message):
    command.project("good")
    code, table, printed = command(*arguments)
    assert code == 2
    assert message in printed
    assert "Traceback" not in printed
    assert table is None
    assert engine.tasks == []


def test_missing_lock_names_the_command(command):
    command.project("good")
    Path("images/locks/good.txt").unlink()
    code, _, printed = command()
    assert code == 2
    assert "nox -s lock -- good" in printed


def test_lock_for_another_version_is_an_error(command):
    command.project("good")
    Path("images/locks/good.txt").write_text("tensorflow-cpu==2.9.9 --hash=sha256:00\n")
    code, _, printed = command()
    assert code == 2
    assert "asks for tensorflow-cpu==2.1.0, the lock has 2.9.9" in printed


def test_unwritable_output_is_an_error_before_the_run(command, engine):
    command.project("good")
    Path("reports").write_text("a file, where a folder is wanted")
    code, _, printed = command()
    assert code == 2
    assert "reports" in printed
    assert "Traceback" not in printed
    assert engine.tasks == []


def test_claims_have_their_measured_result(command):
    command.project("good", "fails")
    Path("scenarios/first/scenario.yaml").write_text(
        "title: t\nshows: s\nclaims: [{says: it fails, status: [fail], error: 'layer: Func'}]\n"
    )
    (claim,) = command()[1]["claims"]
    assert claim["verdict"] == "holds in part"
    assert (claim["confirmed"], claim["cells"]) == (2, 4)
    assert claim["statuses"] == {"pass": 2, "fail": 2}


def test_scenario_edited_during_a_run_is_not_measured(command, engine):
    command.project("good")
    seen = []

    def look(task):
        source = Path("scenarios/first/load.py")
        source.write_text("changed = True\n")
        place = engine.workers[-1].place
        seen.append((place.scenarios / "first" / "load.py").read_text())

    engine.before_task = look
    command()
    assert seen == ["def load(path): ...\n"] * 2


@pytest.mark.parametrize(
    ("name", "code", "status"),
    [
        ("__pycache__/save.cpython-38.pyc", 0, "fail"),  # Python leaves it beside what is imported
        ("load.py", 3, "infra"),
    ],
)
def test_failure_with_damaged_scenario_code_is_infra(command, engine, name, code, status):
    command.project("fails")

    def write(task):
        path = engine.workers[-1].place.scenarios / task.scenario / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(b"something else")

    engine.before_task = write
    ended, table, _ = command("--remedies", "none")
    assert (ended, statuses(table)) == (code, {status: 1})


@pytest.mark.parametrize(("room", "opened"), [(13, 28), (14, 14)])
def test_open_workers_do_not_exceed_the_room(command, engine, room, opened):
    engine.idle_workers = room
    names = [f"good{number:02}" for number in range(14)]
    command.project(*names)
    code, table, _ = command()
    assert code == 0
    assert statuses(table) == {"pass": 196}
    assert len(engine.workers) == opened


def test_run_does_not_wait_for_a_terminal(command):
    command.project("good")
    assert os.linesep not in command()[2].split("Report:")[1].strip()


def test_run_masks_secrets_of_its_command(command, tmp_path, monkeypatch):
    command.project("good")
    monkeypatch.setattr(sys, "argv", ["kerasmatrix", "run", "--artifacts", "s3://KEY:hush@b/f"])
    code, results, _ = command()
    assert code == 0
    assert results["run"]["command"] == "kerasmatrix run --artifacts 's3://***@b/f'"
    files = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert {".json", ".html", ".sqlite", ".gz"} <= {path.suffix for path in files}
    for path in files:
        held = path.read_bytes()
        assert b"hush" not in (gzip.decompress(held) if path.suffix == ".gz" else held), path


def test_run_reports_without_paths_of_the_machine(command, engine, tmp_path, monkeypatch):
    def prepare(environment, lock):
        raise InfrastructureError(f"{tmp_path}/.kerasmatrix/x: no space for {tmp_path.parent}/a")

    monkeypatch.setenv("HOME", str(tmp_path.parent))
    monkeypatch.setattr(engine, "prepare", prepare)
    command.project("good")
    code, results, _ = command()
    assert code == 3
    assert results["environments"][0]["trouble"] == ".../.kerasmatrix/x: no space for ~/a"
    for name in ("index.html", "results.json", "results.csv"):
        assert str(tmp_path.parent) not in (tmp_path / "reports" / name).read_text()


@pytest.mark.parametrize(
    "arguments",
    [
        ["--artifact", "s3://KEY:hush@bucket/f"],
        ["s3://KEY:hush@bucket/f"],
        ["--engine=s3://KEY:hush@bucket/f"],
        ["--engine", "dask", "--scheduler", "tcp://u:hush@127.0.0.1:1", "--artifacts", "nohow://x"],
    ],
)
def test_run_usage_error_masks_secrets(tmp_path, monkeypatch, capsys, arguments):
    monkeypatch.chdir(tmp_path)
    make_project(tmp_path, "good")
    with pytest.raises(SystemExit) as leaving:
        cli.main(["run", *arguments])
    printed = capsys.readouterr()
    assert leaving.value.code in {2, 3}
    assert "hush" not in printed.out + printed.err
