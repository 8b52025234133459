"""An exception of ours in any step after measuring spoils the cells it is about, and no others."""

import importlib
import json
import shutil
from pathlib import Path

import pytest

from kerasmatrix.errors import InfrastructureError
from kerasmatrix.execution.fix_attempts import Attempt
from kerasmatrix.results.boundary import Boundary, describe_fault, make_apart
from kerasmatrix.results.bounds import LONGEST_LINE
from kerasmatrix.results.cells import Cell, Save, Status
from kerasmatrix.results.observations import LoadFacts, Observation, SaveFacts
from kerasmatrix.results.results_json import read_results
from kerasmatrix.results.schema import CellResult, Results
from tests.unit.behaviours import FAILS, TWIN, only_from
from tests.unit.fakes import FakeWorker
from tests.unit.report.factory import make_results

BEHAVIOURS = {
    "good-twin-a": TWIN,
    "good-twin-b": TWIN,
    "fails-no-compile": FAILS.but(fixed_by="no-compile"),
    "picky-good-twin-a": only_from("good-twin-a").but(equal_files=True),
}

# Side by side, environments finish in another order each time.
ONE_JOB = ("--jobs", "1")
BAD = "wicked"  # which no digest has in it
ENVIRONMENTS = ("good-twin-a", "good-twin-b", "fails-no-compile", "picky-good-twin-a")
# All that is computed of one file's observations, as module and function.
# Whether they were just made or are known.
ALWAYS = (
    "execution.work_queue:infer_fixes",
    "execution.work_queue:needs_fix",
    "execution.work_queue:next_fix",
    "execution.next_fix:_next_in_catalogue",
    "execution.next_fix:find_chains",
    "execution.dedup:class_of",
    "execution.dedup:is_deterministic",
    "execution.run_state:RunState.verdict",
    "execution.run_state:RunState.cause",
    "execution.run_state:RunState.fix_results",
    "execution.run_state:RunState.side",
    "execution.evaluate:judge_save",
    "execution.evaluate:judge_cell",
    "execution.run_state:judge_attempt",
    "execution.evaluate:_diagnosed",
    "execution.run_state:_side",
    "execution.evaluate:_tried",
    "execution.evaluate:check_claims",
    "execution.evaluate:count_causes",
    "execution.evaluate:remedies_of",
    "execution.plan:Plan.judge",
    "execution.plan:judge_load",
    "results.verdict:_drift",
    "results.verdict:_lost",
    "results.verdict:_ending",
    "execution.fix_attempts:Causes.of",
    "execution.fix_attempts:recognize_cause",
    "diagnosis.recognize_cause:_fits",
    "execution.predictions:_Files.read",
    "execution.predictions:_with_prediction",
    "execution.predictions:is_measured",
    "execution.predictions:score",
    "results.results_json:dump",
)
# In a run that measures.
MEASURED = (
    "execution.recorder:parse_answer",
    "execution.recorder:Store.keep_artifact",
    "execution.recorder:_equivalence",
    "execution.recorder:infrastructure_fault",
    "execution.recorder:confirm_result",
    "execution.recorder:is_external_kill",
    "store.store:ObservationDb.remember",
    "execution.steps:artifact_of",
    "execution.steps:known_load",
    "execution.work_queue:judge_save",
    "execution.work_queue:infer_load",
    "report.csv_parquet:row_of",
    "report.page_data:_cell_columns",
    "report.page_details:_Tables.cell",
    "report.page_details:_Tables._side",
    "report.html:blocks_of",
)
# In a run that measures nothing.
KNOWN = (
    "execution.dedup:class_of",
    "execution.dedup:infer_load",
    "execution.dedup:infer_fixes",
)


def mentions_bad(value):
    """Whether an argument is about the file that is to be spoilt."""
    if isinstance(value, Cell | Save | CellResult):
        spoilt = isinstance(value, CellResult) and value.status is Status.INFRA
        return value.scenario == BAD and not spoilt
    if isinstance(value, Results):
        return any(mentions_bad(cell) for cell in value.cells)
    if isinstance(value, Path):
        return any(BAD.encode() in path.read_bytes() for path in value.rglob("model.*"))
    if isinstance(value, Attempt):
        return mentions_bad(value.measured)
    if isinstance(value, Observation | SaveFacts | LoadFacts):
        return BAD in value.to_json()
    if isinstance(value, dict):
        return any(mentions_bad(each) for each in value.values()) or value.get("log") == BAD
    if isinstance(value, list | tuple):
        return any(mentions_bad(each) for each in value)
    return getattr(value, "log", None) == BAD


class Spoiler:
    """Lets a function raise an exception where it is about the file that is to be spoilt."""

    def __init__(self, monkeypatch):
        self._monkeypatch = monkeypatch
        self.hits = 0

    def spoil(self, step):
        module, _, path = step.partition(":")
        owner = importlib.import_module(f"kerasmatrix.{module}")
        *outer, name = path.split(".")
        for each in outer:
            owner = getattr(owner, each)
        real = getattr(owner, name)

        def raising(*arguments, **named):
            if any(mentions_bad(each) for each in (*arguments, *named.values())):
                self.hits += 1
                raise RecursionError("too deep")
            return real(*arguments, **named)

        self._monkeypatch.setattr(owner, name, raising)


