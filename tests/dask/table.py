"""Measures a project of fake environments, and makes tables comparable."""

from __future__ import annotations

import datetime
from pathlib import Path

from kerasmatrix.config.matrix import load_matrix
from kerasmatrix.config.scenario import load_scenario
from kerasmatrix.engines.base import Engine
from kerasmatrix.environments.locks import read_lock
from kerasmatrix.execution.evaluate import tabulate
from kerasmatrix.execution.listener import Listener
from kerasmatrix.execution.plan import Plan
from kerasmatrix.execution.runner import ExecutionOptions, Run
from kerasmatrix.results.schema import Results, RunInfo
from kerasmatrix.store.store import Store
from tests.unit.report.factory import CELL

# These do not depend on the model.
VOLATILE = {"measured_at", "seconds", "timings"}


class After(Listener):
    """Calls a function once, after a number of tasks, while the run waits."""

    def __init__(self, jobs, act):
        self.remaining, self.act = jobs, act

    def ended(self, environment, job):
        self.remaining -= 1
        if self.remaining == 0:
            self.act()


def measure(
    matrix_file: Path,
    engine: Engine,
    store: Path,
    *,
    listener: Listener | None = None,
    jobs: int = 4,
) -> Results:
    """Run the whole matrix and return the results."""
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
        run = Run(
            plan, engine, opened, id="test", options=ExecutionOptions(jobs=jobs), listener=listener
        )
        state = run.execute()
        assert not list((store / "scratch").iterdir())
        keys = [row[0] for row in opened.observations.rows("observations")]
        assert len(keys) == len(set(keys))
    info = RunInfo(
        id="test", started=now, finished=now, engine=engine.name, command="test",
        complete=run.complete, measured=run.measured, known=run.known,
    )  # fmt: skip
    return tabulate(state, info)


def table(results: Results) -> list[dict]:
    """Return all cells without their volatile fields."""
    return [plain(CELL.dump_python(cell, mode="json")) for cell in results.cells]


def plain(value):
    """Return a value without volatile fields."""
    if isinstance(value, dict):
        return {key: plain(each) for key, each in value.items() if key not in VOLATILE}
    if isinstance(value, list):
        return [plain(each) for each in value]
    return value
