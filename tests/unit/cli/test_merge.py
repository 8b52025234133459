"""A run in shards is the run: on fake environments, from `--shard` to the merged report."""

import json
import shutil
from pathlib import Path

import pytest

from kerasmatrix import cli

SCENARIOS = ("alpha", "beta", "gamma")
ENVIRONMENTS = ("good", "fails", "drifts", "picky-good", "cannot-save")


@pytest.fixture
def merge(capsys):
    def run(*arguments):
        with pytest.raises(SystemExit) as leaving:
            cli.main(["merge", *arguments])
        printed = capsys.readouterr()
        return leaving.value.code, printed.out + printed.err

    return run


@pytest.fixture
def project(command):
    return command.project(*ENVIRONMENTS, scenarios=SCENARIOS, formats=("h5",))


def told(table):
    """Return what results say, without when and how fast."""
    gone = {"seconds", "save", "load", "artifact"}
    cells = [{key: cell[key] for key in cell.keys() - gone} for cell in table["cells"]]
    return {"cells": cells, **{key: table[key] for key in ("causes", "remedies", "claims")}}


def shards(command, count, *arguments):
    for number in range(1, count + 1):
        part = f"{number}/{count}"
        command("--shard", part, "--store", f"s{number}", *arguments)
        shutil.move("reports", f"part{number}")
    return [f"part{number}/results.json" for number in range(1, count + 1)]


@pytest.mark.parametrize("count", [1, 2, 5])
def test_merged_shards_equal_the_run(project, command, merge, count):
    code, table, _ = command("--store", "whole")
    assert code == 0
    shutil.rmtree("reports")
    code, printed = merge(*shards(command, count))
    assert code == 0
    merged = json.loads(Path("reports/results.json").read_text())
    assert told(merged) == told(table)
    assert merged["run"]["complete"]
    assert merged["run"]["measured"] == table["run"]["measured"]
    assert Path("reports/index.html").exists()
    assert Path("reports/results.csv").exists()
    assert "Report: reports/index.html" in printed


def test_shards_have_no_task_in_common(project, command, engine):
    shards(command, 3)
    done = [(name, task.kind, task.scenario, task.format, task.artifact, task.remedies, task.into)
            for name, task in engine.tasks]  # fmt: skip
    assert {task[2] for task in done} == set(SCENARIOS)
    saves = [task for task in done if task[1] == "save"]
    assert len(saves) == len(set(saves)) == len(SCENARIOS) * len(ENVIRONMENTS)


def test_shard_leaves_out_known_cells_of_other_shards(project, command):
    command()
    shutil.rmtree("reports")
    _, table, printed = command("--shard", "1/3")
    mine = {cell["scenario"] for cell in table["cells"] if cell["status"] != "not-run"}
    assert len(mine) == 1
    assert {c["summary"] for c in table["cells"] if c["scenario"] not in mine} == {
        "in another shard"
    }
    assert "Report:" in printed


def test_merge_absent_environment_is_infra_in_its_shard_only(command, merge):
    command.project("good", "absent", scenarios=("alpha", "beta"))
    files = shards(command, 2)
    table = json.loads(Path(files[0]).read_text())
    other = [cell for cell in table["cells"] if cell["summary"] == "in another shard"]
    assert {cell["status"] for cell in other} == {"not-run"}
    assert len(other) == 4
    code, printed = merge(*files)
    assert code == 3
    assert "6 infra" in printed


def test_dry_run_of_a_shard_lists_its_own_jobs(project, command):
    _, _, everything = command("--dry-run")
    _, _, part = command("--dry-run", "--shard", "2/3")
    assert "15 saves" in everything
    assert "5 saves" in part


def test_shards_are_balanced_by_the_last_run(project, command):
    command()
    name = next(Path(".kerasmatrix/runs").glob("*.json.gz"))
    import gzip

    table = json.loads(gzip.decompress(name.read_bytes()))
    for cell in table["cells"]:
        if cell["load"] and cell["scenario"] == "beta":
            cell["load"]["seconds"] = 100.0
    name.write_bytes(gzip.compress(json.dumps(table).encode()))
    _, _, first = command("--dry-run", "--shard", "1/2", "--fresh")
    assert "alpha" not in first
    assert "beta" in first
    assert "5 saves" in first


@pytest.mark.parametrize("text", ["0/2", "3/2", "2", "a/b", "1/", "-1/2", "1/2/3", ""])
def test_invalid_shard_is_a_usage_error(project, command, engine, text):
    code, table, printed = command("--shard", text)
    assert code == 2
    assert "1/3, the first of three" in printed
    assert table is None
    assert engine.tasks == []


def test_merge_absorb_adds_what_shards_know(project, command, merge, engine):
    files = shards(command, 2)
    assert merge(*files, "--absorb", "s1", "--absorb", "s2")[0] == 0
    done = len(engine.tasks)
    _, table, _ = command()
    assert len(engine.tasks) == done
    assert table["run"]["measured"] == 0


def test_merged_run_is_archived_under_its_id(project, command, merge):
    merge(*shards(command, 2))
    merged = json.loads(Path("reports/results.json").read_text())
    assert [path.name for path in Path(".kerasmatrix/runs").iterdir()] == [
        f"{merged['run']['id']}.json.gz"
    ]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "Missing argument"),
        (["nowhere.json"], "nowhere.json: cannot be read"),
        (["cut.json"], "cut.json: not whole JSON"),
        (["old.json"], "old.json: has schema version 0"),
        (["part1/results.json", "--absorb", "empty"], "empty: is not a store"),
        (["part1/results.json", "--matrix", "gone/matrix.yaml"], "matrix.yaml: no such file"),
    ],
)
def test_merge_of_unequal_results_is_an_error(command, merge, arguments, message):
    command.project("good")
    shards(command, 1)
    Path("cut.json").write_text('{"schema_version": 1,')
    Path("old.json").write_text('{"schema_version": 0}')
    Path("empty").mkdir()
    code, printed = merge(*arguments)
    assert code == 2
    assert message in printed
    assert "Traceback" not in printed
    assert not Path("reports").exists() or not list(Path("reports").iterdir())


def test_merge_absorb_of_a_busy_store_is_refused(command, merge):
    from kerasmatrix.store.store import Store

    command.project("good")
    files = shards(command, 1)
    with Store(Path("s1")):
        code, printed = merge(*files, "--absorb", "s1")
    assert code == 3
    assert "s1: cannot be absorbed: another run" in printed