@pytest.fixture
def marked(monkeypatch):
    """The fake engine's answers say which file they are about."""
    real = FakeWorker._do

    def do(self, task):
        answer = real(self, task)
        if task.scenario != BAD:
            return answer
        value = answer.get("value")
        told = {**value, "model": BAD} if value and "model" in value else value
        return {**answer, "log": BAD, **({"value": told} if value else {})}

    monkeypatch.setattr(FakeWorker, "_do", do)


@pytest.fixture
def spoiler(monkeypatch):
    return Spoiler(monkeypatch)


def facts(table, scenario):
    keep = ("status", "cause", "summary", "lost", "error", "culprits", "inferred_from", "flaky")
    return {
        (cell["saved_with"], cell["loaded_with"]): (
            *(json.dumps(cell[key]) for key in keep),
            [(tried["id"], tried["status"]) for tried in cell["remedies"]],
        )
        for cell in table["cells"]
        if cell["scenario"] == scenario
    }


@pytest.fixture(scope="module")
def undisturbed():
    return {}


@pytest.fixture(scope="module")
def kept(tmp_path_factory):
    """The store and the reports of the run without a fault."""
    return tmp_path_factory.mktemp("kept")


FOLDERS = (".kerasmatrix", "reports")


def run_project(command):
    command.project(*ENVIRONMENTS, scenarios=(BAD, "other"))
    return command


def check_is_contained(code, table, expected):
    assert code == 3
    assert facts(table, "other") == expected["other"]
    own = facts(table, BAD)
    assert own.keys() == expected[BAD].keys()
    spoilt = [cell for cell in table["cells"] if cell["status"] == "infra"]
    assert spoilt
    assert {cell["scenario"] for cell in spoilt} == {BAD}
    for cell in spoilt:
        assert "a fault of kerasmatrix in kerasmatrix/" in cell["summary"]
        assert "RecursionError: too deep. Please report it" in cell["summary"]
    assert read_results(Path("reports/results.json").read_text(), "it")
    for name in ("index.html", "results.csv"):
        assert "other" in Path("reports", name).read_text()


@pytest.fixture
def expected(command, marked, undisturbed, kept):
    """The table without a fault of kerasmatrix."""
    run_project(command)
    if not undisturbed:
        code, table, _ = command(*ONE_JOB)
        assert code == 0
        undisturbed.update({name: facts(table, name) for name in (BAD, "other")})
        for folder in FOLDERS:
            shutil.move(folder, kept / folder)
    return undisturbed


@pytest.mark.parametrize("step", [*ALWAYS, *MEASURED])
def test_boundary_step_raises_other_rows_are_whole(step, expected, command, spoiler):
    spoiler.spoil(step)
    code, table, _ = command("--store", "another", *ONE_JOB)
    assert spoiler.hits
    check_is_contained(code, table, expected)


@pytest.mark.parametrize("step", [*ALWAYS, *KNOWN])
def test_boundary_step_raises_on_known_results(step, expected, command, spoiler, kept):
    for folder in FOLDERS:
        shutil.copytree(kept / folder, folder)
    spoiler.spoil(step)
    code, table, _ = command(*ONE_JOB)
    assert spoiler.hits
    check_is_contained(code, table, expected)


def failing(text):
    """Return a function of results that raises an exception where a cell has ``text``."""

    def make(results):
        if any(text in cell.summary for cell in results.cells):
            raise ZeroDivisionError("division by zero")
        return len(results.cells)

    return make


def test_make_apart_blames_only_the_cells_at_fault():
    whole = make_results()
    cells = tuple(
        cell.but(summary="wicked" if number in {3, 17, 18} else "fine")
        for number, cell in enumerate(whole.cells)
    )
    results, made = make_apart(whole.model_copy(update={"cells": cells}), failing("wicked"))
    assert made == len(cells)
    spoilt = [number for number, cell in enumerate(results.cells) if "fault" in cell.summary]
    assert spoilt == [3, 17, 18]
    assert all(results.cells[number].status is Status.INFRA for number in spoilt)


def test_make_apart_without_fault_returns_the_same_results():
    whole = make_results()
    assert make_apart(whole, failing("wicked"))[0] is whole


def test_make_apart_no_cell_to_blame_raises():
    def make(results):
        if len(results.cells) in {0, 50}:
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        make_apart(make_results(), make)


@pytest.mark.parametrize("error", [KeyboardInterrupt, InfrastructureError("disk full"), SystemExit])
def test_apart_lets_other_exceptions_pass(error):
    boundary = Boundary()
    row = Save("first", "h5", "a")
    passing = (KeyboardInterrupt, InfrastructureError, SystemExit)
    with pytest.raises(passing), boundary.apart(row):
        raise error
    assert not boundary.faults


def test_describe_fault_names_our_line_and_is_short():
    try:
        make_apart(make_results(), failing(""))
    except ZeroDivisionError as error:
        text = describe_fault(error)
    assert text.startswith("a fault of kerasmatrix in kerasmatrix/results/boundary.py, line ")
    assert "ZeroDivisionError: division by zero" in text
    assert str(Path.cwd()) not in text
    assert len(describe_fault(ValueError("x" * 10**6))) <= LONGEST_LINE


def test_boundary_fault_of_a_row_is_that_of_its_cells():
    boundary = Boundary()
    boundary.note(Save("first", "h5", "a"), ValueError("x"))
    assert boundary.of(Cell("first", "h5", "a", "b")) == boundary.of(Save("first", "h5", "a"))
    assert boundary.of(Cell("first", "h5", "b", "b")) is None
