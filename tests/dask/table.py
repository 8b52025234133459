"""Measures a project of fake environments with some engine, and makes tables comparable."""

from __future__ import annotations

import datetime
from pathlib import Path

from kerasmatrix.config.matrix import load_matrix
from kerasmatrix.config.scenario import load_scenario
from kerasmatrix.engines.base import Engine
from kerasmatrix.environments.locks import read_lock
from kerasmatrix.execution.evaluate import tabulate
from kerasmatrix.execution.plan import Plan
from kerasmatrix.execution.runner import Listener, Progress, Run
from kerasmatrix.results.schema import Results, RunInfo
from kerasmatrix.store.store import Store
from tests.unit.report.factory import CELL

# When, where and how long says nothing about a cell.
VOLATILE = {"measured_at", "seconds", "timings"}


class After(Progress):
    """Does something after so many jobs, once, while the run waits."""

    def __init__(self, jobs, act):
        self.left, self.act = jobs, act

    def ended(self, environment, job):
        self.left -= 1
        if self.left == 0:
            self.act()


def measure(
    matrix_file: Path,
    engine: Engine,
    store: Path,
    *,
    listener: Listener | None = None,
    jobs: int = 4,
) -> Results:
    """Run all that the matrix has and return what is known then."""
    matrix = load_matrix(matrix_file)
    selection = matrix.select()
    root = matrix_file.parent
    plan = Plan(
        selection=selection,
        scenarios={name: load_scenario(root / "scenarios" / name) for name in selection.scenarios},
        locks={
            env.name: read_lock(root / "images" / "locks", env) for env in selection.environments
        },
        engine=engine.name,
        recipe=engine.recipe,
        harness="",  # of the fake engine, which has none
        limits=matrix.limits,
        tolerance=matrix.tolerance,
        repair="the repairs",
    )
    now = datetime.datetime.now(datetime.UTC)
    with Store(store) as opened:
        run = Run(plan, engine, opened, id="test", jobs=jobs, listener=listener)
        observed = run.execute()
        assert not list((store / "scratch").iterdir())
        keys = [row[0] for row in opened.rows("observations")]
        assert len(keys) == len(set(keys))
    info = RunInfo(
        id="test", started=now, finished=now, engine=engine.name, command="test",
        complete=run.complete, measured=run.measured, known=run.known,
    )  # fmt: skip
    return tabulate(plan, observed, info, run.causes)


def table(results: Results) -> list[dict]:
    """Every cell with all that was found in it, but for when and how long."""
    return [plain(CELL.dump_python(cell, mode="json")) for cell in results.cells]


def plain(value):
    """What is in a table, but for when and how long."""
    if isinstance(value, dict):
        return {key: plain(each) for key, each in value.items() if key not in VOLATILE}
    if isinstance(value, list):
        return [plain(each) for each in value]
    return value
