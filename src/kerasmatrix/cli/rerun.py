"""Measures cells of a stored run again, where and as they were measured."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from kerasmatrix.cli.build_plan import plan_of, select
from kerasmatrix.cli.terminal import TerminalProgress, say_again
from kerasmatrix.config.matrix import load_matrix
from kerasmatrix.config.project import Project
from kerasmatrix.engines.select import open_engine
from kerasmatrix.errors import UsageError
from kerasmatrix.execution.flaky import is_settled, with_retries
from kerasmatrix.execution.plan import Plan
from kerasmatrix.execution.runner import Run
from kerasmatrix.execution.work_queue import Again
from kerasmatrix.results.observations import Cell
from kerasmatrix.results.schema import Results
from kerasmatrix.store.store import Store

__all__ = ["measure_again"]

MOST_JOBS = 8


def measure_again(
    results: Results, wanted: Sequence[Again], matrix_file: Path, store_folder: Path
) -> Results:
    """Return ``results`` with what was seen when some of its tasks were done again.

    Args:
        results: of a run that the store knows.
        wanted: what to do again.
        matrix_file: the matrix that was measured.
        store_folder: the store in which the saved files are.

    Raises:
        UsageError: the matrix is another by now, or the store does not know the run.
    """
    project, matrix = Project(matrix_file), load_matrix(matrix_file)
    selection = select(
        matrix=matrix,
        group="default",
        environments=tuple(told.name for told in results.environments),
        scenarios=tuple(told.name for told in results.scenarios),
        formats=results.formats,
        columns=(),
    )
    engine = open_engine(results.run.engine, matrix, project)
    progress = TerminalProgress()
    try:
        plan = plan_of(matrix, project, selection, engine)
        _check_locks(results, plan)
        with Store(store_folder) as store:
            run = Run(plan, engine, store, id=results.run.id, jobs=_jobs(), listener=progress)
            for again in wanted:
                _check_known(again, run, store_folder)
            left = [
                again for again in wanted if not is_settled(plan, run.observed, run.causes, again)
            ]
            if left:
                say_again(left)
                repetition = run.again(left)
                try:
                    progress.begins(repetition)
                    repetition.execute()
                finally:
                    progress.ends()
            return with_retries(results, plan, run.observed, run.causes)
    finally:
        engine.close()


def _jobs() -> int:
    return min(MOST_JOBS, os.cpu_count() or 2)


def _check_locks(results: Results, plan: Plan) -> None:
    for told in results.environments:
        if plan.locks[told.name].digest != told.lock:
            raise UsageError(
                f"{told.name} has another lock by now than in run {results.run.id}",
                hint="measure it anew: `nox -s matrix`",
            )


def _check_known(again: Again, run: Run, store: Path) -> None:
    of = again.of
    known = of in run.observed.loads if isinstance(of, Cell) else of in run.observed.saves
    if not known:
        raise UsageError(
            f"{store}: does not know {' / '.join(of)}, which is to be measured again",
            hint="name the store of that run with --store, or gate it without --retries",
        )
