"""Measures what a run itself costs as the matrix grows: its processor time and its memory.

The matrix is the project's own, the answers come from `synthetic.py` at once. Each size is a new
process, which saves, loads, tabulates and writes the reports.
"""

from __future__ import annotations

import dataclasses
import datetime
import json
import os
import resource
import subprocess
import sys
import tempfile
from pathlib import Path

from synthetic import SyntheticEngine

from kerasmatrix.cli.build_plan import plan_of
from kerasmatrix.config.matrix import load_matrix
from kerasmatrix.config.project import Project
from kerasmatrix.execution.evaluate import tabulate
from kerasmatrix.execution.runner import ExecutionOptions, Run
from kerasmatrix.report.write import write_reports
from kerasmatrix.results.schema import RunInfo
from kerasmatrix.store.store import Store

__all__ = ["growth"]

FORMATS = ("h5", "weights")  # which every version has
# Environments, scenarios, formats.
SIZES = (
    (5, 4, 1), (10, 5, 2), (23, 10, 2), (34, 44, 2),  # 100 to 100,000 cells
    (5, 10, 2), (10, 10, 2),  # with the third of the others: 5 to 23 environments
)  # fmt: skip


def growth() -> list[dict[str, float]]:
    """Return, for each size, its environments and cells, and what they cost."""
    return [_in_a_process(size) for size in SIZES]


def _in_a_process(size: tuple[int, int, int]) -> dict[str, float]:
    done = subprocess.run(
        [sys.executable, __file__, *map(str, size)], check=True, stdout=subprocess.PIPE, text=True
    )
    found: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return found


def _measure(environments: int, scenarios: int, formats: int) -> dict[str, float]:
    project = Project(Path("matrix.yaml"))
    matrix = load_matrix(project.matrix_file)
    chosen = list(matrix.environments)[:environments]
    selection = matrix.select(
        environments=tuple(chosen),
        scenarios=tuple(matrix.scenarios[:scenarios]),
        formats=FORMATS[:formats],
    )
    engine = SyntheticEngine()
    plan = plan_of(matrix, project, selection, engine, remedies="none")
    plan = dataclasses.replace(plan, infer=False)
    now = datetime.datetime.now(datetime.UTC)
    before, _ = _usage()
    with tempfile.TemporaryDirectory() as scratch:
        with Store(Path(scratch, "store")) as store:
            run = Run(plan, engine, store, id="growth", options=ExecutionOptions(jobs=2))
            state = run.execute()
        measured = _usage()
        info = RunInfo(
            id="growth", started=now, finished=datetime.datetime.now(datetime.UTC),
            engine=engine.name, command="growth", complete=True, measured=run.measured,
            known=run.known, retries=run.retries,
        )  # fmt: skip
        results = tabulate(state, info)
        write_reports(results, Path(scratch, "reports"))
    reported = _usage()
    tasks = run.measured
    return {
        "environments": environments,
        "cells": len(results.cells),
        "tasks": tasks,
        "run_ms_per_task": round(1000 * (measured[0] - before) / tasks, 2),
        "run_memory_mb": measured[1],
        "report_seconds": round(reported[0] - measured[0], 2),
        "memory_mb": reported[1],
    }


def _usage() -> tuple[float, int]:
    """Return the processor seconds used so far, and the most megabytes that were resident."""
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime, usage.ru_maxrss // 1024


if __name__ == "__main__":
    os.environ["OPENBLAS_NUM_THREADS"] = "1"
    print(json.dumps(_measure(*map(int, sys.argv[1:]))))
