"""An exception of ours in any step after measuring spoils the cells it is about, and no others."""

import importlib
import json
from pathlib import Path

import pytest

from kerasmatrix.bounds import LONGEST_LINE
from kerasmatrix.boundary import Boundary, describe_fault, make_apart
from kerasmatrix.errors import InfrastructureError
from kerasmatrix.outcome import Cell, Observation, Save, SaveFacts, Status
from kerasmatrix.repair import Attempt
from kerasmatrix.report.documents import read_results
from kerasmatrix.results import CellResult, Results
from tests.unit.fakes import FakeWorker
from tests.unit.report.factory import make_results

# Side by side, environments finish in another order each time.
ONE_JOB = ("--jobs", "1")
BAD = "wicked"  # which no digest has in it
ENVIRONMENTS = ("good-twin-a", "good-twin-b", "fails-no-compile", "picky-good-twin-a")
# All that is computed of one file's observations, as module and attribute.
STEPS = {
    "run": (
        "understand",
        "Store.keep_artifact",
        "_equivalence",
        "infrastructure_fault",
        "settle",
        "is_the_machines",
        "Store.remember",
        "artifact_of",
        "known_load",
        "failed_crossing",
    ),
    "agenda": (
        "judge_save",
        "class_of",
        "is_telling",
        "infer_load",
        "infer_repair",
        "needs_repair",
        "next_attempt",
    ),
    "knowledge": ("next_remedies", "find_chains", "known_conversion", "_known_crossing"),
    "inference": ("class_of", "is_telling", "infer_load", "infer_repair"),
    "tabulation": (
        "Observed.verdict",
        "Observed.cause",
        "Observed.judged",
        "Observed.side",
        "judge_save",
        "judge_cell",
        "judge_attempt",
        "_diagnosed",
        "_side",
        "_tried",
        "unsteady",
        "check_claims",
        "count_causes",
        "remedies_of",
    ),
    "plan": ("Plan.judge", "judge_load"),
    "outcome": ("_drift", "_lost", "_how"),
    "repair": ("Causes.of", "classify", "judge_attempt"),
    "diagnosis.classify": ("candidates",),
    "prediction.hindsight": ("_Files.read", "_foreseen", "is_measured", "score"),
    "report.documents": ("_dump",),
    "report.frame": ("cell_frame",),
    "report.page_data": ("_cell_columns", "_Details.row", "_Details._side"),
    "report.html": ("blocks_of",),
}
NAMED = [f"{module}:{name}" for module, names in STEPS.items() for name in names]


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
    if isinstance(value, Observation | SaveFacts):
        return BAD in value.model_dump_json()
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
def undisturbed(tmp_path_factory):
    return {}


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
def expected(command, marked, undisturbed):
    """What the table says without a fault of ours."""
    run_project(command)
    if not undisturbed:
        code, table, _ = command(*ONE_JOB)
        assert code == 0
        undisturbed.update({name: facts(table, name) for name in (BAD, "other")})
        undisturbed["fresh"] = True
    return undisturbed


@pytest.mark.parametrize("step", NAMED)
def test_boundary_step_raises_other_rows_are_whole(step, expected, command, spoiler):
    spoiler.spoil(step)
    code, table, _ = command("--fresh", *ONE_JOB)
    if not spoiler.hits:
        pytest.skip("not on the way of a run that measures")
    check_is_contained(code, table, expected)


@pytest.mark.parametrize("step", NAMED)
def test_boundary_step_raises_on_known_results(step, expected, command, spoiler):
    command(*ONE_JOB)
    spoiler.spoil(step)
    for path in Path(".kerasmatrix").glob("recollection*"):
        path.unlink()
    code, table, _ = command(*ONE_JOB)
    if not spoiler.hits:
        pytest.skip("not on the way of a run that measures nothing")
    check_is_contained(code, table, expected)
